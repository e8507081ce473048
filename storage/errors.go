package storage

import (
	"errors"
	"fmt"
	"path/filepath"

	"gatebook/internal/shell"
	"gatebook/storage/boltfile"
)

// The errors that callers distinguish.
var (
	// ErrConflict: the stream has moved on since the decider looked. Decide again.
	ErrConflict = errors.New("the stream has moved on")
	// ErrBusy: the inbox was full until the caller's context ended.
	ErrBusy = errors.New("too many appends are waiting")
	// ErrTooLarge: the list is larger than a commit may be.
	ErrTooLarge = errors.New("too large to append")
	// ErrDiskFull: the disk has no space for the records. The next append tries again, and the log looks for space by itself.
	ErrDiskFull = errors.New("the disk is full")
	// ErrReadOnly: a write failed, and the state of the disk is unknown since.
	ErrReadOnly = errors.New("the log is read-only since a write failed")
	// ErrClosed: the log was closed.
	ErrClosed = errors.New("the log is closed")
	// ErrNotExist: the file does not exist.
	ErrNotExist = boltfile.ErrNotExist
)

// CorruptError reports a file whose content is not what was written to it.
type CorruptError = boltfile.CorruptError

// GoneError reports a file that was removed or replaced while it is in use.
type GoneError = boltfile.GoneError

// Unreadable returns the [*CorruptError] of an error of a file that the disk cannot read, and any other
// error as it is.
func Unreadable(path string, err error) error { return boltfile.Unreadable(path, err) }

// NoFolderError reports a path that is no data folder.
type NoFolderError struct {
	Folder string
	// Foreign: there is such a folder, with other files in it.
	Foreign bool
	// Unlocked: it has a log, and lacks the file with which processes keep each other out.
	Unlocked bool
}

func (e *NoFolderError) Error() string {
	if e.Unlocked {
		return fmt.Sprintf("data folder %s has a log, and no file %s, with which one process keeps others out of it: if no server runs there, make an empty one with touch %s",
			e.Folder, lockFile, shell.Quote(filepath.Join(e.Folder, lockFile)))
	}
	if e.Foreign {
		return fmt.Sprintf("%s is no data folder: it holds other files; name the right one with --data", e.Folder)
	}
	return fmt.Sprintf("there is no data folder %s; name the right one with --data", e.Folder)
}

// InUseError reports a data folder that another process has locked.
type InUseError = boltfile.InUseError
