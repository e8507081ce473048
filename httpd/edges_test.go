package httpd_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatebook/events"
	"gatebook/httpd"
)

// Addresses with a zone, and the one that is all zeros, are found by the filter of addresses.
func TestOddAddressesAreFound(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	s := startSource(t, registry, "edge-1")
	for _, address := range []string{"fe80::1%eth0", "::", "fe80::1", "10.0.0.1", ""} {
		open(t, s, events.SessionOpened{Service: "orders", Address: address})
	}
	for id := range uint64(2) { // the archive has them too
		check(t, s.Record(t.Context(), id+1, &events.SessionClosed{Reason: events.ReasonClientClosed}))
	}
	base, asker := "http://"+serve(t, httpd.Config{Registry: registry}), client(t)
	for query, want := range map[string]string{
		"address=fe80::1":         ids(1, 3),
		"address=fe80::/10":       ids(1, 3),
		"address=fe80::1%25eth0":  ids(1, 3),
		"address=::":              ids(2),
		"address=::/128":          ids(2),
		"address=::/0":            ids(1, 2, 3),
		"address=0.0.0.0/0":       ids(4),
		"address=::&address=10.1": "",
	} {
		got := ask(t, asker, "GET", base+"/sessions?status=all&fields=id&"+query)
		if want == "" && got.status != 400 || want != "" && got.body != want+"\n" {
			t.Errorf("%s: got %d %s", query, got.status, got.body)
		}
	}
	if got := ask(t, asker, "GET", base+"/sessions/1?fields=address").body; got != `{"address":"fe80::1%eth0"}`+"\n" {
		t.Errorf("it is shown as %s", got)
	}
}

// A row of CSV with one empty cell is no blank line, which programs leave out.
func TestEmptyCellIsARow(t *testing.T) {
	t.Parallel()
	base := "http://" + serve(t, httpd.Config{Registry: fillBook(t, newClock())})
	got := ask(t, client(t), "GET", base+"/sessions?fields=user", "Accept: text/csv")
	if got.body != "user\r\njdoe\r\n\"\"\r\n" {
		t.Errorf("got %q", got.body)
	}
	got = ask(t, client(t), "GET", base+"/sessions?fields=tls", "Accept: text/csv")
	if got.body != "tls\r\n\"\"\r\nTLS 1.3\r\n" {
		t.Errorf("got %q", got.body)
	}
}

// Commas make lists of what is one of a few words, and of nothing else.
func TestCommas(t *testing.T) {
	t.Parallel()
	base, asker := "http://"+serve(t, httpd.Config{Registry: fillBook(t, newClock())}), client(t)
	for target, want := range map[string]int{
		"/sessions?status=all&reason=idle_timeout,registry_crashed": 2,
		"/sessions?status=live,lost":                                3,
		"/sessions?user=jdoe,ann&status=all":                        0,
		"/events?kind=session_opened,session_lost":                  5,
		"/events?session=1&session=2":                               6,
	} {
		got := ask(t, asker, "GET", base+target)
		if all := decode[[]any](t, got.body); len(all) != want {
			t.Errorf("%s: %d are listed, want %d", target, len(all), want)
		}
	}
	if got := ask(t, asker, "GET", base+"/events?session=1,2"); got.status != 400 {
		t.Errorf("two sessions with a comma: got %d", got.status)
	}
}

// The reason of a kill is kept to 256 bytes, with a mark.
func TestLongReasonIsCut(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	open(t, startSource(t, registry, "edge-1"), events.SessionOpened{Service: "orders"})
	base := "http://" + serve(t, httpd.Config{Registry: registry, KillWait: time.Millisecond})
	ask(t, client(t), "DELETE", base+"/sessions/1?reason="+strings.Repeat("x", 1000))
	v, _, err := registry.Session(1)
	check(t, err)
	if why := v.Kill().Why; len(why) > 256 || !strings.HasPrefix(why, strings.Repeat("x", 250)) || !strings.HasSuffix(why, "…") {
		t.Errorf("it is kept as %q, %d bytes", why, len(why))
	}
}

