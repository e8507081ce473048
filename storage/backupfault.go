package storage

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// faultEntry is the last entry of a stream without an end, where damage of the log has ended it.
const faultEntry = "fault.json"

// backupFault is why the stream of a backup ends before its end.
type backupFault struct {
	// File is the name of the damaged file, in the log's folder.
	File string `json:"file"`
	// Sequence is the damaged record, 0 where the damage is not in one record.
	Sequence uint64 `json:"sequence,omitempty"`
	Error    string `json:"error"`
}

// sendFault writes damage that ends the stream, so that the receiver can name the file. It returns the
// error as it is: the stream may be cut in the middle of an entry, where nothing can follow.
func (b *backupWriter) sendFault(err error) error {
	fault, ok := errors.AsType[*CorruptError](err)
	if !ok {
		return err
	}
	why := fault.Err
	if failed, ok := errors.AsType[*fs.PathError](why); ok {
		why = failed.Err // its path is no business of a receiver elsewhere
	}
	_ = b.json(faultEntry, backupFault{File: filepath.Base(fault.File), Sequence: fault.Sequence, Error: why.Error()})
	_ = b.tar.Flush()
	return err
}

// fault returns the error of a stream that damage of the log has ended.
func (r *backupReceiver) fault(h *tar.Header) error {
	content, err := r.read(h, sideFileBytes)
	if err != nil {
		return err
	}
	var sent backupFault
	if err := json.Unmarshal(content, &sent); err != nil {
		return fmt.Errorf("why the stream of the backup ends: %w", err)
	}
	return notBackedUp(&CorruptError{File: r.sourceOf(sent.File), Sequence: sent.Sequence, Err: errors.New(sent.Error)})
}

// blame returns the error for a segment that was received and is not as it was written. Where the log is on
// this machine, and the segment is whole there, it is the copy that is damaged.
func (b *BackupFolder) blame(path string, err error) error {
	fault, ok := errors.AsType[*CorruptError](err)
	if !ok || fault.File != path {
		return err
	}
	name := filepath.Base(path)
	if b.source != "" {
		_, there := b.verifier.checkedSegment(filepath.Join(b.source, name), b.id)
		if found, ok := errors.AsType[*CorruptError](there); ok && !errors.Is(found.Err, errNotSealed) {
			return notBackedUp(found)
		}
		if there == nil {
			return fmt.Errorf("%s is whole, and its copy is not (%w): the disk of %s has changed what was written; name a folder on another disk",
				filepath.Join(b.source, name), err, b.folder.Path)
		}
	}
	return notBackedUp(&CorruptError{File: b.sourceOf(name), Sequence: fault.Sequence, Err: fault.Err})
}

// sourceOf returns what a segment of the log that is backed up is called in errors: its path, or its name
// in the data folder elsewhere.
func (b *BackupFolder) sourceOf(name string) string {
	if b.source == "" {
		return filepath.Join(logFolder, name)
	}
	return filepath.Join(b.source, name)
}

// notBackedUp adds the way out to an error of a backup that is damage of the log.
func notBackedUp(err error) error {
	fault, ok := errors.AsType[*CorruptError](err)
	if !ok {
		return err
	}
	return fmt.Errorf("the log cannot be backed up: %w; the backup has none of that file, and ends where it did. Restore the file from a copy; "+
		"gatebook verify names each fault, and with --salvage it copies what is whole", fault)
}
