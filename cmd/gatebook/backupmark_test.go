package main_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gatebook"
	"gatebook/httpd/accounts"
	"gatebook/storage"
)

// contentOf returns the files in a folder and below, with their content.
func contentOf(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	must(t, fs.WalkDir(os.DirFS(folder), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || path == "lock" {
			return err
		}
		b, err := os.ReadFile(filepath.Join(folder, path))
		all[path] = string(b)
		return err
	}))
	return all
}

// newBackup returns a data folder with accounts, and a backup of it with its secrets.
func newBackup(t *testing.T) (data, backup string) {
	t.Helper()
	data, backup = newSegments(t), filepath.Join(t.TempDir(), "backup")
	f := accounts.File{Folder: data, Cost: 4}
	must(t, f.Add(t.Context(), "ann", accounts.Admin, annsPassword))
	mustRun(t, "backup", backup, "--data", data, "--with-secrets")
	return data, backup
}

// TestBackupLogIsNoDataFolder takes the mark of a backup away, or copies less and less of a backup into a
// new folder: whatever has its log, no command goes on with that log, and each names the way out.
func TestBackupLogIsNoDataFolder(t *testing.T) {
	t.Parallel()
	_, backup := newBackup(t)
	password := filepath.Join(t.TempDir(), "password")
	must(t, os.WriteFile(password, []byte(annsPassword), 0o600))
	for what, gone := range map[string][]string{
		"without the mark":             {"backup.json"},
		"without the copy of the mark": {"log/backup.json"},
		"without mark and lock":        {"backup.json", "lock"},
		"the log alone":                {"backup.json", "lock", "head", "key", "accounts"},
	} {
		folder := filepath.Join(t.TempDir(), "copied")
		copyFolder(t, folder, backup)
		for _, name := range gone {
			must(t, os.Remove(filepath.Join(folder, name)))
		}
		before := contentOf(t, folder)
		for _, command := range [][]string{
			{"serve", "--listen", "127.0.0.1:0"},
			{"user", "add", "bob", "--role", "admin", "--password-file", password},
			{"migrate"},
			{"rebuild"},
			{"compact"},
			{"key", "rotate"},
			{"key", "rotate", "--force"},
			{"backup", filepath.Join(t.TempDir(), "other")},
		} {
			mustRefuse(t, "gatebook restore "+folder, append(command, "--data", folder)...)
		}
		mustRefuse(t, "is in use already", "init", "--data", folder)
		if _, err := gatebook.Open(t.Context(), folder, gatebook.Options{}); !isUnusable(err) {
			t.Errorf("%s: Open: %v", what, err)
		}
		if after := contentOf(t, folder); !reflect.DeepEqual(before, after) {
			t.Errorf("%s: there are other files, or others", what)
		}
	}
	if _, err := storage.OpenBolt(filepath.Join(backup, "log"), storage.BoltOptions{}); !isUnusable(err) {
		t.Errorf("OpenBolt: %v", err)
	}
}

func isUnusable(err error) bool {
	unusable, ok := errors.AsType[*storage.UnusableError](err)
	return ok && unusable.Backup
}

// TestBackupWithoutItsMark takes the mark of a backup away: it is a backup all the same, which verify finds
// incomplete, and which is restored, and completed by the next backup.
func TestBackupWithoutItsMark(t *testing.T) {
	t.Parallel()
	data, backup := newBackup(t)
	must(t, os.Remove(filepath.Join(backup, "backup.json")))
	mustRefuse(t, "backup.json: it is missing; gatebook restore goes by its copy", "verify", "--data", backup)
	mustRun(t, "restore", backup, "--data", filepath.Join(t.TempDir(), "restored"))
	mustRun(t, "backup", backup, "--data", data, "--with-secrets")
	mustRun(t, "verify", "--data", backup)
	// Of the log alone the copy of the mark says what is missing.
	alone := filepath.Join(t.TempDir(), "alone")
	must(t, os.CopyFS(filepath.Join(alone, "log"), os.DirFS(filepath.Join(backup, "log"))))
	mustRefuse(t, "head: it is missing", "verify", "--data", alone)
	mustRefuse(t, "head is damaged: it is missing", "restore", alone, "--data", filepath.Join(t.TempDir(), "restored"))
}

// TestBackupReads runs the commands that read on a backup: they work, and change nothing.
func TestBackupReads(t *testing.T) {
	t.Parallel()
	data, backup := newBackup(t)
	before := contentOf(t, backup)
	if out := mustRun(t, "verify", "--data", backup); !strings.HasPrefix(out, "whole: ") {
		t.Errorf("verify says %q", out)
	}
	if out := mustRun(t, "info", "--data", backup); !strings.Contains(out, "\nBackup  ") || !strings.Contains(out, "with key and accounts") {
		t.Errorf("info says %q", out)
	}
	if out := mustRun(t, "info", "--data", data); strings.Contains(out, "\nBackup  ") {
		t.Errorf("info of a data folder says %q", out)
	}
	if out := mustRun(t, "info", "--data", backup, "-o", "json"); !strings.Contains(out, `"backup": {`) {
		t.Errorf("info says %q", out)
	}
	if mustRun(t, "export", "--data", backup) != mustRun(t, "export", "--data", data) {
		t.Error("the backup is exported otherwise than its log")
	}
	if mustRun(t, "key", "--data", backup) != mustRun(t, "key", "--data", data) {
		t.Error("the backup has other keys than its log")
	}
	salvaged := filepath.Join(t.TempDir(), "salvaged")
	mustRun(t, "verify", "--data", backup, "--salvage", salvaged)
	mustRun(t, "verify", "--data", salvaged)
	if after := contentOf(t, backup); !reflect.DeepEqual(before, after) {
		t.Error("the backup has other files, or others")
	}
}

