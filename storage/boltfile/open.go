package boltfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"
)

// lockTimeout is the longest wait for a file that another process has locked.
const lockTimeout = 200 * time.Millisecond

// Open inspects a bbolt file and opens it. The file gets as many bytes of address space as
// mapped says, or twice its size. Errors: [ErrNotExist], [*InUseError], [*CorruptError], all
// wrapped, and those of the system.
func Open(path string, mapped int) (*DB, error) {
	size, err := Inspect(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s %w", path, ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	var db *bolt.DB
	var file *os.File
	mapped = max(mapped, 2*int(size))
	open := func(name string, flag int, mode fs.FileMode) (_ *os.File, err error) {
		file, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
		return file, err
	}
	err = Guard(path, func() (err error) {
		db, err = bolt.Open(path, 0o600, &bolt.Options{
			OpenFile:        open,
			Timeout:         lockTimeout,
			FreelistType:    bolt.FreelistMapType,
			InitialMmapSize: mapped,
			NoStatistics:    true,
			// Otherwise opening a file that keeps no free list would write to it. The first
			// commit writes the list.
			NoFreelistSync: true,
		})
		return err
	})
	if err == nil {
		db.NoFreelistSync = false
		d, err := newDB(path, db, file, mapped)
		if err != nil {
			return nil, errors.Join(err, db.Close())
		}
		return d, nil
	}
	if file != nil {
		abandon(file)
	}
	switch {
	case isCorrupt(err):
		return nil, err
	case errors.Is(err, berrors.ErrTimeout):
		return nil, &InUseError{Folder: filepath.Dir(path)}
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return nil, &CorruptError{File: path, Err: err}
	}
	return nil, Unreadable(path, fmt.Errorf("open %s: %w", path, err))
}

// abandon gives up a file whose bbolt cannot be closed. After a panic in bbolt the lock is
// still held, and its map keeps it when the file is closed. Where bbolt has closed the file
// this does nothing.
func abandon(file *os.File) {
	unix.Flock(int(file.Fd()), unix.LOCK_UN)
	file.Close()
}
