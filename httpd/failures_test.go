package httpd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
	"gatebook/projection"
	"gatebook/storage"
)

// failingRegistry is a registry that fails when a test wants it to.
type failingRegistry struct {
	*gatebook.Registry
	fail func() error // for reading and killing
	err  error        // for Err
}

func (f *failingRegistry) Session(id uint64) (projection.View, projection.Moment, error) {
	if err := f.fail(); err != nil {
		return projection.View{}, projection.Moment{}, err
	}
	return f.Registry.Session(id)
}

func (f *failingRegistry) SessionsContext(ctx context.Context, q gatebook.Query) (*gatebook.Listing, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	return f.Registry.SessionsContext(ctx, q)
}

func (f *failingRegistry) Kill(ctx context.Context, id uint64, q gatebook.Request) (projection.View, error) {
	if err := f.fail(); err != nil {
		return projection.View{}, err
	}
	return f.Registry.Kill(ctx, id, q)
}

func (f *failingRegistry) Err() error { return f.err }

// lines is a log that can be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const wayOut = "On the server gatebook verify names each fault; restore the file from a copy, or copy what is whole with gatebook verify --salvage."

const notTold = "The request failed for a reason that is not its own. The server's log says more."

func TestFailures(t *testing.T) {
	t.Parallel()
	secret := errors.New("page 7 of /secret/log.db is damaged")
	for _, c := range []struct {
		name   string
		err    error
		status int
		body   string
		retry  string
		logged bool
	}{
		{"unforeseen", secret, 500, refused("Internal error", notTold), "", true},
		{
			"corrupt", fmt.Errorf("read: %w", &storage.CorruptError{File: "/secret/log/1.db", Sequence: 35, Err: secret}), 500,
			refused("The log is damaged", "What was asked for needs a part of the log that is damaged (file 1.db, record 35). What needs other parts is answered. "+wayOut), "", true,
		},
		{
			"damaged before a commit", fmt.Errorf("%w: commit: %w", storage.ErrReadOnly, &storage.CorruptError{File: "/secret/log/1.db", Err: secret}), 503,
			refused("Not recording", "The log takes no records, because damage was found before it would have been written over (file 1.db). Restart the server, which then says at the start what is damaged. "+wayOut), "10", true,
		},
		{
			"removed", fmt.Errorf("%w: %w", storage.ErrReadOnly, &storage.GoneError{File: "/secret/log/1.db", Err: syscall.ENOENT}), 503,
			refused("Not recording", "The log takes no records, because its file 1.db was removed or replaced while it is in use. Put the right one back, and restart the server."), "10", true,
		},
		{
			"damaged archive", fmt.Errorf("%w: %w", storage.ErrRebuilding, &storage.CorruptError{File: "/secret/book.db", Err: secret}), 503,
			refused("The archive is being made again", "Damage was found in book.db, which is being made again from the log. Live sessions are shown and recorded meanwhile; what needs those that have ended has to wait, and so have reports of sessions that are not live."), "10", true,
		},
		{
			"busy", fmt.Errorf("%w: %w", storage.ErrBusy, context.DeadlineExceeded), 503,
			refused("Busy", "Too much is waiting to be recorded. Nothing was done; try again in a second."), "1", true,
		},
		{
			"read-only", fmt.Errorf("%w: write /secret/log.db: %w", storage.ErrReadOnly, syscall.EIO), 503,
			refused("Not recording", "The log takes no records since a write failed. The system says: input/output error. What is in the book can be read, and nothing that was acknowledged is lost by it. See to the disk, and restart the server."), "10", true,
		},
		{
			"full disk", fmt.Errorf("%w: %w", storage.ErrDiskFull, syscall.ENOSPC), 507,
			refused("Not recording", "The disk is full. Nothing can be recorded until there is space again; what is in the book can be read."), "", true,
		},
		{"closed", storage.ErrClosed, 503, refused("Not recording", "The registry is being closed."), "", true},
		{"invalid", fmt.Errorf("%w: a reason needs words", gatebook.ErrInvalid), 400, refused("Invalid request", "A reason needs words."), "", false},
		{
			"refused", &gatebook.RefusedError{Session: 7, Kind: events.KindKillRequested, Why: "it is closed"}, 409,
			refused("Not possible now", "That cannot be done with session 7: it is closed."), "", false,
		},
		{"not found", gatebook.ErrNotFound, 404, refused("Session not found", "No session 7 is in the book."), "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var log lines
			registry := &failingRegistry{Registry: openBook(t, newClock()), fail: func() error { return c.err }}
			base := "http://" + serve(t, httpd.Config{Registry: registry, Logger: zerolog.New(&log)})
			methods := []string{"GET", "DELETE"}
			if c.status == http.StatusConflict || c.status == http.StatusInsufficientStorage {
				methods = methods[1:] // reading changes nothing and writes nothing
			}
			for _, method := range methods {
				got := ask(t, client(t), method, base+"/sessions/7")
				if got.status != c.status || got.body != c.body+"\n" || got.header.Get("Retry-After") != c.retry {
					t.Errorf("%s: got %+v", method, got)
				}
				if got.header.Get("Allow") != killable || got.header.Get("Gatebook-Sequence") != "0" {
					t.Errorf("%s: headers are missing: %v", method, got.header)
				}
			}
			if logged := strings.Contains(log.String(), c.err.Error()); logged != c.logged {
				t.Errorf("the log says %q", log.String())
			}
		})
	}
}

