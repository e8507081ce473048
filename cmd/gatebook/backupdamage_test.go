package main_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatebook/httpd/accounts"
)

// damage is something that happens to a folder.
type damage struct {
	name string
	do   func(t *testing.T, folder string)
}

// without removes a file.
func without(name string) damage {
	return damage{"without " + name, func(t *testing.T, folder string) { must(t, os.Remove(filepath.Join(folder, name))) }}
}

// changed changes a file.
func changed(what, name string, change func([]byte) []byte) damage {
	return damage{name + " " + what, func(t *testing.T, folder string) {
		path := filepath.Join(folder, name)
		b, err := os.ReadFile(path)
		must(t, err)
		after := change(bytes.Clone(b))
		if bytes.Equal(b, after) {
			t.Fatalf("%s is as it was", name)
		}
		must(t, os.WriteFile(path, after, 0o600))
	}}
}

// damages returns what can happen to a file.
func damages(name string) []damage {
	return []damage{
		without(name),
		changed("cut", name, func(b []byte) []byte { return b[:len(b)/2] }),
		changed("emptied", name, func([]byte) []byte { return nil }),
		changed("with another bit", name, func(b []byte) []byte { b[len(b)/2] ^= 1; return b }),
	}
}

// copyFolder copies a folder with the modes of its files, as cp -a does.
func copyFolder(t *testing.T, to, from string) {
	t.Helper()
	must(t, os.CopyFS(to, os.DirFS(from)))
	must(t, filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		return os.Chmod(filepath.Join(to, name), info.Mode())
	}))
}

// TestBackupWithDamagedFiles damages each file beside the log of a backup: verify and restore both
// find it, and no server starts in what the restore leaves.
func TestBackupWithDamagedFiles(t *testing.T) {
	t.Parallel()
	data := newSegments(t)
	f := accounts.File{Folder: data, Cost: 4}
	must(t, f.Add(t.Context(), "ann", accounts.Admin, annsPassword))
	refused := func(backup string, all []damage) {
		t.Helper()
		for _, d := range all {
			folder := filepath.Join(t.TempDir(), "backup")
			copyFolder(t, folder, backup)
			d.do(t, folder)
			if out, status := gatebookCommand(t, "verify", "--data", folder); status != 1 || !strings.HasPrefix(out, "damaged: ") {
				t.Errorf("%s: verify: status %d: %s", d.name, status, out)
			}
			target := filepath.Join(t.TempDir(), "restored")
			if out, status := gatebookCommand(t, "restore", folder, "--data", target); status != 1 || !strings.Contains(out, "gatebook verify --data "+folder) {
				t.Errorf("%s: restore: status %d: %s", d.name, status, out)
			}
			if out, status := gatebookCommand(t, "serve", "--data", target, "--listen", "127.0.0.1:0"); status != 1 {
				t.Errorf("%s: serve: status %d: %s", d.name, status, out)
			}
		}
	}
	secret, open := filepath.Join(t.TempDir(), "secret"), filepath.Join(t.TempDir(), "open")
	mustRun(t, "backup", secret, "--data", data, "--with-secrets")
	mustRun(t, "backup", open, "--data", data)
	for _, name := range []string{"accounts", "key", "head"} {
		refused(secret, damages(name))
	}
	refused(open, append(damages("head"), damage{"with accounts of another log", func(t *testing.T, folder string) {
		other := accounts.File{Folder: folder, Cost: 4}
		must(t, other.Add(t.Context(), "eve", accounts.Admin, annsPassword))
	}}))
	record := func(b []byte) []byte {
		return bytes.Replace(b, []byte(`"record": "`), []byte(`"record": "00`), 1)
	}
	refused(open, []damage{changed("with another record", "backup.json", record)})
}

