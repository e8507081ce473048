package storage_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gatebook/storage"
)

// TestLockExisting locks folders without creating any: a path that is not there, one with
// other files, an empty one, one with accounts and no book, and a data folder.
func TestLockExisting(t *testing.T) {
	t.Parallel()
	file := func(t *testing.T, folder, name string) string {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	for _, c := range []struct {
		name            string
		folder          func(t *testing.T) string
		absent, foreign bool
	}{
		{"absent", func(t *testing.T) string { return filepath.Join(t.TempDir(), "none") }, true, false},
		{"foreign", func(t *testing.T) string { return file(t, t.TempDir(), "passwd") }, true, true},
		{"empty", func(t *testing.T) string { return t.TempDir() }, false, false},
		{"with accounts", func(t *testing.T) string { return file(t, t.TempDir(), "accounts") }, false, false},
		{"data folder", func(t *testing.T) string { return file(t, t.TempDir(), "lock") }, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			folder := c.folder(t)
			before, _ := os.ReadDir(folder) // it may not exist
			locked, err := storage.LockExisting(folder)
			none, refused := errors.AsType[*storage.NoFolderError](err)
			if refused != c.absent || refused && (none.Foreign != c.foreign || none.Folder != folder) || !refused && err != nil {
				t.Fatalf("got %v", err)
			}
			if after, _ := os.ReadDir(folder); len(after) != len(before) {
				t.Errorf("it created %v", after)
			}
			if err == nil {
				if err := locked.Unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	t.Run("in use", func(t *testing.T) {
		t.Parallel()
		folder := t.TempDir()
		held, err := storage.LockFolder(folder)
		if err != nil {
			t.Fatal(err)
		}
		defer held.Unlock()
		if _, err := storage.LockExisting(folder); !errors.As(err, new(*storage.InUseError)) {
			t.Errorf("got %v", err)
		}
	})
}