// Every answer says how it may be kept, and that it is for its own origin.
func TestEveryAnswerIsProtected(t *testing.T) {
	t.Parallel()
	base, asker := "http://"+serve(t, httpd.Config{Registry: fillBook(t, newClock())}), client(t)
	for _, target := range []string{"/sessions?since=24h", "/metrics", "/version", "/health", "/", "/nothing", "/sessions?at=x", "/events?follow=true&after=1&limit=1"} {
		got := ask(t, asker, "GET", base+target)
		if got.header.Get("Cache-Control") != "private, no-cache" || got.header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s: got %v", target, got.header)
		}
		if stream := strings.Contains(target, "follow"); (got.header.Get("X-Accel-Buffering") == "no") != stream {
			t.Errorf("%s: X-Accel-Buffering is %q", target, got.header.Get("X-Accel-Buffering"))
		}
	}
	got := ask(t, asker, "GET", base+"/sessions?at=2016-08-31T03:00:00Z&since=2020-01-01T00:00:00Z&until=2019-01-01T00:00:00Z")
	if got.status != 400 || got.header.Get("Gatebook-Gap") != "" {
		t.Errorf("an error has the gap of the answer that failed: %d %v", got.status, got.header)
	}
}

// What need not be encoded in a path may be.
func TestEncodedPaths(t *testing.T) {
	t.Parallel()
	server, err := httpd.New(httpd.Config{Registry: fillBook(t, newClock())})
	check(t, err)
	served := httptest.NewServer(server.Handler()) // the contract's test knows no such paths
	defer served.Close()
	base, asker := served.URL, client(t)
	for target, status := range map[string]int{
		"/%73essions":                          200,
		"/sessions/%32":                        200,
		"/%73ervices/my%2Dservice":             200,
		"/services/my%2dservice/%73essions":    200,
		"/services/old-%22service%22%2F%C3%BC": 200,
		"/%2fsessions":                         404,
		"/sessions%2F2":                        404,
		"/%73essions/%3":                       400,
		"/sessions/%2e%2e":                     404,
	} {
		c := dial(t, strings.TrimPrefix(base, "http://"))
		c.send("GET "+target+" HTTP/1.1", "Host: localhost")
		if got := c.receive("GET"); got.status != status {
			t.Errorf("%s: got %d %s", target, got.status, got.body)
		}
	}
	if got := ask(t, asker, "GET", base+"/%73essions?fields=id"); got.body != ids(2, 3)+"\n" {
		t.Errorf("got %s", got.body)
	}
}

// A request whose head is too long is told which part of it, as an object.
func TestLongHeads(t *testing.T) {
	t.Parallel()
	base := serve(t, httpd.Config{Registry: openBook(t, newClock())})
	for name, c := range map[string]struct {
		line, header string
		status       int
		says         string
	}{
		"a line of 20 KiB":       {"/sessions?user=" + strings.Repeat("x", 20<<10), "", 414, "Request line too long"},
		"a line of 40 KiB":       {"/sessions?user=" + strings.Repeat("x", 40<<10), "", 414, "Request line too long"},
		"headers of 32 KiB":      {"/health", strings.Repeat("x", 32<<10-len("Host: localhost\r\nX: \r\n")), 200, `"ok"`},
		"headers of a byte more": {"/health", strings.Repeat("x", 32<<10-len("Host: localhost\r\nX: \r\n")+1), 431, `"The headers have 32769 bytes; 32768 are allowed."`},
		"both at their limits":   {"/health?x=" + strings.Repeat("x", 8000), strings.Repeat("x", 32000), 400, "Unknown parameter"},
	} {
		conn := dial(t, base)
		lines := []string{"GET " + c.line + " HTTP/1.1", "Host: localhost"}
		if c.header != "" {
			lines = append(lines, "X: "+c.header)
		}
		conn.send(lines...)
		got := conn.receive(http.MethodGet)
		if got.status != c.status || !strings.Contains(got.body, c.says) || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
	}
}

// A follower whose filter fits nothing is told its place in the log all the same, however busy
// the log is, so that it goes on there when it comes back.
func TestFilteredFollowerAdvances(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	s := startSource(t, registry, "edge-1")
	_, address := serveThat(t, httpd.Config{Registry: registry}, func(s *httpd.Server) { s.SetFollowerHeartbeat(50 * time.Millisecond) })
	sent, _ := listen(t, "http://"+address+"/events?source=edge-9&follow=true")
	first := next(t, sent)
	busy, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(busy)
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			if _, err := s.Open(t.Context(), events.SessionOpened{Service: "orders"}); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	last := first.sequence()
	for range 3 {
		e := next(t, sent)
		if id := e.sequence(); e.data != "" || id == "" || len(id) < len(last) || len(id) == len(last) && id <= last {
			t.Errorf("after the place %s came %+v", last, e)
		}
		last = e.sequence()
	}
	close(stop)
	<-busy
	if head := fmt.Sprint(registry.Moment().Sequence); len(last) > len(head) {
		t.Errorf("the place %s is beyond the log, which ends at %s", last, head)
	}
}
