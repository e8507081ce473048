package boltfile

import (
	"errors"
	"fmt"
	"syscall"
)

// ErrNotExist: the file does not exist.
var ErrNotExist = errors.New("does not exist")

// CorruptError reports a file whose content is not what was written to it. The file is
// left unchanged.
type CorruptError struct {
	File string
	// Sequence is the damaged record, 0 when the damage is not in one record.
	Sequence uint64
	Err      error
}

func (e *CorruptError) Error() string {
	if e.Sequence == 0 {
		return fmt.Sprintf("%s is damaged: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s is damaged at record %d: %v", e.File, e.Sequence, e.Err)
}

func (e *CorruptError) Unwrap() error { return e.Err }

// Unreadable returns the [*CorruptError] of an error of a file that the disk cannot read (EIO). It returns any
// other error as it is: a read that failed otherwise does not show that the content is damaged.
func Unreadable(path string, err error) error {
	if !errors.Is(err, syscall.EIO) || isCorrupt(err) {
		return err
	}
	return &CorruptError{File: path, Err: fmt.Errorf("the disk cannot read it: %w", err)}
}

// InUseError reports a data folder that another process has locked.
type InUseError struct {
	Folder string
	// Backup is true for the folder of a backup.
	Backup bool
}

func (e *InUseError) Error() string {
	if e.Backup {
		return fmt.Sprintf("the backup %s is in use by another process, as by another gatebook backup into it; wait for its end, or name another folder", e.Folder)
	}
	return fmt.Sprintf("data folder %s is in use by another process; stop it, or name another folder", e.Folder)
}

// GoneError reports a file that was removed or replaced while it is in use.
type GoneError struct {
	File string
	Err  error
}

func (e *GoneError) Error() string {
	return fmt.Sprintf("%s was removed or replaced while it is in use: %v", e.File, e.Err)
}

func (e *GoneError) Unwrap() error { return e.Err }
