package httpd_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatebook/httpd"
)

// TestStarting asks a server whose registry is being opened, and then the API on the same
// listener.
func TestStarting(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	var progress atomic.Pointer[httpd.Opening]
	s := httpd.NewStarting(httpd.Config{Hosts: []string{"book.example.org"}}, func() httpd.Opening { return *progress.Load() })
	s.Serve(l.(*net.TCPListener), false)
	asker, base := client(t), "http://"+l.Addr().String()
	const opening = "The book is being opened. Try again in a moment."
	for _, c := range []struct {
		method, path string
		done, of     uint64
		upgrading    bool
		header       string
		status       int
		want         string
	}{
		{"GET", "/health", 0, 0, false, "", 200, `{"status":"ok"}`},
		{"HEAD", "/health", 0, 0, false, "", 200, ""},
		{"POST", "/health", 0, 0, false, "", 503, `{"error":"Starting","description":"` + opening + `"}`},
		{"GET", "/ready", 0, 0, false, "", 503, `{"error":"Starting","description":"` + opening + `"}`},
		{"GET", "/sessions", 0, 0, false, "", 503, `{"error":"Starting","description":"` + opening + `"}`},
		{"GET", "/ready", 250, 1000, false, "", 503, `{"error":"Starting","description":"The book is being brought up to date: 250 of 1000 records are read (25 %). Try again in a moment."}`},
		{"GET", "/ready", 250, 1000, true, "", 503, `{"error":"Starting","description":"The log is being upgraded from an older format: 250 of 1000 bytes are copied (25 %). Try again in a moment."}`},
		{"GET", "/ready", 250, 1000, false, "Host: book.example.org", 503, "25 %"},
		{"GET", "/ready", 250, 1000, false, "Host: evil.example.org", 403, "does not answer to the host name"},
	} {
		progress.Store(&httpd.Opening{Upgrading: c.upgrading, Done: c.done, Of: c.of})
		var header []string
		if c.header != "" {
			header = append(header, c.header)
		}
		got := ask(t, asker, c.method, base+c.path, header...)
		if got.status != c.status || !strings.Contains(got.body, c.want) || c.want == "" && got.body != "" {
			t.Errorf("%s %s: got %d %s", c.method, c.path, got.status, got.body)
		}
		if (got.header.Get("Retry-After") != "") != (c.status == 503) || got.header.Get("X-Content-Type-Options") == "" {
			t.Errorf("%s %s: got %v", c.method, c.path, got.header)
		}
	}
	nonsense := dial(t, l.Addr().String())
	nonsense.send("nonsense")
	if got := nonsense.receive("GET"); got.status != http.StatusBadRequest || !strings.HasPrefix(got.body, `{"error":"Invalid request"`) {
		t.Errorf("nonsense: got %d %s", got.status, got.body)
	}
	silent, err := net.Dial("tcp", l.Addr().String()) // it asks nothing
	check(t, err)
	defer silent.Close()
	begun := time.Now()
	check(t, s.Stop())
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it stops after %s", took)
	}

	early, err := net.Dial("tcp", l.Addr().String()) // nobody accepts at this moment
	check(t, err)
	defer early.Close()
	_, err = early.Write([]byte("GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	check(t, err)
	api, err := httpd.New(httpd.Config{Registry: openBook(t, newClock())})
	check(t, err)
	served := make(chan error, 1)
	go func() { served <- api.Serve(l) }()
	answer, err := http.ReadResponse(bufio.NewReader(early), nil)
	check(t, err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("the API answers %s", answer.Status)
	}
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	check(t, api.Shutdown(ctx))
	check(t, <-served)
}

// TestStartingWithTLS speaks TLS, and no TLS, to a server whose registry is being opened.
func TestStartingWithTLS(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	s := httpd.NewStarting(httpd.Config{Certificate: certificate(t)}, func() httpd.Opening { return httpd.Opening{} })
	s.Serve(l.(*net.TCPListener), false)
	for name, x := range map[string]struct {
		connect func(*testing.T, string) *raw
		line    string
		status  int
		want    string
	}{
		"ready":    {dialTLS, "GET /ready HTTP/1.1", 503, `{"error":"Starting"`},
		"nonsense": {dialTLS, "nonsense", 400, `{"error":"Invalid request"`},
		"no TLS":   {dial, "GET /ready HTTP/1.1", 400, `{"error":"TLS is needed"`},
	} {
		c := x.connect(t, l.Addr().String())
		c.send(x.line, "Host: localhost")
		if got := c.receive("GET"); got.status != x.status || !strings.HasPrefix(got.body, x.want) {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
	}
	check(t, s.Stop())
}
