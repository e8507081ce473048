package main_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVerifyAdvice damages what belongs to a log: what verify says of it, and what it says to do, fits what is
// damaged.
func TestVerifyAdvice(t *testing.T) {
	t.Parallel()
	const salvage, rotate = "--salvage", "gatebook key rotate --force"
	garbage := func([]byte) []byte { return []byte("garbage") }
	whole := newSegments(t)
	segments, err := filepath.Glob(filepath.Join(whole, "log", "*.db"))
	must(t, err)
	newest := filepath.Join("log", filepath.Base(segments[len(segments)-1]))
	for _, test := range []struct {
		d          damage
		says, nots []string
	}{
		{without("head"), []string{"head: it is missing", "The records are whole", rotate}, []string{salvage}},
		{changed("garbage", "head", garbage), []string{"head: ", "The records are whole", rotate}, []string{salvage}},
		{changed("garbage", "key", garbage), []string{"key: ", "The records are whole", rotate}, []string{salvage}},
		{changed("garbage", newest, garbage), []string{"damaged: 1 fault,", filepath.Base(newest) + ": ", salvage}, []string{"rolled back", "record 0"}},
		{without(newest), []string{"log: it ends at record", "rolled back", salvage}, nil},
	} {
		folder := filepath.Join(t.TempDir(), "data")
		copyFolder(t, folder, whole)
		test.d.do(t, folder)
		out, status := gatebookCommand(t, "verify", "--data", folder)
		if status != 1 {
			t.Errorf("%s: status %d", test.d.name, status)
		}
		for _, text := range test.says {
			if !strings.Contains(out, text) {
				t.Errorf("%s: it does not say %q: %s", test.d.name, text, out)
			}
		}
		for _, text := range test.nots {
			if strings.Contains(out, text) {
				t.Errorf("%s: it says %q: %s", test.d.name, text, out)
			}
		}
	}
}

// TestReadyIsNotLogged asks a server that is not ready again and again: the log has the cause once, and no line of
// a request.
func TestReadyIsNotLogged(t *testing.T) {
	t.Parallel()
	data := newSegments(t)
	p := serve(t, "--data", data)
	must(t, os.Remove(filepath.Join(data, "key")))
	eventually(t, "it is not ready", func() bool {
		status, _, _ := p.request("GET", "/ready")
		return status == http.StatusServiceUnavailable
	})
	for range 5 {
		p.request("GET", "/ready")
	}
	p.stop()
	if text := p.stderr.String(); strings.Contains(text, "/ready") || strings.Count(text, "key") == 0 {
		t.Errorf("the log has\n%s", text)
	}
}
