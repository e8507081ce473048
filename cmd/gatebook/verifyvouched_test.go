package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sinceEachWay compares a log with a head from its files, through the server that has them open, and over the
// network, and returns what each says of the keys: all has to be the same.
func sinceEachWay(t *testing.T, head, data string) string {
	t.Helper()
	consistent := regexp.MustCompile(`(?m)^consistent: the \d+ records? of .* are the first of the .*\n`)
	said := make(map[string]string)
	compare := func(way string, args ...string) {
		t.Helper()
		out := mustRun(t, append([]string{"verify", "--since", head}, args...)...)
		at := consistent.FindStringIndex(out)
		if at == nil {
			t.Fatalf("%s it says %q", way, out)
		}
		said[out[at[1]:]] += way + "; "
	}
	compare("from the files", "--data", data)
	p := serve(t, "--data", data)
	compare("beside the server", "--data", data)
	compare("over the network", "--url", p.api)
	if status := p.stop(); status != 0 {
		t.Fatalf("the server ended with status %d", status)
	}
	if len(said) != 1 {
		t.Errorf("the answers are %q", said)
	}
	for text := range said {
		return text
	}
	return ""
}

// TestVerifySinceKeys compares logs with a head that was kept before their keys were replaced: with the word of the key
// before, or without it by an import, a restore, or because the key was lost. Each way the records
// are proven to be the first of the log, and the key that nobody vouches for is named.
func TestVerifySinceKeys(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	data, kept := at("data"), at("kept.txt")
	p := serve(t, "--data", data)
	p.request("GET", "/sessions")
	p.stop()
	head, err := os.ReadFile(filepath.Join(data, "head"))
	must(t, err, os.WriteFile(kept, head, 0o600))
	if said := sinceEachWay(t, kept, data); said != "" {
		t.Errorf("of its own log it says %q", said)
	}
	mustRun(t, "key", "rotate", "--data", data)
	if said := sinceEachWay(t, kept, data); said != "" {
		t.Errorf("of a key that is vouched for it says %q", said)
	}
	mustRun(t, "export", "--data", data, "--out", at("book.ndjson"))
	mustRun(t, "import", at("book.ndjson"), "--data", at("imported"))
	mustRun(t, "backup", at("backup"), "--data", data)
	mustRun(t, "restore", at("backup"), "--data", at("restored"))
	must(t, os.Remove(filepath.Join(data, "key")))
	mustRun(t, "key", "rotate", "--force", "--data", data)
	note := regexp.MustCompile(`^record (\d+) names a key for which the one before does not vouch, .* what follows: .*\n$`)
	for _, log := range []string{at("imported"), at("restored"), data} {
		if said := sinceEachWay(t, kept, log); !note.MatchString(said) {
			t.Errorf("of %s it says %q", log, said)
		}
	}
	// A second one, after one that is vouched for.
	mustRun(t, "key", "rotate", "--data", data)
	must(t, os.Remove(filepath.Join(data, "key")))
	mustRun(t, "key", "rotate", "--force", "--data", data)
	if said := sinceEachWay(t, kept, data); !regexp.MustCompile(`^records \d+ and \d+ name keys for which the ones before do not vouch, `).MatchString(said) {
		t.Errorf("of two it says %q", said)
	}
	// A head of the newest key knows of none.
	newest, err := os.ReadFile(filepath.Join(data, "head"))
	must(t, err, os.WriteFile(at("newest.txt"), newest, 0o600))
	if said := sinceEachWay(t, at("newest.txt"), data); strings.Contains(said, "vouch") {
		t.Errorf("of the newest key it says %q", said)
	}
}
