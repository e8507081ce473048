package main_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKeyFileUnderServer takes the file of the key away under a server, damages it, and replaces it by another: /ready and
// the server's log say so, and that a rotation mends it, after which the server starts again.
func TestKeyFileUnderServer(t *testing.T) {
	t.Parallel()
	room := t.TempDir()
	data, other := filepath.Join(room, "data"), filepath.Join(room, "other")
	mustRun(t, "init", "--data", other)
	foreign, err := os.ReadFile(filepath.Join(other, "key"))
	must(t, err)
	key := filepath.Join(data, "key")
	p := serve(t, "--data", data)
	ready := func(want string) func() bool {
		return func() bool {
			status, _, body := p.request(http.MethodGet, "/ready")
			return status == http.StatusOK && want == "" || status == http.StatusServiceUnavailable && want != "" && strings.Contains(body, want)
		}
	}
	eventually(t, "the server is ready", ready(""))
	for what, damage := range map[string]func() error{
		"The file key of the data folder is missing.":                       func() error { return os.Remove(key) },
		"The file key of the data folder is damaged, or has another key.":   func() error { return os.WriteFile(key, []byte("damage"), 0o600) },
		"The file key of the data folder is damaged, or has another key. W": func() error { return os.WriteFile(key, foreign, 0o600) },
	} {
		must(t, damage())
		eventually(t, what, ready(what))
		mustRun(t, "key", "rotate", "--data", data)
		eventually(t, "the server is ready after "+what, ready(""))
	}
	if status := p.stop(); status != 0 {
		t.Errorf("the server ended with status %d", status)
	}
	if n := strings.Count(p.stderr.String(), "gatebook key rotate --data "+data); n != 3 {
		t.Errorf("its log says %d times what to do: %s", n, p.stderr)
	}
	serve(t, "--data", data).stop()
}
