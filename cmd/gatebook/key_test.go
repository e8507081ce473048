package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKeyCommands shows and rotates the key, with a server and without one, and verifies that a
// head which was kept is in the log.
func TestKeyCommands(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	mustRun(t, "init", "--data", data)
	first := strings.TrimSpace(mustRun(t, "key", "--data", data))
	empty := filepath.Join(t.TempDir(), "empty")
	keep := func(to string) {
		t.Helper()
		content, err := os.ReadFile(filepath.Join(data, "head"))
		must(t, err)
		must(t, os.WriteFile(to, content, 0o600))
	}
	keep(empty)
	p := serve(t, "--data", data)
	for range 5 {
		if status, _, body := p.request("GET", "/sessions"); status != 200 {
			t.Fatal(body)
		}
	}
	var kept string
	eventually(t, "a head is signed", func() bool {
		_, _, kept = p.request("GET", "/log/checkpoint")
		return !strings.HasPrefix(kept, strings.Split(first, "+")[0]+"\n0\n")
	})
	since := filepath.Join(t.TempDir(), "head.txt")
	must(t, os.WriteFile(since, []byte(kept), 0o600))
	served := mustRun(t, "key", "rotate", "--data", data)
	if status := p.stop(); status != 0 {
		t.Fatalf("the server ended with status %d", status)
	}
	offline := mustRun(t, "key", "rotate", "--data", data)
	keys := strings.Fields(mustRun(t, "key", "--data", data))
	if len(keys) != 3 || keys[2] != first || !strings.HasSuffix(served, keys[1]+"\n") || !strings.HasSuffix(offline, keys[0]+"\n") {
		t.Fatalf("the keys are %q; rotating said %q and %q", keys, served, offline)
	}
	newest := filepath.Join(t.TempDir(), "newest")
	keep(newest)
	for _, head := range []string{empty, since, newest} {
		if out := mustRun(t, "verify", "--since", head, "--data", data); !strings.HasPrefix(out, "whole: ") {
			t.Errorf("offline it says %q", out)
		}
	}
	fails := func(want string, args ...string) {
		t.Helper()
		if out, status := gatebookCommand(t, args...); status != 1 || !strings.Contains(out, want) {
			t.Errorf("%q: status %d: %s; want %q", args, status, out, want)
		}
	}
	p = serve(t, "--data", data)
	for _, head := range []string{empty, since, newest} {
		want := "consistent: "
		if head == empty {
			want = "the head of " + empty + " covers 0 records: it proves nothing"
		}
		if out := mustRun(t, "verify", "--since", head, "--url", p.api); !strings.HasPrefix(out, want) {
			t.Errorf("over the network it says %q", out)
		}
		mustRun(t, "verify", "--since", head, "--data", data) // the server reads it through
	}
	fails("stop it first", "key", "rotate", "--force", "--data", data)
	fails("name the head with --since", "verify", "--url", p.api)
	other := filepath.Join(t.TempDir(), "other")
	mustRun(t, "init", "--data", other)
	foreign := filepath.Join(other, "head")
	fails("is not a key of gatebook/", "verify", "--since", foreign, "--url", p.api)
	fails("is not a key of gatebook/", "verify", "--since", foreign, "--data", data)
	changed := filepath.Join(t.TempDir(), "changed")
	must(t, os.WriteFile(changed, []byte(strings.Replace(kept, "\n", "\n1", 1)), 0o600))
	fails("no signed note", "verify", "--since", changed, "--url", p.api)
	if status := p.stop(); status != 0 {
		t.Fatalf("the server ended with status %d", status)
	}

	must(t, os.Remove(filepath.Join(data, "key")))
	fails("gatebook key rotate --force --data "+data, "serve", "--data", data, "--listen", "127.0.0.1:0")
	mustRun(t, "key", "rotate", "--force", "--data", data)
	p = serve(t, "--data", data)
	const unvouched = "names a key for which the one before does not vouch"
	if out := mustRun(t, "verify", "--since", since, "--url", p.api); !strings.HasPrefix(out, "consistent: ") || !strings.Contains(out, unvouched) {
		t.Errorf("it says %q", out)
	}
	if out := mustRun(t, "verify", "--since", since, "--data", data); !strings.HasPrefix(out, "whole: ") || !strings.Contains(out, unvouched) {
		t.Errorf("it says %q", out)
	}
}

// TestImportedKeys imports a log whose records name keys. The import says what is missing, and the
// log is signed with a new key then.
func TestImportedKeys(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	data, exported, imported := filepath.Join(folder, "data"), filepath.Join(folder, "book.ndjson"), filepath.Join(folder, "imported")
	mustRun(t, "init", "--data", data)
	mustRun(t, "key", "rotate", "--data", data)
	mustRun(t, "export", "--data", data, "--out", exported)
	out := mustRun(t, "import", exported, "--as-is", "--data", imported)
	if !strings.Contains(out, "gatebook key rotate --force --data "+imported) {
		t.Errorf("it says %q", out)
	}
	if out, status := gatebookCommand(t, "serve", "--data", imported, "--listen", "127.0.0.1:0"); status != 1 || !strings.Contains(out, "key") {
		t.Errorf("without the key: status %d: %s", status, out)
	}
	mustRun(t, "key", "rotate", "--force", "--data", imported)
	if out := mustRun(t, "verify", "--data", imported); !strings.HasPrefix(out, "whole: 2 records") {
		t.Errorf("verify says %q", out)
	}
	p := serve(t, "--data", imported)
	if status := p.stop(); status != 0 {
		t.Errorf("the server ended with status %d", status)
	}
	// Without --as-is the import signs it.
	signed := filepath.Join(folder, "signed")
	mustRun(t, "import", exported, "--data", signed)
	mustRun(t, "verify", "--data", signed)
	p = serve(t, "--data", signed)
	if status := p.stop(); status != 0 {
		t.Errorf("the server ended with status %d", status)
	}
}
