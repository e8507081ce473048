package main_test

import (
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// format2 returns a data folder with a log of format 2.
func format2(t *testing.T) string {
	t.Helper()
	from, folder := filepath.Join("..", "..", "testdata", "format2"), filepath.Join(t.TempDir(), "data")
	must(t, os.MkdirAll(filepath.Join(folder, "log"), 0o700))
	packed, err := filepath.Glob(filepath.Join(from, "*.gz"))
	must(t, err)
	for _, path := range packed {
		f, err := os.Open(path)
		must(t, err)
		r, err := gzip.NewReader(f)
		must(t, err)
		content, err := io.ReadAll(r)
		must(t, err)
		must(t, f.Close())
		must(t, os.WriteFile(filepath.Join(folder, "log", strings.TrimSuffix(filepath.Base(path), ".gz")), content, 0o600))
	}
	must(t, os.WriteFile(filepath.Join(folder, "lock"), nil, 0o600)) // the program of format 2 had left one
	return folder
}

// TestMigrate upgrades a log offline, twice, and has a server do it at its start. The server
// removes the older files when it stops.
func TestMigrate(t *testing.T) {
	t.Parallel()
	folder := format2(t)
	for _, want := range []string{
		"6 segments upgraded from format 2 to 3; the older files are kept until the next clean stop of a server\n",
		"The log has format 3 already: there was nothing to do.\n",
	} {
		out, err := exec.Command(binary, "migrate", "--data", folder).CombinedOutput()
		if err != nil || string(out) != want {
			t.Errorf("it says %q with error %v, want %q", out, err, want)
		}
	}
	for _, folder := range []string{folder, format2(t)} {
		p := serve(t, "--data", folder)
		kept, err := filepath.Glob(filepath.Join(folder, "log", "*.format2"))
		if err != nil || len(kept) != 6 {
			t.Errorf("the older files %q are kept: %v", kept, err)
		}
		if status, _, body := p.request("GET", "/sessions/2"); status != 200 || !strings.Contains(body, `"ann"`) {
			t.Errorf("got %d %s", status, body)
		}
		if status := p.stop(); status != 0 {
			t.Fatalf("the server ended with status %d", status)
		}
		if kept, err = filepath.Glob(filepath.Join(folder, "log", "*.format2")); err != nil || len(kept) != 0 {
			t.Errorf("after a clean stop the older files %q are kept: %v", kept, err)
		}
	}
}
