package storage

import (
	"errors"
	"fmt"
)

// The errors a caller can tell apart.
var (
	// ErrConflict: the stream has moved on since the decider looked. Decide again.
	ErrConflict = errors.New("the stream has moved on")
	// ErrBusy: the inbox stayed full until the caller's time was over.
	ErrBusy = errors.New("too many appends are waiting")
	// ErrTooLarge: a list is larger than a commit may be.
	ErrTooLarge = errors.New("too large to append")
	// ErrDiskFull: there is no space for it. The next append tries again.
	ErrDiskFull = errors.New("the disk is full")
	// ErrReadOnly: a write failed, and nothing is assumed of the disk since.
	ErrReadOnly = errors.New("the log is read-only since a write failed")
	// ErrClosed: the log was closed.
	ErrClosed = errors.New("the log is closed")
	// ErrNotExist: there is no such file.
	ErrNotExist = errors.New("does not exist")
)

// CorruptError tells that a file is not what was written to it. The file is left
// as it is.
type CorruptError struct {
	File string
	// Sequence is the record in question, 0 when it is about the file as a whole.
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

func corrupted(err error) bool {
	var e *CorruptError
	return errors.As(err, &e)
}

// InUseError tells that another process has the data folder.
type InUseError struct {
	Folder string
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("data folder %s is in use by another process; stop it, or name another folder", e.Folder)
}
