package treehead

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gatebook/internal/owner"
	"gatebook/internal/regular"
	"gatebook/storage/boltfile"
)

// fileBytes is the most that a file of this package has.
const fileBytes = 64 << 10

// WriteFile replaces a file, for its owner alone, completely or not at all, and returns when
// that is durable.
func WriteFile(path string, content []byte) error {
	temporary := path + ".new"
	err := writeSynced(temporary, content)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, boltfile.RemoveIfThere(temporary)))
	}
	return boltfile.SyncFolder(filepath.Dir(path))
}

func writeSynced(path string, content []byte) error {
	if err := boltfile.RemoveIfThere(path); err != nil { // with whatever mode it has
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = owner.Keep(path); err == nil {
		_, err = f.Write(content)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// ReadFile returns the content of a file. The error wraps [os.ErrNotExist] where there is none.
func ReadFile(path string) ([]byte, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, fileBytes+1))
	if err == nil && len(content) > fileBytes {
		err = fmt.Errorf("%s is longer than a head or a key can be", path)
	}
	return content, errors.Join(err, f.Close())
}
