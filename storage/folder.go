package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"gatebook/storage/boltfile"
)

// Folder is a data folder that this process has locked. The lock is on a file of its
// own: a database file can be replaced by a rename, and its lock would stay with the old
// file.
type Folder struct {
	// Path is the path of the folder.
	Path string
	lock *os.File
}

// The names of the files in a data folder.
const (
	logFile     = "log.db"
	archiveFile = "book.db"
	lockFile    = "lock"
)

// Log returns the path of the log.
func (f *Folder) Log() string { return filepath.Join(f.Path, logFile) }

// Archive returns the path of the archive.
func (f *Folder) Archive() string { return filepath.Join(f.Path, archiveFile) }

// LockFolder locks a data folder for this process. It creates the folder when it does not
// exist, but never its parents. Errors: [*InUseError] and those of the system, wrapped.
func LockFolder(path string) (*Folder, error) {
	err := os.Mkdir(path, 0o700)
	if err == nil { // the folder's name must be as durable as the files in it
		err = boltfile.SyncFolder(filepath.Dir(path))
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

// Unlock releases the lock, and only then closes its file. A child process that another
// goroutine is starting inherits the file for a moment, and would otherwise keep the lock
// for as long.
func (f *Folder) Unlock() error {
	return errors.Join(unix.Flock(int(f.lock.Fd()), unix.LOCK_UN), f.lock.Close())
}