func TestPanicIsAnAnswer(t *testing.T) {
	t.Parallel()
	var log lines
	registry := &failingRegistry{Registry: openBook(t, newClock()), fail: func() error { panic("no such luck") }}
	base := "http://" + serve(t, httpd.Config{Registry: registry, Logger: zerolog.New(&log)})
	got := ask(t, client(t), "GET", base+"/sessions")
	if got.status != http.StatusInternalServerError || got.body != refused("Internal error", notTold)+"\n" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("got %+v", got)
	}
	if text := log.String(); !strings.Contains(text, "no such luck") || !strings.Contains(text, "failures_test.go") {
		t.Errorf("the log does not say where: %s", text)
	}
}

// TestFailureLogShowsPathAsItCame checks that the log escapes a path: unescaped it could
// control the terminal on which the log is read.
func TestFailureLogShowsPathAsItCame(t *testing.T) {
	t.Parallel()
	var log lines
	registry := &failingRegistry{Registry: openBook(t, newClock()), fail: func() error { return errors.New("no such luck") }}
	open(t, startSource(t, registry.Registry, "edge-1"), events.SessionOpened{Service: "\u009b31m"})
	base := "http://" + serve(t, httpd.Config{Registry: registry, Logger: zerolog.New(&log)})
	if got := ask(t, client(t), "GET", base+"/services/%C2%9B31m/sessions"); got.status != http.StatusInternalServerError {
		t.Errorf("got %+v", got)
	}
	if text := log.String(); !strings.Contains(text, `"path":"/services/%C2%9B31m/sessions"`) {
		t.Errorf("the log says %q", text)
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	registry := &failingRegistry{Registry: openBook(t, newClock()), err: fmt.Errorf("%w: %w", storage.ErrDiskFull, syscall.ENOSPC)}
	base := "http://" + serve(t, httpd.Config{Registry: registry})
	got := ask(t, client(t), "GET", base+"/ready")
	want := refused("Not ready", "The disk is full. Nothing can be recorded until there is space again; what is in the book can be read.") + "\n"
	if got.status != http.StatusServiceUnavailable || got.body != want {
		t.Errorf("got %+v", got)
	}
	if got := ask(t, client(t), "GET", base+"/health"); got.status != http.StatusOK {
		t.Errorf("health: got %+v", got)
	}
}

// closedLog is a source whose log takes no records while it is shut.
type closedLog struct {
	*gatebook.Source
	mu   sync.Mutex
	shut bool
}

func (s *closedLog) set(shut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut = shut
}

func (s *closedLog) Open(ctx context.Context, e events.SessionOpened) (uint64, error) {
	s.mu.Lock()
	shut := s.shut
	s.mu.Unlock()
	if shut {
		return 0, storage.ErrReadOnly
	}
	return s.Source.Open(ctx, e)
}

func TestClientsAreServedUnrecorded(t *testing.T) {
	t.Parallel()
	var log lines
	registry := openBook(t, newClock())
	source := &closedLog{Source: startSource(t, registry, "gatebook"), shut: true}
	address := serve(t, httpd.Config{Registry: registry, Source: source, RecordAdmin: true, Logger: zerolog.New(&log)})
	first, second := dial(t, address), dial(t, address)
	for _, c := range []*raw{first, second, first} {
		if got := c.ask("GET", "/sessions"); got.status != http.StatusOK || got.body != "[]\n" {
			t.Errorf("got %+v", got)
		}
	}
	source.set(false)
	if got := decode[[]shown](t, first.ask("GET", "/sessions").body); len(got) != 1 {
		t.Errorf("got %+v", got)
	}
	if text := log.String(); strings.Count(text, "cannot be recorded") != 1 || strings.Count(text, "recorded again") != 1 {
		t.Errorf("the log says %s", text)
	}
}
