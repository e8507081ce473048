package boltfile

import (
	"errors"
	"fmt"
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

// InUseError reports a data folder that another process has locked.
type InUseError struct {
	Folder string
}

func (e *InUseError) Error() string {
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
