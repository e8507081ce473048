package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Folder is a data folder that this process has for itself. The lock is on a
// file of its own, because a database file can be replaced by a rename while its
// lock stays with what was there before.
type Folder struct {
	// Path is the folder's.
	Path string
	lock *os.File
}

// The names of the files in a data folder.
const (
	logFile  = "log.db"
	bookFile = "book.db"
	lockFile = "lock"
)

// Log is the path of the log.
func (f *Folder) Log() string { return filepath.Join(f.Path, logFile) }

// Book is the path of the book.
func (f *Folder) Book() string { return filepath.Join(f.Path, bookFile) }

// LockFolder takes a data folder for this process. The folder is created when it
// does not exist, but never its parents. Errors: [*InUseError] and those of the
// system, wrapped.
func LockFolder(path string) (*Folder, error) {
	err := os.Mkdir(path, 0o700)
	if err == nil { // its name has to last as long as what is put into it
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("create data folder: %w", err)
	}
	if info, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("data folder %s is no folder", path)
	}
	lock, err := os.OpenFile(filepath.Join(path, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder %s cannot be written to: %w", path, err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = &InUseError{Folder: path}
		} else {
			err = fmt.Errorf("lock data folder %s: %w", path, err)
		}
		return nil, errors.Join(err, lock.Close())
	}
	return &Folder{Path: path, lock: lock}, nil
}

// Unlock gives the folder back. The lock is released before its file is closed: a child
// that another goroutine is just starting has that file too, for a moment, and would keep
// the lock as long.
func (f *Folder) Unlock() error {
	return errors.Join(unix.Flock(int(f.lock.Fd()), unix.LOCK_UN), f.lock.Close())
}
