package clients

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// TestConnSetWaits waits for the end of two sessions, with and without enough time.
func TestConnSetWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newConnSet()
		s.opened(1, &Conn{})
		s.opened(2, &Conn{})
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if err := s.waitEnded(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("while two sessions live: got %v", err)
		}
		waited := make(chan error, 1)
		go func() { waited <- s.waitEnded(t.Context()) }()
		synctest.Wait()
		s.ended(2)
		synctest.Wait()
		select {
		case err := <-waited:
			t.Errorf("while one session lives: got %v", err)
		default:
		}
		s.ended(1)
		if err := <-waited; err != nil {
			t.Errorf("got %v", err)
		}
		if err := s.waitEnded(t.Context()); err != nil {
			t.Errorf("without sessions: got %v", err)
		}
	})
}

// TestConnSetCloses closes the connections that have sent nothing, and later ones.
func TestConnSetCloses(t *testing.T) {
	t.Parallel()
	s := newConnSet()
	limiter := newConnLimiter(10, 10)
	connect := func(asked bool) (c *Conn, open func() bool) {
		near, far := net.Pipe()
		t.Cleanup(func() { near.Close(); far.Close() })
		c = &Conn{Conn: near, limiter: limiter}
		c.asked.Store(asked)
		return c, func() bool { return near.SetDeadline(time.Time{}) == nil }
	}
	silent, silentOpen := connect(false)
	busy, busyOpen := connect(true)
	s.add(silent)
	s.add(busy)
	s.close()
	late, lateOpen := connect(true)
	s.add(late)
	if silentOpen() || !busyOpen() || lateOpen() {
		t.Errorf("open are the silent one: %v, the busy one: %v, the late one: %v", silentOpen(), busyOpen(), lateOpen())
	}
}
