package httpd

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gatebook/events"
)

// conn is a client's connection. It counts what is read and written, and notes why it
// ended. Its methods are safe for concurrent use.
type conn struct {
	net.Conn
	now      func() time.Time
	limiter  *connLimiter
	released sync.Once // of the limiter
	accepted time.Time

	reads, writes, bytesRead, bytesWritten atomic.Uint64
	// read is when data was last read, observed when the counters were last shown; both
	// are events.Time.
	read, observed atomic.Int64
	// interrupted is set while the read deadline lies in the past: net/http interrupts a
	// read of its own in that way.
	interrupted atomic.Bool
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
	active atomic.Pointer[activeRequest]

	// entering is held while the connection is recorded.
	entering sync.Mutex
	// mu guards the fields below.
	mu     sync.Mutex
	id     uint64 // its session, 0 while it is not recorded
	user   string // the account that the session was last of
	killed bool
	onKill context.CancelFunc // not nil: a request is ending the connection itself
}

// connKey is the key of a request's context for its connection.
type connKey struct{}

// withConn returns a context for the requests of a connection.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, countedOf(c))
}

// connOf returns the connection that carries a request, nil when it did not come through
// a listener of this package.
func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}

// countedOf returns the connection that counts below one that net/http serves, nil when
// there is none.
func countedOf(nc net.Conn) *conn {
	if secured, ok := nc.(*tls.Conn); ok {
		nc = secured.NetConn()
	}
	c, _ := nc.(*conn)
	return c
}

// Read is [net.Conn.Read].
func (c *conn) Read(b []byte) (int, error) {
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
func (c *conn) reasonOf(err error) events.Reason {
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

// Write is [net.Conn.Write].
func (c *conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.writes.Add(1)
	if c.unread.Load() {
		c.transport.Store(statusIn(b))
	}
	c.bytesWritten.Add(uint64(n))
	if err != nil && !errors.Is(err, net.ErrClosed) {
		c.end.CompareAndSwap(0, uint32(events.ReasonNetworkError))
	}
	return n, err
}

// SetReadDeadline is [net.Conn.SetReadDeadline].
func (c *conn) SetReadDeadline(t time.Time) error {
	c.interrupted.Store(!t.IsZero() && t.Before(c.accepted))
	return c.Conn.SetReadDeadline(t)
}

// Close closes the connection, and makes room for another.
func (c *conn) Close() error {
	c.released.Do(func() { c.limiter.release(c.client().Addr()) })
	return c.Conn.Close()
}

// CloseWrite closes the sending half.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// client returns the client's address.
func (c *conn) client() netip.AddrPort {
	a, _ := netip.ParseAddrPort(c.RemoteAddr().String())
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// final returns the connection's counters.
func (c *conn) final() events.Final {
	return events.Final{
		Counters: events.Counters{
			Reads: c.reads.Load(), Writes: c.writes.Load(),
			BytesRead: c.bytesRead.Load(), BytesWritten: c.bytesWritten.Load(),
		},
		Active: events.Time(c.read.Load()),
	}
}

// session returns the id of the connection's session, 0 while it is not recorded.
func (c *conn) session() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.id
}

// setSession notes the connection's session.
func (c *conn) setSession(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.id = id
}

// isOf reports whether the connection's session is of that account.
func (c *conn) isOf(user string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.user == user
}

// setUser notes the account that the connection's session is of.
func (c *conn) setUser(user string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.user = user
}

// kill closes the connection because its end was requested: at once, or after the answer
// to a request that is ending it itself.
func (c *conn) kill() {
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

// hold has a kill call onKill instead of closing the connection, until release.
func (c *conn) hold(onKill context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onKill = onKill
}

// release ends a hold.
func (c *conn) release() { c.hold(nil) }

// closeAfterAnswer notes that a request is ending the connection that carries it.
func (c *conn) closeAfterAnswer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killed = true
}

// reason returns why the connection ended. A client that closes first was not shut out by
// the server's end; one that asked for the end in a header closed the connection.
func (c *conn) reason(closing bool) events.Reason {
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
