package main_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestRootKeepsTheOwner runs commands as root on a folder of another user. Each file that is there afterwards is
// that user's, and a server of that user starts.
func TestRootKeepsTheOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	const owner, group = 65534, 65533
	// Another user can reach it.
	room, err := os.MkdirTemp("", "gatebook-owner")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(room) })
	must(t, os.Chmod(room, 0o755))
	folder := func(name string) string {
		path := filepath.Join(room, name)
		must(t, os.Mkdir(path, 0o700), os.Chown(path, owner, group))
		return path
	}
	check := func(path, after string) {
		t.Helper()
		must(t, filepath.WalkDir(path, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := os.Lstat(path)
			if err != nil {
				return err
			}
			if s := info.Sys().(*syscall.Stat_t); s.Uid != owner || s.Gid != group {
				t.Errorf("after %s %s is of %d:%d", after, path, s.Uid, s.Gid)
			}
			return nil
		}))
	}
	user := &syscall.Credential{Uid: owner, Gid: group}
	started := func(data, after string) {
		t.Helper()
		p := serveAs(t, user, "--data", data)
		if status, _, body := p.request("GET", "/sessions"); status != 200 && status != 401 {
			t.Errorf("after %s: %d %s", after, status, body)
		}
		if status := p.stop(); status != 0 {
			t.Errorf("after %s the server ends with status %d: %s", after, status, p.stderr)
		}
	}
	data := folder("data")
	mustRun(t, "init", "--data", data)
	check(data, "init")
	started(data, "init")
	must(t, os.Remove(filepath.Join(data, "log", "tail")))
	backup, other := folder("backup"), folder("other")
	mustRun(t, "backup", backup, "--with-secrets", "--data", data)
	mustRun(t, "backup", backup, "--with-secrets", "--data", data)
	check(backup, "backup")
	check(data, "backup")
	for _, args := range [][]string{
		{"key", "rotate"},
		{"key", "rotate", "--force"},
		{"compact"},
		{"rebuild"},
		{"migrate"},
		{"user", "add", "ann", "--role", "admin", "--token"},
		{"user", "remove", "ann", "--force"},
	} {
		mustRun(t, append(args, "--data", data)...)
		check(data, args[0])
		started(data, args[0])
	}
	mustRun(t, "restore", backup, "--data", other)
	check(other, "restore")
	started(other, "restore")
	book, imported := filepath.Join(room, "book.ndjson"), folder("imported")
	mustRun(t, "export", "--data", data, "--out", book)
	mustRun(t, "import", book, "--data", imported)
	check(imported, "import")
	started(imported, "import")
}

// TestRootMayNotGive runs commands as root that may not give files to another user: they are refused before they
// have changed anything.
func TestRootMayNotGive(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	data := newSegments(t)
	backup := filepath.Join(t.TempDir(), "backup")
	mustRun(t, "backup", backup, "--data", data)
	empty := filepath.Join(t.TempDir(), "empty")
	must(t, os.Mkdir(empty, 0o700))
	for _, path := range []string{data, empty} {
		must(t, filepath.WalkDir(path, func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				err = os.Lchown(path, 65534, 65534)
			}
			return err
		}))
	}
	before := filesIn(t, data)
	for _, args := range [][]string{
		{"key", "rotate", "--data", data},
		{"compact", "--data", data},
		{"rebuild", "--data", data},
		{"migrate", "--data", data},
		{"restore", backup, "--data", empty},
		{"backup", empty, "--data", data},
	} {
		// Without the capability to change owners.
		out, err := exec.Command("setpriv", append([]string{"--bounding-set", "-chown", "--inh-caps", "-chown", binary}, args...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "is of the user 65534, and root may not give files to that user") {
			t.Errorf("%q: it says %q, %v; setpriv is in the package util-linux", args, out, err)
		}
	}
	after := filesIn(t, data)
	for path, content := range before {
		if after[path] != content {
			t.Errorf("%s has changed", path)
		}
	}
	if len(after) != len(before) || len(filesIn(t, empty)) > 0 {
		t.Errorf("there are files that were not: %d of %d, and %d", len(after), len(before), len(filesIn(t, empty)))
	}
}
