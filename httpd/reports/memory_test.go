package reports_test

import (
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatebook/httpd/render"
	"gatebook/httpd/reports"
)

// A report whose lists are too long is refused as soon as that is seen, however long it is.
func TestLongListsAreRefusedEarly(t *testing.T) { // alone, because it measures memory
	report := func(event string) []byte {
		return []byte(`{"source":"edge-1","incarnation":"a","events":[` + event + `]}`)
	}
	for name, c := range map[string]struct {
		text   []byte
		status int
		says   string
	}{
		"last counters": {
			report(`{"connections":[` + strings.Repeat("{},", 5_000_000) + `{}],"kind":"session_closed","key":"k","reason":"error"}`),
			422, "Event 0: connections has more than 1024 elements. Nothing of the report was recorded.",
		},
		"servers of a service": {
			report(`{"kind":"service_declared","name":"s"},{"kind":"service_declared","name":"s","servers":[` + strings.Repeat(`"a",`, 1_500_000) + `"a"]}`),
			422, "Event 1: servers has more than 1024 elements. Nothing of the report was recorded.",
		},
		"addresses of a service": {
			report(`{"kind":"service_declared","name":"s","listeners":[` + strings.Repeat(`"",`, 5_000_000) + `""]}`),
			422, "Event 0: listeners has more than 256 elements. Nothing of the report was recorded.",
		},
		"long lists in many events": {
			report(strings.Repeat(`{"kind":"session_closed","key":"k","reason":"error","connections":[`+strings.Repeat("{},", 1000)+`{}]},`, 3000) + `{}`),
			413, "The report has more than 100000 elements in lists of its events, which are allowed. Split it.",
		},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := reports.Parse(c.text, 10_000)
		runtime.ReadMemStats(&after)
		f, ok := errors.AsType[*render.Failure](err)
		if !ok || f.Status != c.status || f.Description != c.says {
			t.Errorf("%s: got %v", name, err)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 64<<20 {
			t.Errorf("%s: %s of memory are taken for %s", name, megabytes(taken), megabytes(uint64(len(c.text))))
		}
	}
}

// The bodies of large reports that are being sent share one budget: a report beyond it is told
// to come again, and small ones go on.
func TestBodiesShareABudget(t *testing.T) {
	t.Parallel()
	const large = 1 << 20
	budget := render.NewBudget(2 * large)
	body := func(from io.Reader) *reports.Body {
		return reports.NewBody(httptest.NewRecorder(), from, 2*large, time.Minute, budget)
	}
	sent, sending := io.Pipe()
	held, done := body(sent), make(chan error)
	go func() {
		_, err := held.Whole(-1)
		done <- err
	}()
	if _, err := sending.Write(make([]byte, large+1<<16)); err != nil { // it returns when that is read
		t.Fatal(err)
	}
	second := body(strings.NewReader(strings.Repeat(" ", large)))
	_, err := second.Whole(-1)
	if f, ok := errors.AsType[*render.Failure](err); !ok || f.Status != 503 || f.RetryAfter != "1" {
		t.Errorf("a second large report: got %v", err)
	}
	second.Release()
	small := body(strings.NewReader("{}"))
	if _, err := small.Whole(-1); err != nil {
		t.Errorf("a small report: got %v", err)
	}
	small.Release()
	sending.Close()
	if err := <-done; err != nil {
		t.Errorf("the first one: got %v", err)
	}
	held.Release()
	third := body(strings.NewReader(strings.Repeat(" ", large)))
	if _, err := third.Whole(-1); err != nil {
		t.Errorf("when there is room again: got %v", err)
	}
	third.Release()
	if !budget.Take(2 * large) {
		t.Error("not everything was given back")
	}
}

func megabytes(n uint64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
