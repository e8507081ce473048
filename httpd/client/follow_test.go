package client_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"gatebook/events"
	"gatebook/httpd/client"
)

// cutter passes connections on to a server, and breaks each after some bytes of answers.
type cutter struct {
	listener net.Listener
	target   string
	after    int64
	conns    sync.WaitGroup
}

func newCutter(t *testing.T, target string, after int64) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	c := &cutter{listener: l, target: target, after: after}
	c.conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.conns.Go(func() { c.pass(conn) })
		}
	})
	t.Cleanup(func() {
		check(t, l.Close())
		c.conns.Wait()
	})
	return c
}

func (c *cutter) pass(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", c.target)
	if err != nil {
		return
	}
	defer to.Close()
	c.conns.Go(func() {
		_, _ = io.Copy(to, from)
		_ = to.Close()
	})
	_, _ = io.CopyN(from, to, c.after)
}

// Over connections that break again and again every record is yielded, once and in order.
func TestFollowOverBrokenConnections(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	cut := newCutter(t, s.address, 8000)
	c := newClient(t, cut.listener.Addr().String())
	const sessions = 40
	var recording sync.WaitGroup
	recording.Go(func() {
		for i := range sessions {
			id := s.open(t, fmt.Sprint("user-", i))
			if err := s.source.Record(context.WithoutCancel(t.Context()), id, &events.SessionClosed{Reason: events.ReasonClientClosed}); err != nil {
				t.Error(err)
			}
		}
	})
	breaks, next := 0, uint64(1)
	for e, err := range c.Follow(t.Context(), client.EventQuery{FromStart: true}, func(error) { breaks++ }) {
		check(t, err)
		if e.Sequence != next {
			t.Fatalf("record %d where %d belongs", e.Sequence, next)
		}
		if next++; next > 1+4*sessions {
			break
		}
	}
	recording.Wait()
	if breaks < 3 {
		t.Errorf("the connection broke %d times; this test needs more", breaks)
	}
}

// A follower that begins now is given the kills that are pending, and what comes.
func TestFollowFromNow(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := newClient(t, s.address)
	first, second := s.open(t, "jdoe"), s.open(t, "ann")
	killing, give := context.WithCancel(t.Context())
	give()
	_, _ = c.Kill(killing, first, client.Kill{})
	if got, err := c.Kill(t.Context(), first, client.Kill{}); err != nil || got.Confirmed {
		t.Fatalf("%+v, %v", got, err)
	}
	var got []uint64
	for e, err := range c.Follow(t.Context(), client.EventQuery{Kind: []string{"kill_requested"}, Source: []string{"gateway"}}, nil) {
		check(t, err)
		if got = append(got, e.Session); len(got) == 2 {
			break
		}
		go func() { _, _ = c.Kill(context.WithoutCancel(t.Context()), second, client.Kill{}) }()
	}
	if got[0] != first || got[1] != second {
		t.Errorf("followed the kills of %v, want %d and %d", got, first, second)
	}
	n := 0
	for e, err := range c.Events(t.Context(), client.EventQuery{Kind: []string{"session_ready"}, After: 2}) {
		check(t, err)
		if n++; e.Kind != "session_ready" || e.Sequence <= 2 {
			t.Errorf("got %+v", e)
		}
	}
	if n != 2 {
		t.Errorf("%d logins are on the record, want 2", n)
	}
}

// An error that trying again cannot mend ends a follower; one that may pass does not.
func TestFollowEnds(t *testing.T) {
	t.Parallel()
	answers := []int{503, 429, 200, 502, 401}
	asked := 0
	var ids []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := answers[asked]
		asked++
		ids = append(ids, r.Header.Get("Last-Event-ID"))
		w.WriteHeader(status)
		if status == 200 {
			fmt.Fprint(w, ": comment\n\nid: 6\n\nid: 7-abc\ndata: {\"sequence\": 7,\ndata: \"kind\": \"session_ready\"}\n\nevent: observation\ndata: {\"session\": 3}\n\n")
		}
	}))
	defer other.Close()
	c := newClient(t, strings.TrimPrefix(other.URL, "http://"))
	var got []string
	var ended error
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for e, err := range c.Follow(ctx, client.EventQuery{}, nil) {
		if ended = err; err == nil {
			got = append(got, fmt.Sprintf("%s %d %d", e.Kind, e.Sequence, e.Session))
		}
	}
	if !client.IsStatus(ended, http.StatusUnauthorized) || fmt.Sprint(got) != "[session_ready 7 0 observation 0 3]" {
		t.Errorf("followed %v, ended with %v", got, ended)
	}
	if fmt.Sprint(ids) != "[   7-abc 7-abc]" {
		t.Errorf("went on after %q", ids)
	}
}

// Giving up a follower ends it without an error.
func TestFollowIsGivenUp(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := newClient(t, s.address)
	ctx, cancel := context.WithCancel(t.Context())
	for e, err := range c.Follow(ctx, client.EventQuery{FromStart: true}, nil) {
		check(t, err)
		if e.Sequence != 1 {
			t.Fatalf("after it was given up: %+v", e)
		}
		cancel()
	}
	cancel()
}
