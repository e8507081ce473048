package main_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatebook/storage/treehead"
)

// anchoredBook is a data folder whose server appends its heads to a file.
type anchoredBook struct {
	t                   *testing.T
	data, heads, config string
}

func newAnchoredBook(t *testing.T) *anchoredBook {
	t.Helper()
	folder := t.TempDir()
	b := &anchoredBook{t: t, data: filepath.Join(folder, "data"), heads: filepath.Join(folder, "heads"), config: filepath.Join(folder, "gatebook.toml")}
	must(t, os.WriteFile(b.config, []byte("[anchor]\nfile = \"heads\"\n"), 0o600))
	return b
}

// run runs a server that records requests, and stops it.
func (b *anchoredBook) run() {
	b.t.Helper()
	p := b.serve()
	for range 3 {
		p.request("GET", "/sessions")
	}
	if status := p.stop(); status != 0 {
		b.t.Fatalf("the server ended with status %d", status)
	}
}

func (b *anchoredBook) serve() *program { return serve(b.t, "--data", b.data, "--config", b.config) }

// refused fails unless a server does not start, says texts, and appends no head.
func (b *anchoredBook) refused(want ...string) {
	b.t.Helper()
	before := b.kept()
	for _, text := range append(want, b.heads, "gatebook key rotate --force --data "+b.data) {
		mustRefuse(b.t, text, "serve", "--data", b.data, "--config", b.config, "--listen", "127.0.0.1:0")
	}
	if after := b.kept(); after != before {
		b.t.Errorf("it appended a head: %q", after)
	}
}

func (b *anchoredBook) kept() string {
	b.t.Helper()
	content, err := os.ReadFile(b.heads)
	must(b.t, err)
	return string(content)
}

// copyTo copies the data folder.
func (b *anchoredBook) copyTo(to string) string {
	b.t.Helper()
	must(b.t, os.CopyFS(to, os.DirFS(b.data)))
	return to
}

// rollBack puts a copy in the place of the data folder.
func (b *anchoredBook) rollBack(from string) {
	b.t.Helper()
	must(b.t, os.RemoveAll(b.data), os.CopyFS(b.data, os.DirFS(from)))
}

// TestRollbackBehindAnAnchor puts an older copy of a whole data folder in its place, with its head and key. The file of
// heads shows it: the server does not start, and verify names the head. Signed as it is, the book goes on with other
// ids, and the file shows for ever what was taken back.
func TestRollbackBehindAnAnchor(t *testing.T) {
	t.Parallel()
	b := newAnchoredBook(t)
	b.run()
	older := b.copyTo(filepath.Join(t.TempDir(), "older"))
	b.run()
	b.run()
	newer := b.copyTo(filepath.Join(t.TempDir(), "newer"))
	verify := []string{"verify", "--since", b.heads, "--data", b.data}
	if out := mustRun(t, verify...); !strings.Contains(out, "consistent: ") || !strings.Contains(out, " heads of the log, and it contains them all") {
		t.Errorf("of the whole log it says %q", out)
	}
	b.rollBack(older)
	b.refused("has a head of ", "rolled back")
	mustRefuse(t, "damaged: 2 faults", verify...) // both heads that came since, or more
	mustRun(t, "verify", "--data", b.data)
	b.rollBack(newer)
	b.run()
	b.rollBack(older)
	b.refused("rolled back")
	if out := mustRun(t, "key", "rotate", "--force", "--data", b.data); !strings.Contains(out, "log_restored") {
		t.Errorf("it says %q", out)
	}
	b.run()
	b.run()
	const left = "a key that was not the log's at"
	mustRefuse(t, left, verify...)
	p := b.serve()
	mustRefuse(t, left, verify...)
	mustRefuse(t, left, "verify", "--since", b.heads, "--url", p.api)
	if status := p.stop(); status != 0 {
		t.Fatalf("the server ended with status %d", status)
	}
	forced := b.copyTo(filepath.Join(t.TempDir(), "forced"))
	b.run()
	b.rollBack(forced)
	b.refused("rolled back")
}

// TestRestoreBehindAnAnchor restores a backup with its key. The log says that it was restored, so the server starts
// beside the newer heads, and is refused when it is rolled back after that.
func TestRestoreBehindAnAnchor(t *testing.T) {
	t.Parallel()
	b := newAnchoredBook(t)
	backup := filepath.Join(t.TempDir(), "backup")
	b.run()
	mustRun(t, "backup", backup, "--with-secrets", "--data", b.data)
	b.run()
	b.run()
	must(t, os.RemoveAll(b.data))
	mustRun(t, "restore", backup, "--data", b.data)
	b.run()
	const between = "rolled back in between" // the file shows what was taken back, whatever the log says of it
	mustRefuse(t, between, "verify", "--since", b.heads, "--data", b.data)
	p := b.serve()
	mustRefuse(t, between, "verify", "--since", b.heads, "--data", b.data)
	mustRefuse(t, between, "verify", "--since", b.heads, "--url", p.api)
	if status := p.stop(); status != 0 {
		t.Fatalf("the server ended with status %d", status)
	}
	older := b.copyTo(filepath.Join(t.TempDir(), "older"))
	b.run()
	b.run()
	b.rollBack(older)
	b.refused("rolled back")
}