// TestBackupWithoutAccounts backs a log up with its secrets that has no accounts: nothing is missing then.
func TestBackupWithoutAccounts(t *testing.T) {
	t.Parallel()
	data, dir, target := newSegments(t), filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "restored")
	if out := mustRun(t, "backup", dir, "--data", data, "--with-secrets"); !strings.Contains(out, ", with key (") {
		t.Errorf("backup says %q", out)
	}
	mustRun(t, "verify", "--data", dir)
	if out := mustRun(t, "restore", dir, "--data", target); !strings.Contains(out, ", with key,") {
		t.Errorf("restore says %q", out)
	}
}

// TestBackupOfAnEarlierVersion restores backups whose backup.json has no list of files.
func TestBackupOfAnEarlierVersion(t *testing.T) {
	t.Parallel()
	data := newSegments(t)
	f := accounts.File{Folder: data, Cost: 4}
	must(t, f.Add(t.Context(), "ann", accounts.Admin, annsPassword))
	dir := filepath.Join(t.TempDir(), "backup")
	mustRun(t, "backup", dir, "--data", data, "--with-secrets")
	changed("without files", "backup.json", func(b []byte) []byte {
		at := bytes.Index(b, []byte(",\n  \"files\""))
		return append(b[:at], "\n}\n"...)
	}).do(t, dir)
	mustRun(t, "verify", "--data", dir)
	mustRun(t, "restore", dir, "--data", filepath.Join(t.TempDir(), "restored"))
	must(t, os.Remove(filepath.Join(dir, "accounts")))
	mustRefuse(t, "accounts: it is missing", "verify", "--data", dir)
	mustRefuse(t, "accounts is damaged: it is missing", "restore", dir, "--data", filepath.Join(t.TempDir(), "restored"))
}

// TestUnfinishedIsNoLog breaks an import and a restore off: each command refuses what they leave, and the
// same command completes it.
func TestUnfinishedIsNoLog(t *testing.T) {
	t.Parallel()
	data := newSegments(t)
	dir, file, cut := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "book.ndjson"), filepath.Join(t.TempDir(), "cut.ndjson")
	mustRun(t, "backup", dir, "--data", data)
	mustRun(t, "export", "--data", data, "--out", file)
	whole, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(cut, whole[:len(whole)*2/3], 0o600))
	imported, restored := filepath.Join(t.TempDir(), "imported"), filepath.Join(t.TempDir(), "restored")
	mustRefuse(t, "nothing is imported", "import", cut, "--data", imported)
	// A restore that is killed has the same mark, and a part of the log or all of it.
	must(t, os.CopyFS(restored, os.DirFS(data)))
	must(t, os.WriteFile(filepath.Join(restored, "unfinished.json"), []byte(`{"command":"restore"}`), 0o600))
	torn := filepath.Join(t.TempDir(), "torn")
	must(t, os.CopyFS(torn, os.DirFS(data)))
	must(t, os.WriteFile(filepath.Join(torn, "unfinished.json"), []byte(`{"comm`), 0o600))
	password := filepath.Join(t.TempDir(), "password")
	must(t, os.WriteFile(password, []byte(annsPassword), 0o600))
	for _, folder := range []string{imported, restored, torn} {
		for _, command := range [][]string{
			{"verify"},
			{"verify", "--json"},
			{"verify", "--salvage", filepath.Join(t.TempDir(), "salvaged")},
			{"info"},
			{"export"},
			{"export", "--out", filepath.Join(t.TempDir(), "again.ndjson")},
			{"backup", filepath.Join(t.TempDir(), "backup")},
			{"rebuild"},
			{"compact"},
			{"migrate"},
			{"key"},
			{"key", "rotate"},
			{"key", "rotate", "--force"},
			{"user", "add", "ann", "--role", "admin", "--password-file", password},
			{"user", "list"},
			{"user", "token", "ann"},
			{"user", "remove", "ann"},
			{"serve", "--listen", "127.0.0.1:0"},
		} {
			mustRefuse(t, "did not finish", append(command, "--data", folder)...)
		}
	}
	mustRun(t, "import", file, "--data", imported)
	mustRun(t, "verify", "--data", imported)
	mustRun(t, "restore", dir, "--data", restored)
	mustRun(t, "verify", "--data", restored)
	mustRun(t, "restore", dir, "--data", torn)
	mustRun(t, "verify", "--data", torn)
}

