package httpd_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
	"gatebook/projection"
)

// endNotifier is a source that sends the id of each session whose end it has recorded.
type endNotifier struct {
	*gatebook.Source
	ended chan uint64
}

func (s endNotifier) End(ctx context.Context, id uint64, e events.SessionClosed) (bool, error) {
	held, err := s.Source.End(ctx, id, e)
	s.ended <- id
	return held, err
}

// harness is a server that records its clients.
type harness struct {
	t        *testing.T
	registry *gatebook.Registry
	server   *httpd.Server
	address  string
	ended    chan uint64
}

func newHarness(t *testing.T, change ...func(*httpd.Config)) *harness {
	t.Helper()
	d := &harness{t: t, registry: openBook(t, newClock()), ended: make(chan uint64, 1000)}
	config := httpd.Config{
		Registry: d.registry, RecordAdmin: true,
		Source: endNotifier{startSource(t, d.registry, "gatebook"), d.ended},
	}
	for _, f := range change {
		f(&config)
	}
	d.server, d.address = serveThat(t, config)
	return d
}

// raw is a connection to the API.
type raw struct {
	t *testing.T
	halfConn
	in *bufio.Reader
}

// halfConn is a connection whose sending half can be closed.
type halfConn interface {
	net.Conn
	CloseWrite() error
}

// SetReadBuffer bounds how much the system takes in of an answer that is not read.
func (c *raw) SetReadBuffer(bytes int) error { return c.halfConn.(*net.TCPConn).SetReadBuffer(bytes) }

func (d *harness) dial() *raw { return dial(d.t, d.address) }

func dial(t *testing.T, address string) *raw {
	t.Helper()
	c, err := net.Dial("tcp", address)
	check(t, err)
	t.Cleanup(func() { c.Close() })
	check(t, c.SetDeadline(time.Now().Add(2*time.Minute)))
	return &raw{t: t, halfConn: c.(*net.TCPConn), in: bufio.NewReader(c)}
}

// dialTLS connects to an API that speaks TLS.
func dialTLS(t *testing.T, address string) *raw {
	t.Helper()
	c := tls.Client(dial(t, address).halfConn, &tls.Config{InsecureSkipVerify: true})
	return &raw{t: t, halfConn: c, in: bufio.NewReader(c)}
}

// send sends the lines of a request's head, and the empty line after them.
func (c *raw) send(lines ...string) {
	c.t.Helper()
	_, err := io.WriteString(c, strings.Join(lines, "\r\n")+"\r\n\r\n")
	check(c.t, err)
}

// receive reads an answer.
func (c *raw) receive(method string) answer {
	c.t.Helper()
	w, err := http.ReadResponse(c.in, &http.Request{Method: method})
	check(c.t, err)
	defer w.Body.Close()
	body, err := io.ReadAll(w.Body)
	check(c.t, err)
	if w.Close {
		w.Header.Set("Connection", "close")
	}
	return answer{status: w.StatusCode, header: w.Header, body: string(body)}
}

func (c *raw) ask(method, target string) answer {
	c.t.Helper()
	c.send(method+" "+target+" HTTP/1.1", "Host: localhost")
	return c.receive(method)
}

// gone blocks until the server has closed the connection.
func (c *raw) gone() {
	c.t.Helper()
	if n, err := c.in.Read(make([]byte, 1)); err == nil {
		c.t.Errorf("there are %d more bytes", n)
	}
}

// shown holds the members of a session in a list.
type shown struct {
	ID, Port                      uint64
	State, Service, User, Address string
	Listener, Protocol, Source    string
	Reason, By, Description       *string
	Idle                          int
	Statistics                    struct{ Reads, Writes, Bytes_read, Bytes_written uint64 }
}

func decode[T any](t *testing.T, body string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return v
}

// end blocks until a session's end is recorded, and returns the session.
func (d *harness) end(want uint64) *projection.Session {
	d.t.Helper()
	select {
	case id := <-d.ended:
		if id != want {
			d.t.Fatalf("session %d has ended, not %d", id, want)
		}
	case <-time.After(20 * time.Second):
		d.t.Fatalf("session %d does not end", want)
	}
	v, _, err := d.registry.Session(want)
	check(d.t, err)
	return v.Session
}

func (d *harness) endsWith(id uint64, reason events.Reason) *projection.Session {
	d.t.Helper()
	s := d.end(id)
	if s.Status != projection.Closed || s.Ending().Reason != reason {
		d.t.Errorf("session %d is %s with reason %s, not closed with %s", id, s.Status, s.Ending().Reason, reason)
	}
	return s
}

func TestConnectionIsOneSession(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	c := d.dial()
	c.ask("GET", "/services")
	c.ask("GET", "/nothing")
	all := decode[[]shown](t, c.ask("GET", "/sessions?fields=*").body)
	if len(all) != 1 {
		t.Fatalf("got %d sessions", len(all))
	}
	got := all[0]
	local := c.LocalAddr().(*net.TCPAddr)
	want := shown{
		ID: 1, Port: uint64(local.Port), State: "Session ready for routing", Service: "/services/gatebook",
		Address: "127.0.0.1", Listener: d.address, Protocol: "http", Source: "/sources/gatebook",
	}
	want.Statistics = got.Statistics
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	c.Close()
	s := d.endsWith(1, events.ReasonClientClosed)
	if n := s.Counters(); n.Reads < 3 || n.Writes < 3 || n.BytesRead < 100 || n.BytesWritten < 300 {
		t.Errorf("counted %+v", n)
	}
	if s.Active == 0 {
		t.Error("it is not known when the client was last read from")
	}
}

