package httpd_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
	"gatebook/storage"
)

// fillingLog is a log whose disk can be full.
type fillingLog struct {
	storage.Log
	full atomic.Bool
}

func (l *fillingLog) Append(ctx context.Context, entries []storage.Entry) error {
	if l.full.Load() {
		return storage.ErrDiskFull
	}
	return l.Log.Append(ctx, entries)
}

// A session whose end cannot be recorded yet is not shown as live, and a client that has it
// in its cache as live gets the new state.
func TestSessionThatIsOver(t *testing.T) {
	t.Parallel()
	memory, err := storage.OpenMemory(storage.NewMemoryDisk(), nil)
	check(t, err)
	log := &fillingLog{Log: memory}
	r, err := gatebook.Open(t.Context(), filepath.Join(t.TempDir(), "data"), gatebook.Options{Log: log})
	check(t, err)
	t.Cleanup(func() { check(t, r.Close()) })
	s := startSource(t, r, "edge-1")
	id := open(t, s, events.SessionOpened{Service: "orders", Address: "192.0.2.1"})
	check(t, s.Record(t.Context(), id, &events.ConnectionOpened{Connection: 1, Server: "db-serv-01"}, &events.SessionReady{User: "jdoe"}))
	base, asker := "http://"+serve(t, httpd.Config{Registry: r}), client(t)
	targets := map[string]string{
		"/sessions/1?fields=state":                  `"Session ready for routing"`,
		"/sessions?fields=state":                    `"Session ready for routing"`,
		"/sessions/1/connections?fields=state":      `"DCB in the polling loop"`,
		"/services/orders/sessions?fields=state":    `"Session ready for routing"`,
		"/servers/db-serv-01/sessions?fields=state": `"Session ready for routing"`,
	}
	tags := make(map[string]string)
	for target, state := range targets {
		got := ask(t, asker, "GET", base+target)
		if tags[target] = got.header.Get("Etag"); !strings.Contains(got.body, state) {
			t.Errorf("%s: got %s", target, got.body)
		}
	}

	log.full.Store(true)
	if held, err := s.End(t.Context(), id, events.SessionClosed{Reason: events.ReasonClientClosed}); err != nil || !held {
		t.Fatalf("ending on a full disk: %v, %v", held, err)
	}
	for target := range targets {
		want := `"Stopping session"`
		if strings.Contains(target, "connections") {
			want = `"DCB socket closed"`
		}
		if got := ask(t, asker, "GET", base+target, "If-None-Match: "+tags[target]); got.status != 200 || !strings.Contains(got.body, want) {
			t.Errorf("%s, over: got %d %s", target, got.status, got.body)
		}
	}

	log.full.Store(false)
	open(t, s, events.SessionOpened{Service: "orders"})
	got := ask(t, asker, "GET", base+"/sessions/1?fields=state,reason")
	if want := `{"state":"Session closed","reason":"client_closed"}` + "\n"; got.body != want {
		t.Errorf("recorded: got %s", got.body)
	}
}
