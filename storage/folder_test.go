package storage_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatebook/storage"
)

// TestInUse has another process, and then this one, hold the lock.
func TestInUse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		work string
		take func(folder string) (release func() error, err error)
	}{
		{"log", func(folder string) (func() error, error) {
			log, err := storage.OpenBolt(filepath.Join(folder, "log"), storage.BoltOptions{})
			if err != nil {
				return nil, err
			}
			return log.Close, nil
		}},
		{"book", func(folder string) (func() error, error) {
			archive, err := storage.OpenArchive(filepath.Join(folder, "book.db"), [16]byte{}, nil)
			if err != nil {
				return nil, err
			}
			return archive.Close, nil
		}},
		{"folder", func(folder string) (func() error, error) {
			locked, err := storage.LockFolder(folder)
			if err != nil {
				return nil, err
			}
			return locked.Unlock, nil
		}},
	} {
		t.Run(c.work, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			err := errors.Join(
				storage.CreateBolt(filepath.Join(folder, "log")),
				storage.CreateArchive(filepath.Join(folder, "book.db"), [16]byte{}, nil))
			if err != nil {
				t.Fatal(err)
			}
			wantInUse := func(holder string) {
				t.Helper()
				release, err := c.take(folder)
				var inUse *storage.InUseError
				if !errors.As(err, &inUse) || inUse.Folder != folder {
					t.Errorf("held by %s: got %v, want an InUseError of %s", holder, err, folder)
				}
				if err == nil {
					t.Error(release())
				}
			}
			path := folder
			if c.work != "folder" {
				path = filepath.Join(folder, map[string]string{"log": "log", "book": "book.db"}[c.work])
			}
			release := takenElsewhere(t, c.work, path)
			wantInUse("another process")
			release()

			mine, err := c.take(folder)
			if err != nil {
				t.Fatalf("after it was released: %v", err)
			}
			wantInUse("this process")
			if err := mine(); err != nil {
				t.Error(err)
			}
			again, err := c.take(folder)
			if err != nil {
				t.Fatalf("after this process released it: %v", err)
			}
			if err := again(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLockFolder(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	locked, err := storage.LockFolder(folder)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(folder)
	if err != nil || info.Mode() != fs.ModeDir|0o700 {
		t.Errorf("the folder was created with mode %v and error %v, want 0700", info.Mode(), err)
	}
	if got, want := locked.Log(), filepath.Join(folder, "log"); got != want {
		t.Errorf("the log is %s, want %s", got, want)
	}
	if got, want := locked.Archive(), filepath.Join(folder, "book.db"); got != want {
		t.Errorf("the archive is %s, want %s", got, want)
	}
	if err := locked.Unlock(); err != nil {
		t.Error(err)
	}
}

// TestUnlockWithAChild unlocks a folder while a child process still has the lock's file. The
// folder is free.
func TestUnlockWithAChild(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data")
	folder, err := storage.LockFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), "cat")
	child.ExtraFiles = []*os.File{folder.LockFile()}
	input, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if err := folder.Unlock(); err != nil {
		t.Error(err)
	}
	again, err := storage.LockFolder(path)
	if err != nil {
		t.Errorf("the child keeps the lock: %v", err)
	} else if err := again.Unlock(); err != nil {
		t.Error(err)
	}
	if err := errors.Join(input.Close(), child.Wait()); err != nil {
		t.Error(err)
	}
}

func TestLockFolderThatCannotBe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path string
		want       error
	}{
		{"parents are not created", filepath.Join(dir, "a", "b"), fs.ErrNotExist},
		{"a file in its place", file, nil},
		{"a file among its parents", filepath.Join(file, "data"), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			locked, err := storage.LockFolder(c.path)
			if err == nil {
				t.Fatal(locked.Unlock())
			}
			if c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.path) {
				t.Errorf("got %v, want an error that names %s", err, c.path)
			}
		})
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, with error %v", entries, err)
	}
}

// TestLockFolderReadOnly locks a folder that cannot be written to, and expects an error
// that says so.
func TestLockFolderReadOnly(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	err := asNobody(t, folder, func() error {
		locked, err := storage.LockFolder(folder)
		if err == nil {
			err = locked.Unlock()
		}
		return err
	})
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), folder) {
		t.Errorf("got %v, want that permission for %s is denied", err, folder)
	}
}