func TestDoorIsAService(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	got := d.dial().ask("GET", "/services/gatebook").body
	want := fmt.Sprintf(`{"name":"gatebook","router":null,"state":"started","total_connections":1,"current_connections":1,`+
		`"started":"2016-08-31T03:03:12.000000Z","servers":[],"listeners":[%q]}`+"\n", d.address)
	if got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestProbesOpenNoSession(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	d.dial().ask("GET", "/health") // now the service is declared
	before := d.registry.Moment().Sequence
	for range 3 {
		c := d.dial()
		c.ask("GET", "/health")
		c.ask("HEAD", "/ready")
		c.Close()
	}
	if n := d.registry.Moment().Sequence; n != before {
		t.Errorf("%d records were made", n-before)
	}
	c := d.dial()
	c.ask("GET", "/health")
	if got := decode[[]shown](t, c.ask("GET", "/sessions").body); len(got) != 1 || got[0].ID != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestRefusedClientsAreInTheBook(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	c := d.dial()
	c.send("GET /sessions HTTP/1.1", "Host: evil.example")
	if got := c.receive("GET"); got.status != http.StatusForbidden {
		t.Errorf("got %d", got.status)
	}
	c.Close()
	d.endsWith(1, events.ReasonClientClosed)
}

func TestClientsMayBeLeftOut(t *testing.T) {
	t.Parallel()
	d := newHarness(t, func(c *httpd.Config) { c.RecordAdmin = false })
	before := d.registry.Moment().Sequence
	if got := d.dial().ask("GET", "/sessions"); got.body != "[]\n" || got.header.Get("Gatebook-Sequence") != fmt.Sprint(before) {
		t.Errorf("got %+v", got)
	}
}

func TestKillClosesTheConnection(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	victim := d.dial()
	victim.ask("GET", "/sources")
	got := d.dial().ask("DELETE", "/sessions/1?reason=seen%20enough")
	if got.status != http.StatusNoContent || got.body != "" || got.header.Get("Content-Length") != "" {
		t.Errorf("got %+v", got)
	}
	victim.gone()
	end := d.endsWith(1, events.ReasonKilled).Ending()
	if end.By != "anonymous@127.0.0.1" || end.Description != "seen enough" {
		t.Errorf("it ended by %q: %q", end.By, end.Description)
	}
}

func TestKillOfOnesOwnConnection(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	c := d.dial()
	c.ask("GET", "/sessions/1")
	got := c.ask("DELETE", "/sessions/1")
	if got.status != http.StatusNoContent || got.header.Get("Connection") != "close" || got.header.Get("Gatebook-Sequence") == "" {
		t.Errorf("got %+v", got)
	}
	c.gone()
	if end := d.endsWith(1, events.ReasonKilled).Ending(); end.By != "anonymous@127.0.0.1" {
		t.Errorf("it ended by %q", end.By)
	}
}

func TestFirstRequestMayKillItself(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	c := d.dial()
	if got := c.ask("DELETE", "/sessions/1"); got.status != http.StatusNoContent {
		t.Errorf("got %+v", got)
	}
	c.gone()
	d.endsWith(1, events.ReasonKilled)
}

func TestReasonsOfAnEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		reason events.Reason
		end    func(d *harness, c *raw)
	}{
		{"client hangs up", events.ReasonClientClosed, func(_ *harness, c *raw) { c.Close() }},
		{"client half closes", events.ReasonClientClosed, func(_ *harness, c *raw) { c.CloseWrite() }},
		{"client asks for it", events.ReasonClientClosed, func(_ *harness, c *raw) {
			c.send("GET /sources HTTP/1.1", "Host: localhost", "Connection: close")
			c.receive("GET")
		}},
		{"client speaks HTTP/1.0", events.ReasonClientClosed, func(_ *harness, c *raw) {
			c.send("GET /sources HTTP/1.0")
			c.receive("GET")
		}},
		{"client resets", events.ReasonNetworkError, func(_ *harness, c *raw) {
			c.halfConn.(*net.TCPConn).SetLinger(0)
			c.Close()
		}},
		{"server shuts down", events.ReasonShutdown, func(d *harness, c *raw) {
			check(d.t, d.server.Shutdown(d.t.Context()))
			c.gone()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newHarness(t)
			r := d.dial()
			r.ask("GET", "/sources")
			c.end(d, r)
			d.endsWith(1, c.reason)
		})
	}
}

func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	d := newHarness(t, func(c *httpd.Config) { c.IdleTimeout = time.Millisecond })
	c := d.dial()
	c.ask("GET", "/sources")
	c.gone()
	d.endsWith(1, events.ReasonIdleTimeout)
}

func TestShutdownWaitsForRecords(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	const n = 20
	fresh := d.dial() // a client that has asked for nothing yet
	for range n {
		d.dial().ask("GET", "/sources")
	}
	check(t, d.server.Shutdown(t.Context()))
	fresh.gone()
	if m := d.registry.Moment(); m.Live != 0 || m.Closed != n {
		t.Errorf("%d sessions live, %d are closed", m.Live, m.Closed)
	}
	if _, err := net.Dial("tcp", d.address); err == nil {
		t.Error("it still listens")
	}
}
