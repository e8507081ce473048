package httpd_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
	"gatebook/httpd/telemetry"
)

const (
	// damagedListener is in the record that is damaged, and nowhere else.
	damagedListener = "203.0.113.77:4006"
	newestListener  = "203.0.113.78:4006" // in the last one
	damagedSession  = 20
	madeSessions    = 150
)

// damagedLog is a server on a log of several segments, which a test damages. Nothing reads it through
// in the background.
type damagedLog struct {
	folder   string
	segments []string // paths, in their order
	registry *gatebook.Registry
	base     string
	asker    *http.Client
	sequence uint64 // of the record with damagedListener, in the first segment

	mu       sync.Mutex // guards the field below
	reported []string
}

// newDamagedLog serves a whole log, of which no record is in memory.
func newDamagedLog(t *testing.T) *damagedLog {
	t.Helper()
	d := &damagedLog{folder: filepath.Join(t.TempDir(), "data"), asker: client(t)}
	d.open(t)
	s := startSource(t, d.registry, "edge-1")
	for i := range madeSessions {
		listener := "192.0.2.1:4006"
		if i+1 == damagedSession {
			listener = damagedListener
		}
		if i+1 == madeSessions {
			listener = newestListener
		}
		id := open(t, s, events.SessionOpened{Service: "orders", Listener: listener, Address: "192.0.2.7"})
		check(t, s.Record(t.Context(), id, &events.SessionClosed{Reason: events.ReasonClientClosed, Description: strings.Repeat("bye ", 100)}))
	}
	v, _, err := d.registry.Session(damagedSession)
	check(t, err)
	for sequence := range v.Trail() {
		d.sequence = sequence
		break
	}
	check(t, d.registry.Close())
	d.segments, err = filepath.Glob(filepath.Join(d.folder, "log", "*.db"))
	check(t, err)
	if len(d.segments) < 3 {
		t.Fatalf("the log has the segments %v, want 3 at least", d.segments)
	}
	d.open(t)
	t.Cleanup(func() { check(t, d.registry.Close()) })
	d.base = "http://" + serve(t, httpd.Config{Registry: d.registry, Metrics: telemetry.NewMetrics()})
	return d
}

func (d *damagedLog) open(t *testing.T) {
	t.Helper()
	var err error
	d.registry, err = gatebook.Open(context.Background(), d.folder, gatebook.Options{SegmentBytes: 1 << 16, ScrubPeriod: -1, Report: func(err error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.reported = append(d.reported, err.Error())
	}})
	check(t, err)
}

// reports returns what was reported.
func (d *damagedLog) reports() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.reported)
}

// change replaces a text wherever a file has it by another of its length.
func change(t *testing.T, path, from, to string) {
	t.Helper()
	b, err := os.ReadFile(path)
	check(t, err)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	check(t, err)
	defer f.Close()
	found := false
	for at := 0; ; at++ {
		i := bytes.Index(b[at:], []byte(from))
		if i < 0 {
			break
		}
		at += i
		_, err = f.WriteAt([]byte(to), int64(at))
		check(t, err)
		found = true
	}
	if !found {
		t.Fatalf("%s is not in %s", from, path)
	}
}

// read sends a request, and returns its status, and why its answer was cut.
func (d *damagedLog) read(t *testing.T, path string) (status int, cut error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.base+path, nil)
	check(t, err)
	w, err := d.asker.Do(r)
	check(t, err)
	defer w.Body.Close()
	_, cut = io.Copy(io.Discard, w.Body)
	return w.StatusCode, cut
}

// expectReady checks what /ready says: that it is ready, or the file and the record that are damaged; and
// that the metrics agree.
func (d *damagedLog) expectReady(t *testing.T, damaged string) {
	t.Helper()
	got := ask(t, d.asker, "GET", d.base+"/ready")
	metrics := ask(t, d.asker, "GET", d.base+"/metrics").body
	status, figures := 200, []string{"\ngatebook_ready 1\n", "\ngatebook_log_faults 0\n"}
	if damaged != "" {
		status, figures = 503, []string{"\ngatebook_ready 0\n", "\ngatebook_log_faults 1\n"}
		if !strings.Contains(got.body, "The log is damaged ("+damaged+")") || !strings.Contains(got.body, wayOut) {
			t.Errorf("/ready says %s, want that %s is damaged", got.body, damaged)
		}
	}
	if got.status != status {
		t.Errorf("/ready is answered %d: %s", got.status, got.body)
	}
	for _, want := range figures {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics have not %q", strings.TrimSpace(want))
		}
	}
}

