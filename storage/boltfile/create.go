package boltfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatebook/internal/owner"
)

// Create creates a bbolt file completely or not at all. It fills the file under a
// temporary name, syncs it, renames it and syncs the folder, so that a half-initialised
// file never has the real name. It returns an error if the file exists.
func Create(path string, fill func(*bolt.Tx) error) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = fs.ErrExist
		}
		return fmt.Errorf("create %s: %w", path, err)
	}
	temporary := path + ".new"
	// A file that an earlier attempt left was never in use.
	err := RemoveIfThere(temporary)
	if err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	if err = fillBolt(temporary, fill); err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", path, errors.Join(err, RemoveIfThere(temporary)))
	}
	return SyncFolder(filepath.Dir(path))
}

func fillBolt(path string, fill func(*bolt.Tx) error) error {
	// The file has no name yet that anybody looks for: one sync at the end is enough.
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second, NoSync: true, NoGrowSync: true})
	if err != nil {
		return err
	}
	if err = owner.Keep(path); err == nil {
		err = db.Update(fill)
	}
	if err == nil {
		err = db.Sync()
	}
	return errors.Join(err, db.Close())
}

// RemoveIfThere removes a file, and does nothing where there is none.
func RemoveIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// SyncFolder makes the names of the files in a folder durable.
func SyncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync folder %s: %w", path, err)
	}
	return nil
}
