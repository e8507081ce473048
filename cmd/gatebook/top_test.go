package main_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatebook"
	"gatebook/cmd/gatebook"
	"gatebook/cmd/gatebook/internal/table"
	"gatebook/events"
	"gatebook/httpd"
	"gatebook/httpd/client"
	"gatebook/projection"
)

// TestTopScreens compares the screens of the live view with golden files at two sizes: the
// list, another order, a filter, a session, a kill that is withdrawn, the help, a pause, a
// terminal that becomes smaller, and a server that is gone.
func TestTopScreens(t *testing.T) {
	t.Parallel()
	for _, size := range []struct{ width, height int }{{80, 24}, {200, 60}} {
		name := fmt.Sprintf("top-%dx%d", size.width, size.height)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBook(t)
			server, err := client.New("http://"+b.address, client.Options{})
			must(t, err)
			t.Cleanup(server.Close)
			top := main.NewTop(t.Context(), server, size.width, size.height, b.clock.Now, berlin())
			var all strings.Builder
			shot := func(title string) {
				t.Helper()
				screen := top.Screen()
				lines := strings.Split(strings.TrimSuffix(screen, "\n"), "\n")
				if len(lines) != size.height {
					t.Errorf("%s: the screen has %d lines of %d", title, len(lines), size.height)
				}
				for _, l := range lines {
					if n := table.Width(l); n > size.width {
						t.Errorf("%s: a line takes %d columns of %d: %q", title, n, size.width, l)
					}
				}
				fmt.Fprintf(&all, "--- %s\n%s", title, strings.ReplaceAll(screen, b.address, "HOST"))
			}
			reads := uint64(2612)
			for range 4 {
				reads += reads
				now := b.clock.advance(2 * time.Second)
				b.gateway.Observe([]gatebook.Sample{
					{Session: 2, Counters: events.Counters{Reads: reads, Writes: 212 + reads/10, BytesRead: reads * 700, BytesWritten: reads * 90}, Active: events.TimeOf(now), Activity: projection.ActivityWaiting},
					{Session: 3, Counters: events.Counters{Reads: 9, BytesRead: 800}, Active: events.TimeOf(now), Activity: projection.ActivityIdle},
				})
				top.Refresh()
			}
			shot("the list")
			top.Press("s", "s")
			shot("the most idle first")
			top.Press("s", "s", "s", "s", "down")
			top.Press("/", "user=jd")
			shot("a filter that fits nobody yet")
			top.Press("oe colour=")
			shot("a filter that is none")
			for range len(" colour=") {
				top.Press("backspace")
			}
			top.Press("enter")
			shot("a filter")
			top.Press("enter")
			shot("a session")
			top.Press("k", "runaway report")
			shot("a kill that is not confirmed")
			top.Press("enter")
			shot("a kill")
			top.Press("u")
			shot("a kill that is withdrawn")
			top.Press("?")
			shot("the help")
			top.Press("x", "p")
			shot("a pause")
			top.Press("p", "/", "esc")
			size.width, size.height = 60, 12
			top.Resize(size.width, size.height)
			shot("a smaller terminal")
			b.stop()
			b.clock.advance(3 * time.Second)
			top.Refresh()
			b.clock.advance(9 * time.Second)
			top.Refresh()
			shot("a server that is gone")
			golden(t, name, all.String())
		})
	}
}

// TestTop runs the live view on a terminal, with a real server: it shows a session that
// comes, goes on when the server is gone, and finds it again.
func TestTop(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	port := unusedPort(t)
	p := serve(t, "--data", folder, "--listen", "127.0.0.1:"+port)
	command, terminal, shown := onTerminal(t, 80, 24, nil, "top", "--url", p.api)
	eventually(t, "its own session is shown", func() bool { return strings.Contains(shown.String(), "127.0.0.1") })
	if status := p.stop(); status != 0 {
		t.Errorf("stopped with status %d\n%s", status, p.stderr)
	}
	eventually(t, "it says that the server is gone", func() bool { return strings.Contains(shown.String(), "no answer") })
	before := len(shown.String())
	serve(t, "--data", folder, "--listen", "127.0.0.1:"+port)
	eventually(t, "it goes on", func() bool { return strings.Contains(shown.String()[before:], "enter") })
	if _, err := terminal.WriteString("q"); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Errorf("after q: %v", err)
	}
}

// TestTopWants has the live view refuse what is no terminal.
func TestTopWants(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	b := newBook(t)
	status := main.RunAt(t.Context(), []string{"top", "--url", "http://" + b.address}, &out, &errs, 0, false, b.clock.Now(), berlin())
	if status != 1 || errs.String() != "gatebook: top draws a screen and wants a terminal; --plain prints lines\n" {
		t.Errorf("status %d: %s", status, &errs)
	}
}

// countingWriter counts the bytes of answers.
type countingWriter struct {
	http.ResponseWriter
	sent *atomic.Int64
}

func (w countingWriter) Write(b []byte) (int, error) {
	w.sent.Add(int64(len(b)))
	return w.ResponseWriter.Write(b)
}

// TestTopIsLight asks a server with many live sessions for a large screen: only the visible
// rows and the totals travel, less than 20 kB a second.
func TestTopIsLight(t *testing.T) {
	t.Parallel()
	registry, err := gatebook.Open(t.Context(), filepath.Join(t.TempDir(), "data"), gatebook.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, registry.Close()) })
	report := gatebook.Report{Source: "edge-1", Incarnation: "a"}
	for i := range 3000 {
		key := fmt.Sprint("c-", i)
		report.Events = append(report.Events,
			gatebook.Reported{Key: key, Event: &events.SessionOpened{Service: "orders", Address: "192.0.2.1", Port: 50000}},
			gatebook.Reported{Key: key, Event: &events.SessionReady{User: fmt.Sprint("user-", i), Database: "shop", Program: "checkout"}})
	}
	_, err = registry.Report(t.Context(), report)
	must(t, err)
	api, err := httpd.New(httpd.Config{Registry: registry})
	must(t, err)
	var sent atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.Handler().ServeHTTP(countingWriter{w, &sent}, r)
	}))
	t.Cleanup(s.Close)
	server, err := client.New(s.URL, client.Options{})
	must(t, err)
	t.Cleanup(server.Close)
	top := main.NewTop(t.Context(), server, 200, 60, time.Now, time.UTC)
	sent.Store(0)
	top.Refresh()
	if screen := top.Screen(); !strings.Contains(screen, "3000 live") || !strings.Contains(screen, "user-1 ") {
		t.Errorf("it shows\n%s", screen)
	}
	if perSecond := sent.Load() / 2; perSecond > 20_000 {
		t.Errorf("%d bytes travel a second", perSecond)
	}
}
