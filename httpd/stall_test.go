package httpd_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatebook/events"
	"gatebook/httpd"
)

// stalling is a follower that reads only when the test wants it to, and whose socket buffers
// little.
type stalling struct {
	t     *testing.T
	lines *bufio.Scanner
	conn  net.Conn
	last  uint64 // sequence of the last event that was read whole
}

// stall follows the log after a record, and reads nothing.
func stall(t *testing.T, address string, last uint64) *stalling {
	t.Helper()
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		control := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 64<<10) })
		if control != nil {
			return control
		}
		return err
	}}
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	check(t, err)
	t.Cleanup(func() { conn.Close() })
	check(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = fmt.Fprintf(conn, "GET /events?follow=true HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: %d\r\n\r\n", last)
	check(t, err)
	w, err := http.ReadResponse(bufio.NewReader(conn), nil)
	check(t, err)
	if w.StatusCode != http.StatusOK {
		t.Fatalf("got %s", w.Status)
	}
	return &stalling{t: t, lines: bufio.NewScanner(w.Body), conn: conn, last: last}
}

// readUntil reads until that record or the end of the feed, and checks that no record is
// missing.
func (s *stalling) readUntil(sequence uint64) {
	s.t.Helper()
	id, data := "", ""
	for s.last < sequence && s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch {
		case name == "id":
			id = value
		case name == "data":
			data = value
		case name == "" && data != "":
			want := strconv.FormatUint(s.last+1, 10)
			if sequenceOf(id) != want || !strings.HasPrefix(data, `{"sequence":`+want+`,`) {
				s.t.Fatalf("got %s with %s after %d", id, data, s.last)
			}
			s.last++
			id, data = "", ""
		}
	}
}

// TestStalledFollower has a follower stall while more is recorded than all buffers on the way
// to it hold. Whether it is cut off or not, it has missed nothing when it has read on or come
// back, and the writer does not wait for it.
func TestStalledFollower(t *testing.T) {
	t.Parallel()
	for _, cut := range []bool{false, true} {
		t.Run(fmt.Sprintf("cut off %t", cut), func(t *testing.T) {
			t.Parallel()
			timeout := time.Minute
			if cut {
				timeout = 100 * time.Millisecond
			}
			registry := openBook(t, newClock())
			server, address := serveThat(t, httpd.Config{Registry: registry}, func(s *httpd.Server) { s.SetFollowerWriteTimeout(timeout) })
			source := startSource(t, registry, "edge-1")
			id := open(t, source, events.SessionOpened{Service: "orders"})
			s := stall(t, address, 0)
			s.readUntil(registry.Moment().Sequence)
			for n := range 100 {
				var list []events.Event
				for i := range 100 {
					list = append(list, &events.SessionReady{User: "jdoe", Program: strconv.Itoa(100*n+i) + strings.Repeat("p", 1000)})
				}
				check(t, source.Record(t.Context(), id, list...))
			}
			head := registry.Moment().Sequence
			if cut {
				waitUntil(t, "the follower is cut off", func() bool { return server.Followers() == 0 })
				if s.readUntil(head); s.last >= head {
					t.Fatal("it was not cut off before the end: the test proves nothing")
				}
			}
			// On a busy machine it may be cut off again.
			for s.readUntil(head); cut && s.last < head; s.readUntil(head) {
				s.conn.Close()
				s = stall(t, address, s.last)
			}
			if s.last != head {
				t.Errorf("it has read until %d of %d: %v", s.last, head, s.lines.Err())
			}
			s.conn.Close()
			waitUntil(t, "the follower is gone", func() bool { return server.Followers() == 0 })
		})
	}
}
