package clients

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gatebook/events"
)

// Conn is a client's connection. It counts what is read and written, and notes why it
// ended. Its methods are safe for concurrent use.
type Conn struct {
	net.Conn
	now      func() time.Time
	limiter  *connLimiter // nil when connections are not bounded
	released sync.Once    // of the limiter
	accepted time.Time

	reads, writes, bytesRead, bytesWritten atomic.Uint64
	// read is when data was last read, observed when the counters were last shown; both
	// are events.Time.
	read, observed atomic.Int64
	// interrupted is set while the read deadline lies in the past: net/http interrupts a
	// read of its own in that way.
	interrupted atomic.Bool
	// idle is set while no request is read or answered.
	idle atomic.Bool
	// lineEnded is set when the line of the request that is read has ended.
	lineEnded atomic.Bool
	// over is set when nothing more is to be read.
	over atomic.Bool
	// end is the events.Reason for which the first read or write failed.
	end atomic.Uint32
	// asked is set when bytes of a request have arrived.
	asked atomic.Bool
	// unread is set while net/http reads a request and no handler has seen it. transport
	// is the status that net/http answers with by itself then, 0 when none is known.
	unread    atomic.Bool
	transport atomic.Uint32
	// tls is the version of TLS that is spoken, nil without TLS.
	tls atomic.Pointer[string]
	// active is the request that is being answered; nil when there is none that could be
	// cut off.
	active atomic.Pointer[ActiveRequest]

	// entering is held while the connection is recorded.
	entering sync.Mutex
	// mu guards the fields below.
	mu     sync.Mutex
	id     uint64 // its session, 0 while it is not recorded
	user   string // the account that the session was last of
	killed bool
	onKill context.CancelFunc // not nil: a request is ending the connection itself
}

// newConn returns a connection that was accepted.
func newConn(accepted net.Conn, now func() time.Time, limiter *connLimiter) *Conn {
	c := &Conn{Conn: accepted, now: now, limiter: limiter, accepted: time.Now()}
	c.idle.Store(true)
	return c
}

// ReadNoMore ends the connection once the answer that is being sent has been sent: nothing
// that the client sends from now on is read.
func (c *Conn) ReadNoMore() {
	c.over.Store(true)
	_ = c.SetReadDeadline(time.Now()) // a read that waits ends; a closed connection has none
}

// Read reads from the connection, and counts.
func (c *Conn) Read(b []byte) (int, error) {
	if c.over.Load() {
		return 0, io.EOF
	}
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.reads.Add(1)
		c.bytesRead.Add(uint64(n))
		c.read.Store(int64(events.TimeOf(c.now())))
	}
	c.end.CompareAndSwap(0, uint32(c.reasonOf(err)))
	return n, err
}

// reasonOf returns the reason of the connection's end that an error of reading shows,
// ReasonNone when it shows none.
func (c *Conn) reasonOf(err error) events.Reason {
	switch {
	case err == nil, errors.Is(err, net.ErrClosed):
		return events.ReasonNone
	case errors.Is(err, io.EOF):
		return events.ReasonClientClosed
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return events.ReasonNetworkError
	case c.interrupted.Load():
		return events.ReasonNone
	}
	return events.ReasonIdleTimeout
}

// Write writes to the connection, and counts.
func (c *Conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.writes.Add(1)
	c.bytesWritten.Add(uint64(n))
	if err != nil && !errors.Is(err, net.ErrClosed) {
		c.end.CompareAndSwap(0, uint32(events.ReasonNetworkError))
	}
	return n, err
}

// Handled notes that a handler has seen the request that net/http has read.
func (c *Conn) Handled() { c.unread.Store(false) }

// TransportStatus returns the status with which net/http has refused a request that no
// handler has seen, 0 when it is not known.
func (c *Conn) TransportStatus() int { return int(c.transport.Load()) }

// SetReadDeadline sets the deadline of reads. A deadline in the past interrupts a read.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.interrupted.Store(!t.IsZero() && t.Before(c.accepted))
	return c.Conn.SetReadDeadline(t)
}

// Close closes the connection, and makes room for another.
func (c *Conn) Close() error {
	if c.limiter != nil {
		c.released.Do(func() { c.limiter.release(c.client().Addr()) })
	}
	return c.Conn.Close()
}

// CloseWrite closes the sending half.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// client returns the client's address.
func (c *Conn) client() netip.AddrPort {
	a, _ := netip.ParseAddrPort(c.RemoteAddr().String())
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// final returns the connection's counters.
func (c *Conn) final() events.Final {
	return events.Final{
		Counters: events.Counters{
			Reads: c.reads.Load(), Writes: c.writes.Load(),
			BytesRead: c.bytesRead.Load(), BytesWritten: c.bytesWritten.Load(),
		},
		Active: events.Time(c.read.Load()),
	}
}

// Session returns the id of the connection's session, 0 while it is not recorded.
func (c *Conn) Session() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.id
}

// setSession notes the connection's session.
func (c *Conn) setSession(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.id = id
}

// isOf reports whether the connection's session is of that account.
func (c *Conn) isOf(user string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.user == user
}

// setUser notes the account that the connection's session is of.
func (c *Conn) setUser(user string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.user = user
}

// kill closes the connection because its end was requested: at once, or after the answer
// to a request that is ending it itself.
func (c *Conn) kill() {
	c.mu.Lock()
	c.killed = true
	onKill := c.onKill
	c.mu.Unlock()
	if onKill != nil {
		onKill()
		return
	}
	c.Close()
}

// Hold makes a kill call onKill instead of closing the connection, until Release.
func (c *Conn) Hold(onKill context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onKill = onKill
}

// Release ends a Hold.
func (c *Conn) Release() { c.Hold(nil) }

// CloseAfterAnswer notes that a request has ended the session of the connection that carries
// it. The handler has net/http close the connection.
func (c *Conn) CloseAfterAnswer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killed = true
}

// reason returns why the connection ended. A client that closes first was not shut out by
// the server's end; one that asked for the end in a header closed the connection.
func (c *Conn) reason(closing bool) events.Reason {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch end := events.Reason(c.end.Load()); {
	case c.killed:
		return events.ReasonKilled
	case end != events.ReasonNone:
		return end
	case closing:
		return events.ReasonShutdown
	}
	return events.ReasonClientClosed
}
