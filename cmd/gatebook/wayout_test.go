package main_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatebook"
	"gatebook/events"
)

// argumentOf returns the argument of a command that is named in a text, as a shell reads it. The pattern has it
// as its group.
func argumentOf(t *testing.T, text, pattern string) string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no %s is in %q", pattern, text)
	}
	out, err := exec.Command("sh", "-c", "printf %s "+found[1]).CombinedOutput()
	if err != nil {
		t.Fatalf("a shell reads %s: %v, %s", found[1], err, out)
	}
	return string(out)
}

// TestCommandsAreQuoted meets refusals that name a command with a path, where the path has blanks and an apostrophe: a shell
// reads the path that was meant.
func TestCommandsAreQuoted(t *testing.T) {
	t.Parallel()
	room := filepath.Join(t.TempDir(), "ann's own $HOME")
	must(t, os.Mkdir(room, 0o700))
	at := func(name string) string { return filepath.Join(room, name) }
	mustRun(t, "init", "--data", at("data"))
	mustRun(t, "key", "rotate", "--data", at("data"))
	mustRun(t, "backup", at("backup"), "--data", at("data"))
	mustRun(t, "export", "--data", at("data"), "--out", at("book.ndjson"))
	check := func(out, pattern, want string) {
		t.Helper()
		if got := argumentOf(t, out, pattern); got != want {
			t.Errorf("a shell reads %q in %q", got, out)
		}
	}
	refused := func(args ...string) string {
		t.Helper()
		out, status := gatebookCommand(t, args...)
		if status == 0 {
			t.Fatalf("%q is done: %s", args, out)
		}
		return out
	}
	check(refused("list", "--data", at("data")), `gatebook serve --data (.*)\), or name`, at("data"))
	check(refused("serve", "--data", at("backup"), "--listen", "127.0.0.1:0"), `gatebook restore (.*) --data FOLDER`, at("backup"))
	check(refused("serve", "--data", at("data"), "--listen", "0.0.0.0:0"), `--role admin --data (.*)\) and a certificate`, at("data"))
	check(mustRun(t, "import", at("book.ndjson"), "--as-is", "--data", at("imported")), `gatebook key rotate --force --data (.*)\)\.`, at("imported"))
	must(t, os.Remove(filepath.Join(at("backup"), "backup.json")))
	check(refused("serve", "--data", at("backup"), "--listen", "127.0.0.1:0"), `gatebook restore (.*) --data FOLDER`, at("backup"))
	mustRun(t, "backup", at("backup"), "--data", at("data"))
	must(t, os.Remove(filepath.Join(at("data"), "key")))
	check(refused("serve", "--data", at("data"), "--listen", "127.0.0.1:0"), `gatebook key rotate --force --data (.*)\n`, at("data"))
	must(t, os.WriteFile(filepath.Join(at("backup"), "head"), []byte("damage"), 0o600))
	check(refused("restore", at("backup"), "--data", at("restored")), `gatebook verify --data (.*) says more`, at("backup"))
	must(t, os.Remove(filepath.Join(at("data"), "lock")))
	check(refused("info", "--data", at("data")), `touch (.*)\n`, filepath.Join(at("data"), "lock"))
}

// TestFolderWithoutLock reads a data folder that was copied without its lock file: the refusal says what is missing, and
// with the file the folder is read.
func TestFolderWithoutLock(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	mustRun(t, "init", "--data", data)
	must(t, os.Remove(filepath.Join(data, "lock")))
	for _, command := range []string{"info", "verify", "export", "rebuild", "compact", "key", "migrate"} {
		mustRefuse(t, "has a log, and no file lock", command, "--data", data)
	}
	must(t, os.WriteFile(filepath.Join(data, "lock"), nil, 0o600))
	mustRun(t, "info", "--data", data)
	other := t.TempDir()
	must(t, os.WriteFile(filepath.Join(other, "file"), nil, 0o600))
	mustRefuse(t, "is no data folder: it holds other files", "info", "--data", other)
}

