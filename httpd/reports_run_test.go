package httpd_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatebook"
	"gatebook/httpd"
)

// flaky is a client's connection that breaks now and then, while it sends or before it has
// read the answer.
type flaky struct {
	net.Conn
	breaks func() bool
}

var errBroken = errors.New("the connection broke")

func (f *flaky) Write(b []byte) (int, error) {
	if !f.breaks() {
		return f.Conn.Write(b)
	}
	n, _ := f.Conn.Write(b[:len(b)/2])
	f.Conn.Close()
	return n, errBroken
}

func (f *flaky) Read(b []byte) (int, error) {
	if f.breaks() {
		f.Conn.Close()
		return 0, errBroken
	}
	return f.Conn.Read(b)
}

// edge is a proxy that reports sessions, each report until it is accepted.
type edge struct {
	t        *testing.T
	name     string
	url      string
	client   *http.Client
	random   *rand.Rand
	sessions int // reported so far
	number   int
	broken   int // requests that were not answered
}

func newEdge(t *testing.T, url string, i int) *edge {
	e := &edge{t: t, name: fmt.Sprintf("edge-%d", i), url: url, random: rand.New(rand.NewPCG(1, uint64(i)))}
	var mu sync.Mutex // guards own, which the transport's goroutines use
	own := rand.New(rand.NewPCG(2, uint64(i)))
	breaks := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return own.IntN(12) == 0
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, address)
		return &flaky{c, breaks}, err
	}}
	t.Cleanup(transport.CloseIdleConnections)
	e.client = &http.Client{Transport: transport}
	return e
}

// report returns a report of at most a number of new sessions. Every other report is
// numbered.
func (e *edge) report(most int) string {
	n := min(1+e.random.IntN(200), most)
	events := make([]string, 0, 3*n)
	for range n {
		e.sessions++
		at := time.Unix(1_790_000_000, int64(e.sessions)*1000).UTC().Format(time.RFC3339Nano)
		events = append(events,
			fmt.Sprintf(`{"kind":"session_opened","key":"c-%d","occurred":%q,"service":"orders","address":"192.0.2.1"}`, e.sessions, at),
			fmt.Sprintf(`{"kind":"session_ready","key":"c-%d","occurred":%q,"user":"jdoe"}`, e.sessions, at),
			fmt.Sprintf(`{"kind":"session_closed","key":"c-%d","occurred":%q,"reason":"client_closed"}`, e.sessions, at))
	}
	number := ""
	if e.random.IntN(2) == 0 {
		e.number++
		number = fmt.Sprintf(`"number":%d,`, e.number)
	}
	return fmt.Sprintf(`{"source":%q,"incarnation":"1",%s"events":[%s]}`, e.name, number, strings.Join(events, ","))
}

// run reports a number of sessions, in single reports or in streams of several.
func (e *edge) run(sessions int) {
	for e.sessions < sessions {
		if e.random.IntN(2) == 0 {
			e.send("application/json", e.report(sessions-e.sessions), 1)
			continue
		}
		var lines []string
		for range 1 + e.random.IntN(4) {
			if e.sessions < sessions {
				lines = append(lines, e.report(sessions-e.sessions))
			}
		}
		e.send(ndjson, strings.Join(lines, "\n"), len(lines))
	}
}

// send repeats a request until every report in it is accepted, and sometimes once more.
func (e *edge) send(contentType, body string, reports int) {
	for accepted := false; !accepted || e.random.IntN(4) == 0; {
		answer, err := e.client.Post(e.url, contentType, strings.NewReader(body))
		if err != nil {
			e.broken++
			continue
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			e.broken++
			continue
		}
		if answer.StatusCode != http.StatusOK {
			e.t.Errorf("got %d %s", answer.StatusCode, text)
			return
		}
		accepted = strings.Count(string(text), `"accepted":`) == reports
		if strings.Contains(string(text), `"error"`) && !strings.Contains(string(text), `"status":400`) {
			e.t.Errorf("got %s", text)
			return
		}
	}
}

// TestManyReports has connections break and reports repeated, and checks that every session
// is recorded once.
func TestManyReports(t *testing.T) {
	t.Parallel()
	registry, err := gatebook.Open(t.Context(), filepath.Join(t.TempDir(), "data"), gatebook.Options{})
	check(t, err)
	t.Cleanup(func() { check(t, registry.Close()) })
	url := "http://" + serve(t, httpd.Config{Registry: registry}) + "/events"
	const edges = 4
	var all [edges]*edge
	var running sync.WaitGroup
	for i := range all {
		all[i] = newEdge(t, url, i)
		running.Go(func() { all[i].run(reportedSessions / edges) })
	}
	running.Wait()
	broken := 0
	for _, e := range all {
		broken += e.broken
	}
	if broken == 0 {
		t.Error("no connection broke: the test proves nothing")
	}
	m := registry.Moment()
	if m.Closed != reportedSessions || m.Live != 0 || m.Lost != 0 {
		t.Errorf("there are %d sessions closed, %d live and %d lost, want %d closed", m.Closed, m.Live, m.Lost, reportedSessions)
	}
	// Besides the three records of each session there are the starts of the sources
	// and at most one for each number.
	if extra := m.Sequence - 3*reportedSessions; extra > edges+uint64(all[0].number+all[1].number+all[2].number+all[3].number) {
		t.Errorf("%d records are not of a session", extra)
	}
	t.Logf("%d sessions, %d requests broke", reportedSessions, broken)
}
