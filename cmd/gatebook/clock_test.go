package main_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatebook"
)

// TestStatusOfAClockBehind starts a server whose last record was made by a clock two hours ahead:
// the log and gatebook status say so.
func TestStatusOfAClockBehind(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	r, err := gatebook.Open(t.Context(), folder, gatebook.Options{Now: func() time.Time { return time.Now().Add(2 * time.Hour) }})
	if err == nil {
		_, err = r.StartSource(t.Context(), gatebook.SourceOptions{Name: "ahead"})
	}
	if err == nil {
		err = r.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	p := serve(t, "--data", folder)
	out, err := exec.Command(binary, "status", "--url", p.api).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "before the last record") {
		t.Errorf("status says, with error %v:\n%s", err, out)
	}
	if text := p.stderr.String(); !strings.Contains(text, "the clock stands at") {
		t.Errorf("the log says %s", text)
	}
}