// TestBackupMarkDamaged damages the mark of a backup: its copy in the log stands in for it, verify names it, and the next backup
// writes it again.
func TestBackupMarkDamaged(t *testing.T) {
	t.Parallel()
	room := t.TempDir()
	at := func(name string) string { return filepath.Join(room, name) }
	mustRun(t, "init", "--data", at("data"))
	mustRun(t, "key", "rotate", "--data", at("data"))
	mustRun(t, "backup", at("backup"), "--data", at("data"))
	mark := filepath.Join(at("backup"), "backup.json")
	for name, damage := range map[string]func() error{
		"empty":    func() error { return os.WriteFile(mark, nil, 0o600) },
		"cut":      func() error { return os.WriteFile(mark, []byte(`{"log":"`), 0o600) },
		"a folder": func() error { return errors.Join(os.Remove(mark), os.Mkdir(mark, 0o700)) },
	} {
		must(t, damage())
		if out := mustRun(t, "info", "--data", at("backup")); !strings.Contains(out, "gatebook restore makes a data folder of it") {
			t.Errorf("%s: info says %s", name, out)
		}
		out, status := gatebookCommand(t, "verify", "--data", at("backup"))
		if status != 1 || !strings.Contains(out, "damaged: 1 fault") || !strings.Contains(out, "backup.json") {
			t.Errorf("%s: verify says %s", name, out)
		}
		mustRefuse(t, "gatebook restore", "serve", "--data", at("backup"), "--listen", "127.0.0.1:0")
		mustRun(t, "restore", at("backup"), "--data", at("restored "+name))
		if name == "a folder" {
			must(t, os.Remove(mark))
		}
		mustRun(t, "backup", at("backup"), "--data", at("data"))
		mustRun(t, "verify", "--data", at("backup"))
	}
	// Both are damaged.
	must(t, os.WriteFile(mark, nil, 0o600), os.WriteFile(filepath.Join(at("backup"), "log", "backup.json"), nil, 0o600))
	mustRefuse(t, "backup.json is not what gatebook backup has written", "restore", at("backup"), "--data", at("again"))
}

// TestVerifyOfDamagedBackup ends with what to do about a backup, which is to take it again.
func TestVerifyOfDamagedBackup(t *testing.T) {
	t.Parallel()
	data, backup := newSegments(t), filepath.Join(t.TempDir(), "backup")
	mustRun(t, "backup", backup, "--data", data)
	segments, err := filepath.Glob(filepath.Join(backup, "log", "*.db"))
	must(t, err)
	content, err := os.ReadFile(segments[2])
	must(t, err, os.Remove(segments[2])) // which is a link
	must(t, os.WriteFile(segments[2], bytes.ReplaceAll(content, []byte("xxx"), []byte("xxy")), 0o600))
	out, status := gatebookCommand(t, "verify", "--data", backup)
	if want := "Take the backup again, with gatebook backup " + backup + " --data FOLDER or --url URL: it copies what is damaged anew. Where the log is lost, save what is before the first fault with --salvage.\n"; status != 1 || !strings.HasSuffix(out, want) {
		t.Errorf("status %d, %s; want %s", status, out, want)
	}
	mustRun(t, "backup", backup, "--data", data)
	mustRun(t, "verify", "--data", backup)
}

// growWith adds sessions to the log of a folder.
func growWith(t *testing.T, folder, text string) {
	t.Helper()
	registry, err := gatebook.Open(t.Context(), folder, gatebook.Options{SegmentBytes: 64 << 10})
	must(t, err)
	source, err := registry.StartSource(t.Context(), gatebook.SourceOptions{Name: "gateway"})
	must(t, err)
	for range 300 {
		id, err := source.Open(t.Context(), events.SessionOpened{Service: "orders", Address: "192.0.2.1", Port: 1})
		must(t, err)
		_, err = source.End(t.Context(), id, events.SessionClosed{Reason: events.ReasonClientClosed, Description: strings.Repeat(text, 200)})
		must(t, err)
	}
	must(t, registry.Close())
}

// TestDamagedBackupOfAnotherHistory backs a log up into a backup of another history of it that lacks a segment from before
// both went apart: it is refused, and no segment of the other history is replaced.
func TestDamagedBackupOfAnotherHistory(t *testing.T) {
	t.Parallel()
	room, data := t.TempDir(), newSegments(t)
	at := func(name string) string { return filepath.Join(room, name) }
	mustRun(t, "backup", at("first"), "--data", data)
	for _, history := range []string{"a", "b"} {
		mustRun(t, "restore", at("first"), "--data", at(history))
		growWith(t, at(history), history)
	}
	mustRun(t, "backup", at("backup"), "--data", at("a"))
	p := serve(t, "--data", at("b"))
	for _, from := range [][]string{{"--url", p.api}, {"--data", at("b")}, nil} {
		if from == nil {
			p.stop()
			from = []string{"--data", at("b")}
		}
		must(t, os.Remove(filepath.Join(at("backup"), "log", "00000000000000000103.db")))
		mustRefuse(t, "is a backup of another history of this log: its record", append([]string{"backup", at("backup")}, from...)...)
		mustRun(t, "backup", at("backup"), "--data", at("a"))
		mustRun(t, "verify", "--data", at("backup"))
		if out := mustRun(t, "backup", at("backup"), "--data", at("a")); strings.Contains(out, "damaged") || strings.Contains(out, "linked") {
			t.Errorf("after %q it says %q", from, out)
		}
	}
}
