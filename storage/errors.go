package storage

import (
	"errors"
	"fmt"
)

// The errors that callers distinguish.
var (
	// ErrConflict: the stream has moved on since the decider looked. Decide again.
	ErrConflict = errors.New("the stream has moved on")
	// ErrBusy: the inbox was full until the caller's context ended.
	ErrBusy = errors.New("too many appends are waiting")
	// ErrTooLarge: the list is larger than a commit may be.
	ErrTooLarge = errors.New("too large to append")
	// ErrDiskFull: the disk has no space for the records. The next append tries again.
	ErrDiskFull = errors.New("the disk is full")
	// ErrReadOnly: a write failed, and the state of the disk is unknown since.
	ErrReadOnly = errors.New("the log is read-only since a write failed")
	// ErrClosed: the log was closed.
	ErrClosed = errors.New("the log is closed")
	// ErrNotExist: the file does not exist.
	ErrNotExist = errors.New("does not exist")
)

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

// InUseError reports a data folder that another process has locked.
type InUseError struct {
	Folder string
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("data folder %s is in use by another process; stop it, or name another folder", e.Folder)
}
