package storage

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gatebook/internal/owner"
	"gatebook/internal/regular"
	"gatebook/storage/boltfile"
)

// Fill makes the folder one that a command fills: it is empty, or the same command has begun to
// fill it and has not finished; what that has left is removed. Until [Folder.Filled] is called
// the folder cannot be used. Errors: those of the system, and for a folder that is not empty.
func (f *Folder) Fill(command string) error {
	began, there, err := f.unfinished()
	if err != nil && !there {
		return err
	}
	if there && err == nil && began != command {
		return &UnusableError{Folder: f.Path, Command: began}
	}
	entries, err := os.ReadDir(f.Path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == lockFile || strings.HasPrefix(e.Name(), restoreMarkFile) {
			continue
		}
		if !there {
			return fmt.Errorf("%s is not empty: %s is in it; name an empty folder, or one that does not exist", f.Path, e.Name())
		}
	}
	if err := replaceJSON(filepath.Join(f.Path, restoreMarkFile), &unfinishedMark{Command: command}); err != nil {
		return fmt.Errorf("begin to %s: %w", command, err)
	}
	for _, e := range entries {
		if e.Name() == lockFile || strings.HasPrefix(e.Name(), restoreMarkFile) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(f.Path, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Filled makes a folder that was filled one that can be used.
func (f *Folder) Filled() error {
	if err := boltfile.SyncFolder(f.Path); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(f.Path, restoreMarkFile)); err != nil {
		return err
	}
	return boltfile.SyncFolder(f.Path)
}

// InspectBackup returns what a backup says of itself, and where its log ends. Errors: for a folder that is
// no complete backup, [*CorruptError], and those of the system.
func InspectBackup(backup string) (*BackupMark, Head, error) {
	mark, err := ReadBackupMark(backup)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Head{}, fmt.Errorf("%s is no backup: gatebook backup has not written %s into it", backup, backupMarkFile)
	}
	if err == nil {
		err = mark.Check(mark.Sequence)
	}
	if err != nil {
		return nil, Head{}, err
	}
	log, err := DescribeLog((&Folder{Path: backup}).Log())
	if err != nil {
		return nil, Head{}, err
	}
	return mark, log.Head, mark.Check(log.Head.Sequence)
}

// CopyBackup copies a backup, which [InspectBackup] has found, into a folder that is filled ([Folder.Fill]).
// It does not change the backup, and does not verify the copy. Errors: those of ctx and of the system.
func CopyBackup(ctx context.Context, backup string, to *Folder, pace Pace) error {
	c := &backupCopy{ctx: ctx, pace: pace, from: &Folder{Path: backup}, to: to}
	return c.copy()
}

// OfBackup returns the damage of a backup that was found in its copy: it names the backup's file. It returns
// false where the copy has another content than that file.
func OfBackup(backup string, to *Folder, fault *CorruptError) (found *CorruptError, copied bool) {
	name, err := filepath.Rel(to.Path, fault.File)
	if err != nil || !filepath.IsLocal(name) {
		return fault, true
	}
	found = &CorruptError{File: filepath.Join(backup, name), Sequence: fault.Sequence, Err: fault.Err}
	return found, !isRegular(fault.File) || sameContent(found.File, fault.File)
}

// sameContent reports whether two files have the same bytes, as far as they can be read.
func sameContent(a, b string) bool {
	var sums [2][sha256.Size]byte
	for i, path := range []string{a, b} {
		f, err := regular.Open(path)
		if err != nil {
			return i == 0 // what cannot be read any more is damaged
		}
		h := sha256.New()
		_, err = io.Copy(h, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return i == 0
		}
		h.Sum(sums[i][:0])
	}
	return sums[0] == sums[1]
}

// backupCopy copies one backup.
type backupCopy struct {
	ctx      context.Context
	pace     Pace
	from, to *Folder
	done, of int64
}

func (c *backupCopy) copy() error {
	segments, err := listSegments(c.from.Log())
	if err != nil {
		return err
	}
	for _, s := range segments {
		info, err := os.Stat(s.path)
		if err != nil {
			return err
		}
		c.of += info.Size()
	}
	if err := makeFolder(c.to.Log()); err != nil {
		return err
	}
	for _, s := range segments {
		if err := c.file(s.path, filepath.Join(c.to.Log(), filepath.Base(s.path))); err != nil {
			return err
		}
	}
	for _, name := range backupFiles() {
		from := filepath.Join(c.from.Path, name)
		if !isRegular(from) {
			continue
		}
		if err := c.file(from, filepath.Join(c.to.Path, name)); err != nil {
			return err
		}
	}
	return errors.Join(boltfile.SyncFolder(c.to.Log()), boltfile.SyncFolder(c.to.Path))
}

// file copies a file, and syncs it.
func (c *backupCopy) file(from, to string) error {
	r, err := regular.Open(from)
	if err != nil {
		return err
	}
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return errors.Join(err, r.Close())
	}
	if err := owner.Keep(to); err != nil {
		return errors.Join(err, w.Close(), r.Close())
	}
	sparse := &sparseWriter{file: w}
	err = copyAll(c.ctx, sparse, r, func(n int64) error {
		c.done += n
		if c.pace == nil {
			return nil
		}
		return c.pace(min(c.done, c.of), c.of)
	})
	if failed, ok := errors.AsType[*fs.PathError](err); ok && failed.Path == from {
		err = (&blockReader{path: from}).corrupt(0, err) // the disk cannot read it
	}
	if err == nil {
		err = sparse.finish()
	}
	return errors.Join(err, w.Close(), r.Close())
}