// TestRollbackBeforeANewKey rolls a book back to before its key was rotated. The log does not name the key of the newest
// head then.
func TestRollbackBeforeANewKey(t *testing.T) {
	t.Parallel()
	b := newAnchoredBook(t)
	b.run()
	older := b.copyTo(filepath.Join(t.TempDir(), "older"))
	mustRun(t, "key", "rotate", "--data", b.data)
	b.run()
	mustRun(t, "verify", "--since", b.heads, "--data", b.data)
	b.rollBack(older)
	b.refused("is not a key of gatebook/")
	mustRefuse(t, "rolled back or replaced", "verify", "--since", b.heads, "--data", b.data)
	mustRun(t, "key", "rotate", "--force", "--data", b.data)
	b.run()
}

// TestHeadsOfTwoLogs keeps heads of two logs in one file, the last of the other log. Those are counted and left.
func TestHeadsOfTwoLogs(t *testing.T) {
	t.Parallel()
	b := newAnchoredBook(t)
	other := &anchoredBook{t: t, data: filepath.Join(t.TempDir(), "data"), heads: b.heads, config: b.config}
	b.run()
	other.run()
	b.run()
	other.run()
	for _, data := range []string{b.data, other.data} {
		if out := mustRun(t, "verify", "--since", b.heads, "--data", data); !strings.Contains(out, "heads of other logs, which were not compared") {
			t.Errorf("it says %q", out)
		}
	}
	p := b.serve()
	for _, of := range [][]string{{"--data", b.data}, {"--url", p.api}} {
		if out := mustRun(t, append([]string{"verify", "--since", b.heads}, of...)...); !strings.Contains(out, "heads of other logs, which were not compared") {
			t.Errorf("%q: it says %q", of, out)
		}
	}
	if status := p.stop(); status != 0 {
		t.Fatalf("the server ended with status %d", status)
	}
}

// TestHeadsFromAPipe has verify read heads from a pipe, which can be read once, with and without a head in it.
func TestHeadsFromAPipe(t *testing.T) {
	t.Parallel()
	b := newAnchoredBook(t)
	b.run()
	b.run()
	for content, want := range map[string]string{b.kept(): "consistent: ", "": "no signed head"} {
		command := exec.Command(binary, "verify", "--since", "/dev/stdin", "--data", b.data)
		command.Stdin = io.MultiReader(strings.NewReader(content)) // no file, so that it is a pipe
		if out, _ := command.CombinedOutput(); !strings.Contains(string(out), want) || !strings.Contains(string(out), "/dev/stdin") {
			t.Errorf("it says %q, want %q", out, want)
		}
	}
}

// TestTwoHeadsOfOneSize gives verify a file with two heads of one size that differ, both signed, of which the log
// contains the last, and one with a head in the middle that the log does not contain.
func TestTwoHeadsOfOneSize(t *testing.T) {
	t.Parallel()
	b := newAnchoredBook(t)
	b.run()
	key, err := os.ReadFile(filepath.Join(b.data, "key"))
	must(t, err)
	head, err := os.ReadFile(filepath.Join(b.data, "head"))
	must(t, err)
	lines := strings.Split(string(head), "\n")
	signer, err := treehead.ParseSigner(lines[0], key)
	must(t, err)
	var size uint64
	_, err = fmt.Sscan(lines[1], &size)
	must(t, err)
	signed := func(size uint64) string {
		t.Helper()
		note, err := signer.Sign(treehead.Head{Size: size, Root: [32]byte{1}})
		must(t, err)
		return string(note)
	}
	for name, c := range map[string]struct{ content, want string }{
		"two of one size": {signed(size) + "\n" + string(head), "two heads of"},
		"another history": {signed(size-1) + "\n" + string(head), "another history"},
	} {
		file := filepath.Join(t.TempDir(), "heads")
		must(t, os.WriteFile(file, []byte(c.content), 0o600))
		mustRefuse(t, c.want, "verify", "--since", file, "--data", b.data)
		p := serve(t, "--data", b.data)
		mustRefuse(t, c.want, "verify", "--since", file, "--data", b.data)
		mustRefuse(t, c.want, "verify", "--since", file, "--url", p.api)
		if status := p.stop(); status != 0 {
			t.Fatalf("%s: the server ended with status %d", name, status)
		}
	}
}

// TestAnchorInTheDataFolder names a file of heads in the data folder, by its path and by links. The server does not
// start, and check-config says so too.
func TestAnchorInTheDataFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	at := func(names ...string) string { return filepath.Join(append([]string{folder}, names...)...) }
	data, config := at("data"), at("gatebook.toml")
	mustRun(t, "init", "--data", data)
	before := contentOf(t, data)
	must(t, os.Symlink(data, at("link")), os.Symlink(filepath.Join("data", "none"), at("dangling")), os.Link(filepath.Join(data, "head"), at("hard")))
	for _, file := range []string{"data/head", "data/new", "data/log/new", "link/head", "dangling", "hard", "data"} {
		must(t, os.WriteFile(config, fmt.Appendf(nil, "data = \"data\"\n[anchor]\nfile = %q\n", file), 0o600))
		mustRefuse(t, "anchor.file", "serve", "--config", config, "--listen", "127.0.0.1:0")
		mustRefuse(t, "anchor.file", "check-config", config)
	}
	if after := contentOf(t, data); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("the data folder has changed")
	}
}
