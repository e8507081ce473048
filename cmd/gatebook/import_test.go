package main_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
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

	if !strings.Contains(out, ", signed with a new key, as the record key_rotated says; ") {
		t.Errorf("of the key it says %q", out)
	}

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

// TestImportOfRotated imports an export of a log whose key was rotated: a record says that it has a new one.
func TestImportOfRotated(t *testing.T) {
	t.Parallel()
	data, file, target := newSegments(t), filepath.Join(t.TempDir(), "book.ndjson"), filepath.Join(t.TempDir(), "imported")
	mustRun(t, "key", "rotate", "--data", data)
	mustRun(t, "export", "--data", data, "--out", file)
	if out := mustRun(t, "import", file, "--data", target); !strings.Contains(out, ", signed with a new key, as the record key_rotated says; ") {
		t.Errorf("it says %q", out)
	}
	if n := strings.Count(mustRun(t, "export", "--data", target), `"kind":"key_rotated"`); n != 2 {
		t.Errorf("%d records name a new key, want 2", n)
	}
}

// TestImportWithoutRecords imports an export without records: the log can be no older than the first version,
// and ids go on beyond all that it may have given since, and not as if it were of 1970.
func TestImportWithoutRecords(t *testing.T) {
	t.Parallel()
	data, file, target := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "book.ndjson"), filepath.Join(t.TempDir(), "imported")
	mustRun(t, "init", "--data", data)
	mustRun(t, "export", "--data", data, "--out", file)
	out := mustRun(t, "import", file, "--data", target)
	_, text, _ := strings.Cut(strings.TrimSpace(out), "the next session is ")
	next, err := strconv.ParseUint(text, 10, 64)
	must(t, err)
	since := uint64(time.Since(time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)) / time.Microsecond)
	if !strings.Contains(out, "imported: 0 records into "+target+", without a record, ") || next < since || next > since+2_000_000+uint64(time.Hour/time.Microsecond) {
		t.Errorf("it says %q; since the first version there were %d microseconds", out, since)
	}
	if out := mustRun(t, "import", file, "--next-id", "1", "--data", filepath.Join(t.TempDir(), "imported")); !strings.HasSuffix(out, "the next session is 1\n") {
		t.Errorf("it says %q", out)
	}
}
