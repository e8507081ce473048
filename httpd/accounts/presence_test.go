package accounts_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gatebook/httpd/accounts"
)

// lockOf returns the path of the lock file beside a file of accounts.
func lockOf(f accounts.File) string { return filepath.Join(f.Folder, "accounts.lock") }

// TestLost takes the file of accounts away, or puts something else in its place: that is never
// taken for a folder without accounts.
func TestLost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		put  func(path string) error
		want string
	}{
		"removed":       {func(string) error { return nil }, "it is missing, and "},
		"dangling link": {func(path string) error { return os.Symlink("elsewhere", path) }, "it is a symbolic link to a file that is not there"},
		"empty":         {func(path string) error { return os.WriteFile(path, nil, 0o600) }, "it is empty"},
		"named pipe":    {func(path string) error { return syscall.Mkfifo(path, 0o600) }, "it is no regular file (named pipe)"},
		"folder":        {func(path string) error { return os.Mkdir(path, 0o700) }, "it is no regular file (folder)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, _ := filled(t, newClock())
			check(t, os.Remove(f.Path()))
			check(t, c.put(f.Path()))
			lost := func(what string, err error) {
				t.Helper()
				_, ok := errors.AsType[*accounts.DamagedError](err)
				if !ok || !strings.Contains(err.Error(), f.Path()) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: error %v, want one with %q", what, err, c.want)
				}
			}
			_, err := accounts.OpenGate(f)
			lost("open", err)
			_, err = f.List()
			lost("list", err)
			lost("add", f.Add(t.Context(), "new", accounts.Admin, password))
			if strings.Contains(c.want, "no regular file") {
				return
			}
			if want := "put it back from a backup, or remove "; !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one with %q", err, want)
			}
			check(t, errors.Join(os.RemoveAll(f.Path()), os.Remove(lockOf(f))))
			if openGate(t, f).Any() {
				t.Error("there are accounts after all was removed")
			}
		})
	}
}

// TestDanglingLinkOfNewFolder begins with a link that leads nowhere: somebody meant accounts.
func TestDanglingLinkOfNewFolder(t *testing.T) {
	t.Parallel()
	f := newFile(t, newClock())
	check(t, os.Symlink("elsewhere", f.Path()))
	if _, err := accounts.OpenGate(f); err == nil {
		t.Error("it opens")
	}
}

// TestNeverLost opens folders in which there is no file of accounts, and none is lost: there never
// were accounts, a change of none has failed, or all were removed before their file was.
func TestNeverLost(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(t *testing.T, f accounts.File){
		"none": func(*testing.T, accounts.File) {},
		"failed change": func(t *testing.T, f accounts.File) {
			if err := f.Remove(t.Context(), "ann", true); err == nil {
				t.Error("an account was removed that was never there")
			}
			if _, err := os.Stat(lockOf(f)); err != nil {
				t.Error(err)
			}
		},
		"all removed": func(t *testing.T, f accounts.File) {
			check(t, f.Add(t.Context(), "ann", accounts.Admin, password))
			check(t, f.Remove(t.Context(), "ann", true))
			openGate(t, f)
			check(t, os.Remove(f.Path()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFile(t, newClock())
			before(t, f)
			if openGate(t, f).Any() {
				t.Error("there are accounts")
			}
			check(t, f.Add(t.Context(), "ann", accounts.Admin, password))
		})
	}
}

// TestLostAfterRestore loses a file that a restore, or an older version, has left without the note
// that there are accounts: the server that has recorded the changes has made the note.
func TestLostAfterRestore(t *testing.T) {
	t.Parallel()
	f, _ := filled(t, newClock())
	record := func(accounts.Change) error { return nil }
	check(t, f.Record(t.Context(), record))
	check(t, os.Remove(lockOf(f)))
	check(t, f.Record(t.Context(), record))
	check(t, os.Remove(f.Path()))
	if _, err := accounts.OpenGate(f); err == nil || !strings.Contains(err.Error(), "it is missing") {
		t.Errorf("error %v", err)
	}
}
