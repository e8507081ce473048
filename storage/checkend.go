package storage

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"gatebook/migrations"
	"gatebook/storage/boltfile"
	"gatebook/storage/tree"
)

// CheckEnd returns an error for a log, which no process has open, that ends before it has acknowledged, as its file
// tail says. For a backup, it also returns one where the log ends before its mark says or with another
// record, and where the head beside it is not the one that was backed up. It reads one record. Errors: [*CorruptError]
// and those of the system.
func (f *Folder) CheckEnd(log *LogInfo) error {
	v := newVerifier(context.Background(), nil)
	v.ID, v.Head, v.newest = log.ID, log.Head, &segmentMeta{id: log.ID}
	mark, err := ReadBackupMark(f.Path)
	if err == nil {
		err = f.checkBackupEnd(mark, &v.Verified)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil && len(v.Faults) == 0 {
		err = v.tail(f.Log())
	}
	if err == nil && len(v.Faults) > 0 {
		err = v.Faults[0]
	}
	return err
}

// checkBackupEnd adds a fault where a backup does not end as its mark says.
func (f *Folder) checkBackupEnd(mark *BackupMark, v *Verified) error {
	if err := mark.Check(v.Head.Sequence); err != nil {
		v.Faults = append(v.Faults, &CorruptError{File: f.Path, Err: err})
		return nil
	}
	if err := checkLastRecord(f, mark, v); err != nil {
		return err
	}
	fault, err := mark.checkFile(f, HeadFile)
	if fault != nil {
		v.Faults = append(v.Faults, &CorruptError{File: filepath.Join(f.Path, HeadFile), Err: fault})
	}
	return err
}

// RootAt returns the root of the tree over the first records of a log, which no process has open and which has as
// many. It reads at most 256 records. It returns false where the segment is of a format without hashes.
func (f *Folder) RootAt(log *LogInfo, size uint64) (root tree.Hash, known bool, err error) {
	segments, err := listSegments(f.Log())
	if err != nil {
		return root, false, err
	}
	at := 0
	for i, s := range segments {
		if s.first <= size {
			at = i
		}
	}
	if log.Segments[at].Format < migrations.TreeFormat {
		return root, false, nil
	}
	err = segments[at].view(func(r *boltfile.Reader) (err error) {
		root, err = rootIn(segments[at], r, size)
		return err
	})
	return root, err == nil, err
}
