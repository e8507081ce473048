package main_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestImportOfAnOlderExport imports an export of a log that has gone on: no id of a session comes again,
// what lived is lost, and clients with something of the log are told that it is another history.
func TestImportOfAnOlderExport(t *testing.T) {
	data, file := newSegments(t), filepath.Join(t.TempDir(), "book.ndjson")
	target := filepath.Join(t.TempDir(), "imported")
	report := func(p *program, source, key string) {
		t.Helper()
		body := fmt.Sprintf(`{"source":%q,"incarnation":"a","lease":"1h","events":[{"key":%q,"kind":"session_opened","service":"orders","address":"192.0.2.7","port":40001}]}`, source, key)
		answer, err := http.Post(p.api+"/events", "application/json", strings.NewReader(body))
		must(t, err)
		must(t, answer.Body.Close())
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("the report is answered %d", answer.StatusCode)
		}
	}
	p := serve(t, "--data", data)
	report(p, "edge", "before")
	mustRun(t, "export", "--data", data, "--out", file)
	report(p, "edge", "after")
	given := make(map[uint64]bool)
	for _, s := range p.sessions("all") {
		given[s.ID] = true
	}
	place := placeOf(t, p, headOf(t, p))
	p.kill()
	out := mustRun(t, "import", file, "--data", target)
	if !strings.Contains(out, "; 2 sessions lost, the next session is ") && !strings.Contains(out, "; 1 session lost, the next session is ") {
		t.Errorf("it says %q", out)
	}
	if out := mustRun(t, "verify", "--data", target); !strings.HasPrefix(out, "whole: ") {
		t.Errorf("verify says %q", out)
	}
	p = serve(t, "--data", target)
	if live := p.sessions("live"); len(live) > 0 {
		for _, s := range live {
			if given[s.ID] {
				t.Errorf("session %d lives", s.ID)
			}
		}
	}
	report(p, "edge-2", "again")
	var opened []session
	p.get("/sessions?source=edge-2", &opened)
	if len(opened) != 1 || given[opened[0].ID] || opened[0].ID < 1_000_000 {
		t.Errorf("after the import there is %+v", opened)
	}
	if status, _, body := p.request(http.MethodGet, "/events?after="+place); status != http.StatusBadRequest {
		t.Errorf("at %s, a place after the export, the answer is %d %s", place, status, body)
	}
	var restored []struct {
		By          string
		NextSession uint64 `json:"next_session"`
	}
	p.get("/events?kind=log_restored", &restored)
	if len(restored) != 1 || !strings.HasPrefix(restored[0].By, "unix:") || !strings.HasSuffix(out, fmt.Sprintf(" is %d\n", restored[0].NextSession)) {
		t.Errorf("on the record is %+v", restored)
	}
	p.stop()

	// The choices.
	other := filepath.Join(t.TempDir(), "imported")
	mustRefuse(t, "the next session cannot be 7", "import", file, "--next-id", "7", "--data", other)
	if out := mustRun(t, "import", file, "--next-id", "7000000", "--data", other); !strings.HasSuffix(out, "the next session is 7000000\n") {
		t.Errorf("it says %q", out)
	}
	asIs, again := filepath.Join(t.TempDir(), "imported"), filepath.Join(t.TempDir(), "again.ndjson")
	mustRun(t, "import", file, "--as-is", "--data", asIs)
	mustRun(t, "export", "--data", asIs, "--out", again)
	x, err := os.ReadFile(file)
	must(t, err)
	y, err := os.ReadFile(again)
	must(t, err)
	if !bytes.Equal(x, y) {
		t.Error("what was imported as is is exported otherwise")
	}
}
