package httpd_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
	"gatebook/storage"
)

// clock is a clock that stands still until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2016, 8, 31, 3, 3, 12, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) time() events.Time { return events.TimeOf(c.Now()) }

// openBook opens a registry on a log in memory that holds the given records.
func openBook(t testing.TB, c *clock, past ...events.Record) *gatebook.Registry {
	t.Helper()
	return openDisk(t, c, diskOf(t, c, past...))
}

// diskOf returns a disk in memory whose log holds the given records.
func diskOf(t testing.TB, c *clock, past ...events.Record) *storage.MemoryDisk {
	t.Helper()
	disk := storage.NewMemoryDisk()
	if len(past) > 0 {
		log, err := storage.OpenMemory(disk, c.time)
		check(t, err)
		check(t, log.Start(0, func([]events.Record) error { return nil }))
		for _, r := range past {
			check(t, log.Append(t.Context(), []storage.Entry{{Record: r, Expect: 1 << 40}}))
		}
		check(t, log.Close())
	}
	return disk
}

// openDisk opens a registry on a disk.
func openDisk(t testing.TB, c *clock, disk *storage.MemoryDisk) *gatebook.Registry {
	t.Helper()
	log, err := storage.OpenMemory(disk, c.time)
	check(t, err)
	registry, err := gatebook.Open(context.Background(), filepath.Join(t.TempDir(), "data"), gatebook.Options{Log: log, Now: c.Now})
	check(t, err)
	t.Cleanup(func() { check(t, registry.Close()) })
	return registry
}

func startSource(t testing.TB, r *gatebook.Registry, name string) *gatebook.Source {
	t.Helper()
	s, err := r.StartSource(t.Context(), gatebook.SourceOptions{Name: name, Version: "1.2", Host: "gw-1"})
	check(t, err)
	return s
}

// serve starts a server, and returns its address.
func serve(t testing.TB, config httpd.Config) string {
	t.Helper()
	_, address := serveThat(t, config)
	return address
}

// serveThat starts a server after changes to it, and returns it and its address.
func serveThat(t testing.TB, config httpd.Config, changes ...func(*httpd.Server)) (*httpd.Server, string) {
	t.Helper()
	server, err := httpd.New(config)
	check(t, err)
	for _, change := range changes {
		change(server)
	}
	if _, measured := t.(*testing.B); !measured {
		checked(t, server)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		check(t, server.Shutdown(ctx))
		check(t, <-served)
	})
	return server, l.Addr().String()
}

// client returns an HTTP client with connections of its own.
func client(t testing.TB) *http.Client {
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// answer is the answer to a request.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request and returns its answer. extra are lines of its header.
func ask(t testing.TB, c *http.Client, method, url string, extra ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	check(t, err)
	for _, line := range extra {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header[name] = append(r.Header[name], value)
	}
	w, err := c.Do(r)
	check(t, err)
	defer w.Body.Close()
	body, err := io.ReadAll(w.Body)
	check(t, err)
	return answer{status: w.StatusCode, header: w.Header, body: string(body)}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
