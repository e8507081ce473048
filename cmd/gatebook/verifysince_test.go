package main_test

import (
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatebook/storage/treehead"
)

// TestVerifySinceAFile compares a log with the heads in files, of a folder, of a running server and
// over the network. A file without a head of the log is no damage of the log; a log without what
// the head covers is damaged.
func TestVerifySinceAFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	data := at("data")
	p := serve(t, "--data", data)
	address := p.api
	signed := func() string {
		b, err := os.ReadFile(filepath.Join(data, "head"))
		must(t, err)
		return string(b)
	}
	p.request("GET", "/sessions")
	eventually(t, "a head of a record", func() bool { return strings.Split(signed(), "\n")[1] != "0" })
	head := signed()
	key, err := os.ReadFile(filepath.Join(data, "key"))
	must(t, err)
	signer, err := treehead.ParseSigner(strings.Split(head, "\n")[0], key)
	must(t, err)
	none, err := signer.Sign(treehead.Head{Root: sha256.Sum256(nil)})
	must(t, err)
	other := serve(t, "--data", at("other"))
	_, _, foreign := other.request("GET", "/log/checkpoint")
	if status := other.stop(); status != 0 {
		t.Fatalf("the other server ended with status %d", status)
	}
	consistent := "consistent: the " + strings.Split(head, "\n")[1] + " record"
	cases := map[string]struct {
		content string
		status  int
		want    []string
	}{
		"good":    {head, 0, []string{consistent}},
		"windows": {strings.ReplaceAll(head, "\n", "\r\n"), 0, []string{consistent}},
		"mark":    {"\ufeff" + head, 0, []string{consistent}},
		"torn":    {head + "\n" + head[:50], 0, []string{consistent, "no whole head"}},
		"empty":   {"", 1, []string{"is empty"}},
		"twice":   {head + head, 0, []string{consistent}},
		"cut":     {head + head[:50], 0, []string{consistent, "no whole head"}},
		"junk":    {"junk\n" + head[:50], 1, []string{"has no signed head"}},
		"foreign": {foreign, 1, []string{"is not a key of", "no head of this log"}},
		"forged":  {strings.Replace(head, "\n", "\n9", 1), 1, []string{"no head of this log"}},
		"none":    {string(none), 0, []string{"covers 0 records: it proves nothing"}},
	}
	for name, c := range cases {
		must(t, os.WriteFile(at(name+".txt"), []byte(c.content), 0o600))
	}
	check := func(of ...string) {
		t.Helper()
		for name, c := range cases {
			command := exec.Command(binary, append([]string{"verify", "--since", at(name + ".txt")}, of...)...)
			out, _ := command.CombinedOutput() // the status says it
			if got := command.ProcessState.ExitCode(); got != c.status {
				t.Errorf("%s, %q: status %d, want %d", name, of, got, c.status)
			}
			for _, want := range append(c.want, at(name+".txt")) {
				if !strings.Contains(string(out), want) {
					t.Errorf("%s, %q: it says %q, want %q in it", name, of, out, want)
				}
			}
			for _, wrong := range []string{"damaged", "Restore", "--salvage"} {
				if strings.Contains(string(out), wrong) {
					t.Errorf("%s, %q: it says %q", name, of, out)
				}
			}
		}
	}
	check("--data", data)
	check("--url", address)
	if status := p.stop(); status != 0 {
		t.Fatalf("the server ended with status %d", status)
	}
	check("--data", data)
}

// TestVerifyWithoutAKey takes the key of a log away: no server starts there, and verify says so.
func TestVerifyWithoutAKey(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	data, backup := filepath.Join(folder, "data"), filepath.Join(folder, "backup")
	p := serve(t, "--data", data)
	p.request("GET", "/sessions")
	mustRun(t, "backup", backup, "--data", data)
	if status := p.stop(); status != 0 {
		t.Fatalf("the server ended with status %d", status)
	}
	const missing = "key is missing: serve will refuse"
	for _, whole := range []string{data, backup} { // a backup without secrets has no key
		if out := mustRun(t, "verify", "--data", whole); strings.Contains(out, missing) {
			t.Errorf("of %s it says %q", whole, out)
		}
	}
	must(t, os.Remove(filepath.Join(data, "key")))
	if out := mustRun(t, "verify", "--data", data); !strings.HasPrefix(out, "whole: ") || !strings.Contains(out, missing) {
		t.Errorf("without its key it says %q", out)
	}
	if out := mustRun(t, "verify", "--json", "--data", data); !strings.Contains(out, `"key_missing":true`) {
		t.Errorf("as JSON it says %q", out)
	}
	if out, err := exec.Command(binary, "serve", "--data", data, "--listen", "127.0.0.1:0").CombinedOutput(); err == nil {
		t.Errorf("serve says %s", out)
	}
}

// TestVerifySinceWhileRotating asks a server whose key is rotated just before it answers each of the requests: it
// is no other log for that.
func TestVerifySinceWhileRotating(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	p := serve(t, "--data", data)
	p.request("GET", "/sessions")
	_, _, kept := p.request("GET", "/log/checkpoint")
	since := filepath.Join(t.TempDir(), "head.txt")
	must(t, os.WriteFile(since, []byte(kept), 0o600))
	target, err := url.Parse(p.api)
	must(t, err)
	pass, rotations := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}, 0
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if out, status := gatebookCommand(t, "key", "rotate", "--data", data); status != 0 {
			t.Errorf("the rotation says %q", out)
		}
		rotations++
		pass.ServeHTTP(w, r)
	}))
	defer front.Close()
	if out := mustRun(t, "verify", "--since", since, "--url", front.URL); !strings.Contains(out, front.URL) {
		t.Errorf("it says %q", out)
	}
	if rotations < 3 {
		t.Errorf("the key was rotated %d times: the test shows nothing", rotations)
	}
}