// TestDamageMetByRead damages a log under a server, and has one read after the other meet it. Each makes
// the server say so at once, and log it once however often it is met. The server is ready again when
// the file was mended and the log read through.
func TestDamageMetByRead(t *testing.T) {
	t.Parallel()
	changed, mended := strings.Replace(damagedListener, "203", "303", 1), damagedListener
	d := newDamagedLog(t)
	first := d.segments[0]
	for _, path := range []string{
		"/events",
		"/events?after=2",
		"/events?follow=true&after=1&limit=1000",
		fmt.Sprintf("/sessions/%d/events", damagedSession),
		fmt.Sprintf("/events?session=%d", damagedSession),
		fmt.Sprintf("/log/records/%d", d.sequence),
		fmt.Sprintf("/log/proof/inclusion?sequence=%d", d.sequence),
		fmt.Sprintf("/log/proof/consistency?from=%d", d.sequence),
		fmt.Sprintf("/sessions?at=%d", d.sequence),
		fmt.Sprintf("/sessions/%d?at=%d", damagedSession, d.sequence),
	} {
		t.Run(path, func(t *testing.T) {
			d.expectReady(t, "")
			before := len(d.reports())
			change(t, first, mended, changed)
			defer d.mend(t, func() { change(t, first, changed, mended) })
			for range 3 {
				if status, cut := d.read(t, path); status != 500 && cut == nil {
					t.Fatalf("answered %d, want 500 or an answer that is cut", status)
				}
				d.expectReady(t, fmt.Sprintf("file %s, record %d", filepath.Base(first), d.sequence))
			}
			if reports := d.reports()[before:]; len(reports) != 1 || !strings.Contains(reports[0], first) || !strings.Contains(reports[0], "gatebook verify") {
				t.Errorf("reported %q, want the damage once", reports)
			}
		})
	}
}

// TestDamageMetByBackup has a backup meet a damaged record of a sealed segment, one of the newest, and a segment that is
// missing, which other reads meet too.
func TestDamageMetByBackup(t *testing.T) {
	t.Parallel()
	d := newDamagedLog(t)
	for path, mended := range map[string]string{d.segments[0]: damagedListener, d.segments[len(d.segments)-1]: newestListener} {
		changed := strings.Replace(mended, "203", "303", 1)
		change(t, path, mended, changed)
		if got, cut := d.read(t, "/backup"); cut == nil && got == 200 {
			t.Errorf("a backup of a damaged record of %s has an end", path)
		}
		got := ask(t, d.asker, "GET", d.base+"/ready")
		if got.status != 503 || !strings.Contains(got.body, "file "+filepath.Base(path)+", record ") {
			t.Errorf("/ready is answered %d: %s", got.status, got.body)
		}
		d.mend(t, func() { change(t, path, changed, mended) })
	}

	second := d.segments[1]
	var number uint64
	_, err := fmt.Sscanf(filepath.Base(second), "%d.db", &number)
	check(t, err)
	for _, path := range []string{fmt.Sprint("/log/records/", number+1), "/backup"} {
		check(t, os.Rename(second, second+".away"))
		if status, cut := d.read(t, path); status != 500 && cut == nil {
			t.Errorf("%s: answered %d without a segment", path, status)
		}
		d.expectReady(t, fmt.Sprintf("file %s, record %d", filepath.Base(second), number))
		d.mend(t, func() { check(t, os.Rename(second+".away", second)) })
		if status, cut := d.read(t, path); status != 200 || cut != nil {
			t.Errorf("%s: answered %d, %v with the segment back", path, status, cut)
		}
	}
}

// mend takes a damage back. The server is ready once the log was read through.
func (d *damagedLog) mend(t *testing.T, undo func()) {
	t.Helper()
	v, err := d.registry.Verify(t.Context(), nil)
	check(t, err)
	if len(v.Faults) == 0 || d.registry.Damage() == nil {
		t.Errorf("verifying a damaged log finds %v, and says %v", v.Faults, d.registry.Damage())
	}
	undo()
	if d.registry.Damage() == nil {
		t.Error("the damage is forgotten before anything was read")
	}
	if v, err = d.registry.Verify(t.Context(), nil); err != nil || len(v.Faults) > 0 {
		t.Errorf("verifying the mended log finds %v, %v", v.Faults, err)
	}
	d.expectReady(t, "")
}