// withoutCopy makes a backup one of a version that had no copy of the mark.
func withoutCopy(t *testing.T, backup string) {
	t.Helper()
	must(t, os.Remove(filepath.Join(backup, "log", "backup.json")))
	changed("without in_log", "backup.json", func(b []byte) []byte {
		return bytes.Replace(b, []byte(",\n  \"in_log\": true"), nil, 1)
	}).do(t, backup)
}

// TestBackupBeforeTheCopy has a backup of a version that kept its mark in one place: it is verified,
// restored and refused as before, and the next backup into it adds the copy.
func TestBackupBeforeTheCopy(t *testing.T) {
	t.Parallel()
	data, backup := newBackup(t)
	withoutCopy(t, backup)
	mustRun(t, "verify", "--data", backup)
	mustRun(t, "restore", backup, "--data", filepath.Join(t.TempDir(), "restored"))
	for _, command := range [][]string{{"serve", "--listen", "127.0.0.1:0"}, {"key", "rotate"}, {"key", "rotate", "--force"}, {"compact"}, {"rebuild"}} {
		mustRefuse(t, "is a backup", append(command, "--data", backup)...)
	}
	mustRun(t, "verify", "--data", backup)
	mustRun(t, "backup", backup, "--data", data, "--with-secrets")
	mustRun(t, "verify", "--data", backup)
	if _, err := os.Stat(filepath.Join(backup, "log", "backup.json")); err != nil {
		t.Error(err)
	}
}

// TestBackupWithDamagedEnds damages what a finished backup has besides records and side files: verify
// finds it, a restore does without, and the next backup writes it again.
func TestBackupWithDamagedEnds(t *testing.T) {
	t.Parallel()
	data, backup := newBackup(t)
	folder := filepath.Join(t.TempDir(), "backup")
	earlier, err := os.ReadFile(filepath.Join(newEmptyBackup(t), "log", "tail"))
	must(t, err)
	all := append(damages("log/tail"), damages("log/backup.json")...)
	for _, d := range append(all, without("backup.json"), changed("of another log", "log/tail", func([]byte) []byte { return earlier }),
		changed("more behind it", "log/tail", func(b []byte) []byte { return append(b, "more"...) })) {
		must(t, os.RemoveAll(folder))
		copyFolder(t, folder, backup)
		d.do(t, folder)
		if out, status := gatebookCommand(t, "verify", "--data", folder); status != 1 || !strings.HasPrefix(out, "damaged: 1 fault,") {
			t.Errorf("%s: verify: status %d: %s", d.name, status, out)
		}
		target := filepath.Join(t.TempDir(), "restored")
		mustRun(t, "restore", folder, "--data", target)
		mustRun(t, "verify", "--data", target)
		mustRun(t, "backup", folder, "--data", data, "--with-secrets")
		mustRun(t, "verify", "--data", folder)
	}
}

// newEmptyBackup returns a backup of a log without records of sessions.
func newEmptyBackup(t *testing.T) string {
	t.Helper()
	data, backup := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "backup")
	mustRun(t, "init", "--data", data)
	mustRun(t, "backup", backup, "--data", data)
	mustRun(t, "verify", "--data", backup)
	return backup
}

// TestBackupWithADamagedMark damages the mark of a backup: its copy in the log is used, which each command says,
// and the next backup writes the mark again. With a damaged copy too it is said how to go on.
func TestBackupWithADamagedMark(t *testing.T) {
	t.Parallel()
	data, backup := newBackup(t)
	mark := filepath.Join(backup, "backup.json")
	for name, damage := range map[string]string{"a text": "x", "nothing": "", "another object": "{}"} {
		must(t, os.WriteFile(mark, []byte(damage), 0o600))
		const used = "its copy"
		mustRefuse(t, "backup.json: it cannot be read: ", "verify", "--data", backup)
		for _, args := range [][]string{
			{"info", "--data", backup}, {"restore", backup, "--data", filepath.Join(t.TempDir(), "restored")}, {"backup", backup, "--data", data, "--with-secrets"},
		} {
			if out := mustRun(t, args...); !strings.Contains(out, mark+" is not what gatebook backup has written") || !strings.Contains(out, "its copy "+filepath.Join(backup, "log", "backup.json")+" is used") {
				t.Errorf("%s: %q says %q, want %q in it", name, args, out, used)
			}
		}
		if out := mustRun(t, "verify", "--data", backup); strings.Contains(out, used) {
			t.Errorf("%s: after the next backup it says %q", name, out)
		}
	}
	must(t, os.WriteFile(mark, []byte("x"), 0o600), os.WriteFile(filepath.Join(backup, "log", "backup.json"), []byte("y"), 0o600))
	for _, args := range [][]string{
		{"verify", "--data", backup},
		{"info", "--data", backup},
		{"restore", backup, "--data", filepath.Join(t.TempDir(), "restored")},
		{"backup", backup, "--data", data},
	} {
		mustRefuse(t, "use another backup, and back up into another folder", args...)
	}
}
