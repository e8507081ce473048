package regular_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gatebook/internal/regular"
)

// TestOtherKinds opens what is no regular file, to be read and to be written: each is refused by its
// name and kind, and nothing is waited for.
func TestOtherKinds(t *testing.T) {
	t.Parallel()
	for kind, put := range map[string]func(t *testing.T, path string) error{
		"named pipe": func(_ *testing.T, path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder":     func(_ *testing.T, path string) error { return os.Mkdir(path, 0o700) },
		"device":     func(_ *testing.T, path string) error { return os.Symlink(os.DevNull, path) },
		"socket": func(t *testing.T, path string) error {
			l, err := net.Listen("unix", path)
			if err == nil {
				t.Cleanup(func() { _ = l.Close() }) // it removes the file too
			}
			return err
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "f")
			if err := put(t, path); err != nil {
				t.Fatal(err)
			}
			for _, flag := range []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR | os.O_CREATE, os.O_WRONLY | os.O_APPEND} {
				_, err := regular.OpenFile(path, flag, 0o600)
				if _, ok := errors.AsType[*regular.KindError](err); !ok || err.Error() != path+" is no regular file ("+kind+")" {
					t.Errorf("flags %#x: error %v", flag, err)
				}
			}
			if _, err := regular.ReadFile(path); err == nil {
				t.Error("it was read")
			}
		})
	}
}

// TestRegular writes and reads a file, directly and by a symbolic link; one that is not there is the
// error of the system.
func TestRegular(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path, link := filepath.Join(folder, "f"), filepath.Join(folder, "link")
	if _, err := regular.ReadFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	const text = "what is in it"
	f, err := regular.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err := errors.Join(err, f.Close(), os.Symlink("f", link)); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, link} {
		if got, err := regular.ReadFile(p); err != nil || string(got) != text {
			t.Errorf("%s: %q, %v", p, got, err)
		}
	}
	if _, err := regular.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); !errors.Is(err, fs.ErrExist) || strings.Contains(err.Error(), "regular") {
		t.Errorf("again: %v", err)
	}
}