// TestBackupIsNoDataFolder refuses commands that would change a backup.
func TestBackupIsNoDataFolder(t *testing.T) {
	t.Parallel()
	data := newSegments(t)
	f := accounts.File{Folder: data, Cost: 4}
	must(t, f.Add(t.Context(), "ann", accounts.Admin, annsPassword))
	dir, password := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "password")
	must(t, os.WriteFile(password, []byte(annsPassword), 0o600))
	mustRun(t, "backup", dir, "--data", data, "--with-secrets")
	for _, command := range [][]string{
		{"user", "add", "bob", "--role", "admin", "--password-file", password},
		{"user", "passwd", "ann", "--password-file", password},
		{"user", "token", "ann"},
		{"user", "remove", "ann", "--force"},
		{"migrate"},
		{"rebuild"},
		{"compact"},
		{"backup", filepath.Join(t.TempDir(), "other")},
		{"serve", "--listen", "127.0.0.1:0"},
	} {
		mustRefuse(t, "is a backup", append(command, "--data", dir)...)
	}
	mustRun(t, "verify", "--data", dir)
}

// TestBackupWithoutItsEnd says of a backup whose last segment is missing how it is completed, and not how a
// server goes on without it.
func TestBackupWithoutItsEnd(t *testing.T) {
	t.Parallel()
	data, dir := newSegments(t), filepath.Join(t.TempDir(), "backup")
	mustRun(t, "backup", dir, "--data", data)
	segments, err := filepath.Glob(filepath.Join(dir, "log", "*[0-9]*"))
	must(t, err)
	must(t, os.Remove(segments[len(segments)-1]))
	out, status := gatebookCommand(t, "verify", "--data", dir)
	if status != 1 || !strings.Contains(out, "run gatebook backup again") || strings.Contains(out, "remove the file") {
		t.Errorf("status %d: %s", status, out)
	}
	mustRefuse(t, "run gatebook backup again", "restore", dir, "--data", filepath.Join(t.TempDir(), "restored"))
	mustRun(t, "backup", dir, "--data", data)
	mustRun(t, "verify", "--data", dir)
}

// TestRefusedLeavesNothing refuses commands: they leave no folder, and no file in one that is not theirs.
func TestRefusedLeavesNothing(t *testing.T) {
	t.Parallel()
	data, room := newSegments(t), t.TempDir()
	in := func(name string) string { return filepath.Join(room, name) }
	dir, foreign := filepath.Join(t.TempDir(), "backup"), in("foreign")
	mustRun(t, "backup", dir, "--data", data)
	must(t, os.Mkdir(foreign, 0o700), os.WriteFile(filepath.Join(foreign, "letter"), nil, 0o600), os.WriteFile(in("x.ndjson"), nil, 0o600))
	before, err := filepath.Glob(filepath.Join(room, "*", "*"))
	must(t, err)
	for want, command := range map[string][]string{
		"letter is in it":                        {"backup", foreign, "--data", data},
		"there is no data folder":                {"backup", in("new"), "--data", in("none")},
		"no such file or directory":              {"backup", in("none/deep/new"), "--data", data},
		"is no backup":                           {"restore", data, "--data", in("new")},
		"the next session cannot be 1":           {"restore", dir, "--next-id", "1", "--data", in("new")},
		"is not empty: letter":                   {"restore", dir, "--data", foreign},
		"foreign is not empty: letter is in it;": {"import", in("x.ndjson"), "--data", foreign},
		"no server answers":                      {"backup", in("new"), "--url", "http://127.0.0.1:9"},
		"/dev/full exists already":               {"export", "--data", data, "--out", "/dev/full"},
	} {
		mustRefuse(t, want, command...)
	}
	after, err := filepath.Glob(filepath.Join(room, "*", "*"))
	must(t, err)
	if _, err := os.Stat(in("new")); err == nil || len(after) != len(before) {
		t.Errorf("there is a new folder: %v; files: %v", err == nil, after)
	}
}
