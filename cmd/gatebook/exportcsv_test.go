package main_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
)

// answerOf opens the folder of a book again, and returns what a server in it answers to a query.
func (b *book) answerOf(query string) string {
	b.t.Helper()
	registry, err := gatebook.Open(b.t.Context(), b.folder, gatebook.Options{Now: b.clock.Now})
	must(b.t, err)
	b.registry = registry
	b.serve()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, "http://"+b.address+query, nil)
	must(b.t, err)
	r.Header.Set("Accept", "text/csv")
	answer, err := http.DefaultClient.Do(r)
	must(b.t, err)
	body, err := io.ReadAll(answer.Body)
	must(b.t, err, answer.Body.Close())
	b.stop()
	must(b.t, registry.Close())
	return string(body)
}

// filesIn returns the names and the contents of the files of a folder.
func filesIn(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	must(t, filepath.WalkDir(folder, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all[path] = string(content)
		return err
	}))
	return all
}

// TestExportCSVOffline exports the sessions of a folder and of its backup without a server: with book.db as
// it is, with one that is missing, damaged, or behind the log's end. Each is byte for byte the answer of a server in
// the folder at the time of the last record, and no file changes.
func TestExportCSVOffline(t *testing.T) {
	b := newBook(t)
	_, err := b.registry.Report(t.Context(), gatebook.Report{
		Source: "edge-1", Incarnation: "b", Version: "2.0", Host: "gw-2", Lease: 24 * time.Hour,
		Events: []gatebook.Reported{
			{Key: "c-2", Event: &events.SessionOpened{Service: "reports", Address: "2001:db8::7", Port: 40002}},
			{Key: "c-2", Event: &events.SessionReady{User: "=nightly", Database: "a,b"}},
		},
	})
	must(t, err)
	b.clock.advance(time.Minute)
	run := b.offline()
	old, err := os.ReadFile(filepath.Join(b.folder, "book.db"))
	must(t, err)
	b.clock.advance(time.Minute)
	registry, err := gatebook.Open(t.Context(), b.folder, gatebook.Options{Now: b.clock.Now})
	must(t, err)
	_, err = registry.Report(t.Context(), gatebook.Report{
		Source: "edge-1", Incarnation: "b", Version: "2.0", Host: "gw-2", Lease: 24 * time.Hour,
		Events: []gatebook.Reported{{Key: "c-3", Event: &events.SessionOpened{Service: "reports", Address: "2001:db8::8", Port: 40003}}},
	})
	must(t, err, registry.Close())
	want := b.answerOf("/sessions?status=all&fields=*")
	if lines := strings.Count(want, "\n"); lines < 10 || !strings.Contains(want, ",live,") || !strings.Contains(want, "nightly") {
		t.Fatalf("the answer is\n%s", want)
	}
	backup := filepath.Join(t.TempDir(), "backup")
	run(0, "backup", backup, "--data", b.folder)
	book := filepath.Join(b.folder, "book.db")
	whole, err := os.ReadFile(book)
	must(t, err)
	damaged := slices.Clone(whole)
	for at := len(damaged) / 4; at < len(damaged); at += 256 {
		damaged[at] ^= 1
	}
	room := t.TempDir()
	t.Setenv("TMPDIR", room)
	for name, c := range map[string]struct {
		folder  string
		archive []byte
	}{
		"as it is": {b.folder, whole}, "missing": {b.folder, nil}, "damaged": {b.folder, damaged}, "cut": {b.folder, whole[:5000]},
		"behind the log": {b.folder, old}, "of a backup": {backup, nil},
	} {
		if err := os.Remove(book); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if c.archive != nil {
			must(t, os.WriteFile(book, c.archive, 0o600))
		}
		before := filesIn(t, c.folder)
		if got := mustRun(t, "export", "--format", "csv", "--data", c.folder); got != want {
			t.Errorf("%s: it is\n%s\nand a server's is\n%s", name, got, want)
		}
		file := filepath.Join(t.TempDir(), "sessions.csv")
		if out := mustRun(t, "export", "--format", "csv", "--data", c.folder, "--out", file); out != "exported: the sessions of "+c.folder+" to "+file+"\n" {
			t.Errorf("%s: it says %q", name, out)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("%s: the file has\n%s, %v", name, got, err)
		}
		left, err := os.ReadDir(filepath.Dir(file))
		if err != nil || len(left) != 1 {
			t.Errorf("%s: beside the file are %v, %v", name, left, err)
		}
		after := filesIn(t, c.folder)
		for path, content := range before {
			if after[path] != content {
				t.Errorf("%s: %s has changed", name, path)
			}
		}
		if len(after) != len(before) {
			t.Errorf("%s: there were %d files, and there are %d", name, len(before), len(after))
		}
	}
	if left, err := os.ReadDir(room); err != nil || len(left) > 0 {
		t.Errorf("it has left %v, %v", left, err)
	}
}

// TestExportCSVRefuses refuses a folder whose log ends before what book.db was made from, and one whose log is
// damaged, and leaves no file.
func TestExportCSVRefuses(t *testing.T) {
	t.Parallel()
	data := newSegments(t)
	file := filepath.Join(t.TempDir(), "sessions.csv")
	refuse := func(want string) {
		t.Helper()
		mustRefuse(t, want, "export", "--format", "csv", "--data", data, "--out", file)
		if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) > 0 {
			t.Errorf("it has left %v, %v", left, err)
		}
	}
	must(t, os.Rename(filepath.Join(data, "book.db"), filepath.Join(data, "book.away")))
	segments, err := filepath.Glob(filepath.Join(data, "log", "*.db"))
	must(t, err)
	content, err := os.ReadFile(segments[1])
	must(t, err)
	must(t, os.WriteFile(segments[1], bytes.ReplaceAll(content, []byte("xxx"), []byte("xxy")), 0o600))
	refuse(filepath.Base(segments[1]))
	must(t, os.WriteFile(segments[1], content, 0o600), os.Rename(filepath.Join(data, "book.away"), filepath.Join(data, "book.db")))
	must(t, os.Remove(segments[len(segments)-1]), os.Remove(filepath.Join(data, "log", "tail")))
	refuse("book.db was made from it up to record")
	mustRefuse(t, "there is no", "export", "--format", "csv", "--data", filepath.Join(t.TempDir(), "none"))
}
