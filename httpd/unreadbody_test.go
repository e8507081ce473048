package httpd_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatebook/httpd"
)

// What a client sends of a body that was not read is never answered as a request: the
// connection is closed.
func TestUnreadBodyIsNoRequest(t *testing.T) {
	t.Parallel()
	base := serve(t, httpd.Config{Registry: openBook(t, newClock()), Limits: httpd.Limits{BodyTime: time.Second}})
	const next = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
	const renewal = `{"source":"edge-1","incarnation":"a"}` + "\n"
	for name, c := range map[string]struct {
		head []string
		body string
		// status is that of the answer.
		status int
	}{
		"a stream with a bad line": {
			[]string{"POST /events HTTP/1.1", "Content-Type: " + ndjson, "Content-Length: 5000"}, "nonsense\n", 200,
		},
		"a stream with a bad line after a good one": {
			[]string{"POST /events HTTP/1.1", "Content-Type: " + ndjson, "Content-Length: 5000"}, renewal + "nonsense\n", 200,
		},
		"another media type": {
			[]string{"POST /events HTTP/1.1", "Content-Type: text/plain", "Content-Length: 5000"}, "nonsense", 415,
		},
		"a method without a body":   {[]string{"DELETE /sessions/7 HTTP/1.1", "Content-Length: 5000"}, "", 404},
		"a path that there is not":  {[]string{"POST /nothing HTTP/1.1", "Content-Length: 5000"}, "", 404},
		"a GET with a body":         {[]string{"GET /sessions HTTP/1.1", "Content-Length: 5000"}, "", 200},
		"a length and chunks":       {[]string{"POST /events HTTP/1.1", "Content-Type: application/json", "Content-Length: 5", "Transfer-Encoding: chunked"}, "26\r\n" + renewal + "\r\n0\r\n\r\n", 200},
		"a length and chunks, GET":  {[]string{"GET /sessions HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked"}, "0\r\n\r\n", 200},
		"chunks that were not read": {[]string{"PUT /services/x/stop HTTP/1.1", "Transfer-Encoding: chunked"}, "4\r\nabcd\r\n", 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, base)
			conn.send(append(c.head, "Host: localhost")...)
			_, err := io.WriteString(conn, c.body)
			check(t, err)
			got := conn.receive(http.MethodPost)
			if got.status != c.status {
				t.Errorf("got %d %s", got.status, got.body)
			}
			if begun := strings.HasPrefix(c.body, renewal); !begun && got.header.Get("Connection") != "close" {
				t.Error("the answer does not say that the connection is closed")
			}
			// The connection may be closed before this is sent.
			_, _ = io.WriteString(conn, next)
			if rest, err := io.ReadAll(conn.in); len(rest) > 0 {
				t.Errorf("then came %q, %v", rest, err)
			}
		})
	}
}

// A connection goes on after a body that was read.
func TestReadBodyKeepsTheConnection(t *testing.T) {
	t.Parallel()
	base := serve(t, httpd.Config{Registry: openBook(t, newClock())})
	const renewal = `{"source":"edge-1","incarnation":"a"}` + "\n"
	conn := dial(t, base)
	for _, media := range []string{"application/json", ndjson, "application/json"} {
		conn.send("POST /events HTTP/1.1", "Host: localhost", "Content-Type: "+media, "Content-Length: 38")
		_, err := io.WriteString(conn, renewal)
		check(t, err)
		if got := conn.receive(http.MethodPost); got.status != 200 || got.header.Get("Connection") != "" {
			t.Errorf("%s: got %+v", media, got)
		}
	}
	if got := conn.ask("GET", "/health"); got.status != 200 {
		t.Errorf("got %+v", got)
	}
}
