package storage_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatebook/storage"
)

// creations are the two kinds of files.
var creations = []struct {
	name   string
	create func(path string) error
	open   func(path string) error
}{
	{"log", storage.CreateBolt, func(path string) error {
		log, err := storage.OpenBolt(path, storage.BoltOptions{})
		if err != nil {
			return err
		}
		return log.Close()
	}},
	{"archive", func(path string) error { return storage.CreateArchive(path, [16]byte{1}, []string{"a"}) }, func(path string) error {
		archive, err := storage.OpenArchive(path, [16]byte{1}, []string{"a"})
		if err != nil {
			return err
		}
		return archive.Close()
	}},
}

func TestCreate(t *testing.T) {
	t.Parallel()
	for _, c := range creations {
		for _, left := range []struct {
			name    string
			content []byte
		}{
			{"nothing before", nil},
			{"a half-made file of an earlier attempt", []byte("half")},
			{"a log of an earlier attempt", newBase(t).file},
		} {
			t.Run(c.name+"/"+left.name, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				path := filepath.Join(dir, "file.db")
				if left.content != nil {
					if err := os.WriteFile(path+".new", left.content, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if err := c.create(path); err != nil {
					t.Fatal(err)
				}
				entries, err := os.ReadDir(dir)
				if err != nil || len(entries) != 1 {
					t.Errorf("the folder holds %v, with error %v, want the file alone", entries, err)
				}
				if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 && info.Mode() != fs.ModeDir|0o700 {
					t.Errorf("the file has mode %v, with error %v, want 0600, of a folder 0700", info.Mode(), err)
				}
				if err := c.open(path); err != nil {
					t.Errorf("the created file cannot be opened: %v", err)
				}
			})
		}
	}
}

// TestCreateReplacesNothing creates a file where something exists, which must stay
// unchanged.
func TestCreateReplacesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range creations {
		for _, there := range []struct {
			name string
			make func(path string) error
		}{
			{"file", func(path string) error { return os.WriteFile(path, []byte("precious"), 0o600) }},
			{"empty file", func(path string) error { return os.WriteFile(path, nil, 0o600) }},
			{"folder", func(path string) error { return os.Mkdir(path, 0o700) }},
			{"link to nothing", func(path string) error { return os.Symlink("nothing", path) }},
		} {
			t.Run(c.name+"/"+there.name, func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "file.db")
				if err := there.make(path); err != nil {
					t.Fatal(err)
				}
				before := look(t, path)
				err := c.create(path)
				if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), path) {
					t.Errorf("got %v, want that %s exists", err, path)
				}
				if after := look(t, path); len(after) != len(before) || after[path] != before[path] {
					t.Errorf("the folder was %v and became %v", before, after)
				}
			})
		}
	}
}

func TestCreateWithoutFolder(t *testing.T) {
	t.Parallel()
	for _, c := range creations {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "none", "file.db")
			if err := c.create(path); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want that the folder of %s does not exist", err, path)
			}
			if err := c.open(path); !errors.Is(err, storage.ErrNotExist) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want that %s does not exist", err, path)
			}
		})
	}
}
