package storage

import (
	"errors"
	"path/filepath"

	"gatebook/storage/boltfile"
	"gatebook/storage/tree"
	"gatebook/storage/treehead"
)

// CheckSource returns a [*SideFileError] for a secret file that the backup has, and the data folder in which
// the log is has not any more. Nothing else may have the last copy of a key.
func (b *BackupFolder) CheckSource(data string) error {
	for _, name := range []string{KeyFile, AccountsFile} {
		if path := filepath.Join(data, name); !isThere(path) {
			if err := b.checkLost(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkLost returns an error where the backup has a file that its source lacks.
func (b *BackupFolder) checkLost(path string) error {
	kept := b.path(filepath.Base(path))
	if !isThere(kept) {
		return nil
	}
	return &SideFileError{File: path, Err: errors.New("it is missing, and the backup has it as " + kept + ": put it back from there, or back up into another folder")}
}

// checkSent checks the files beside the log as far as that takes no log, before anything else is received.
func (r *backupReceiver) checkSent() error {
	if r.checked || !r.plan.Secrets {
		r.checked = true
		return nil
	}
	for _, name := range []string{KeyFile, AccountsFile} {
		if _, sent := r.side[name]; sent {
			continue
		}
		if err := r.checkLost(name); err != nil {
			return err
		}
	}
	if key, sent := r.side[KeyFile]; sent {
		if _, err := treehead.ParseSigner(treehead.Origin(r.id), key); err != nil {
			return &SideFileError{File: KeyFile, Err: err}
		}
	}
	if content, sent := r.side[AccountsFile]; sent && r.Accounts != nil {
		if err := r.Accounts(content); err != nil {
			return &SideFileError{File: AccountsFile, Err: err}
		}
	}
	r.checked = true
	return nil
}

// checkSide checks the files beside the log with the log that was received, before the newest segment and
// the files replace those of an earlier backup.
func (r *backupReceiver) checkSide() error {
	newest := r.newestReceived()
	if newest == nil {
		return nil
	}
	m, err := r.look(newest)
	if err != nil {
		return err
	}
	check := &sideFileCheck{
		keys: treehead.Keys{Origin: treehead.Origin(r.id), All: m.keys}, end: r.plan.Sequence,
		rootAt: r.rootAt, secrets: r.plan.Secrets, accounts: r.Accounts,
	}
	return check.check(r.side)
}

// newestReceived returns the newest segment, which is not yet in the backup where it came in pieces.
func (r *backupReceiver) newestReceived() *segment {
	switch {
	case r.slice != nil:
		return r.slice.writer.segment
	case r.before != nil:
		return &segment{path: r.path(logFolder, segmentName(r.before.First)), first: r.before.First}
	}
	return nil
}

// rootAt returns the root of the tree over the first records of the log that was received.
func (r *backupReceiver) rootAt(size uint64) (root tree.Hash, err error) {
	newest := r.newestReceived()
	if size+1 < newest.first { // the tree ends in a segment that was there before
		all, err := listSegments(r.folder.Log())
		if err != nil {
			return root, err
		}
		for _, s := range all {
			if s.first <= size+1 {
				newest = s
			}
		}
	}
	err = newest.view(func(from *boltfile.Reader) (err error) {
		root, err = rootIn(newest, from, size)
		return err
	})
	return root, err
}
