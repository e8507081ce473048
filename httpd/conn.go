package httpd

import (
	"context"
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

// listener hands out connections that count.
type listener struct {
	net.Listener
	door  *frontDoor
	crowd *crowd
	plain bool // no TLS is spoken
}

// Accept waits for the next client for whom there is room.
func (l listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		counted := &conn{Conn: c, door: l.door, crowd: l.crowd, accepted: time.Now()}
		if l.crowd.enter(counted.client().Addr()) {
			return counted, nil
		}
		l.door.accessed.turnedAway(c.RemoteAddr().String(), l.plain)
		turnAway(c, l.plain)
	}
}

// conn is a client's connection. It counts, and remembers how it ended.
type conn struct {
	net.Conn
	door     *frontDoor
	crowd    *crowd
	left     sync.Once // the crowd
	accepted time.Time

	reads, writes, bytesRead, bytesWritten atomic.Uint64
	// active is when data was last read, observed when that was last shown; both
	// are events.Time.
	active, observed atomic.Int64
	// cut: a deadline in the past is how net/http interrupts a read of its own.
	cut atomic.Bool
	// end is the events.Reason that reading or writing ended for.
	end atomic.Uint32
	// asked: bytes have come.
	asked atomic.Bool
	// unread: net/http has read what may be no request, or not a whole one, and no
	// handler has seen it. transport is the status it then answers with by itself, 0
	// when none is known.
	unread    atomic.Bool
	transport atomic.Uint32
	// tls is the version of TLS that is spoken, nil without it.
	tls atomic.Pointer[string]
	// guest is who is being answered, nil when there is nobody who
	// could be cut off.
	guest atomic.Pointer[guest]

	// entering is held while the connection is brought into the book.
	entering sync.Mutex
	// mu guards the fields below.
	mu     sync.Mutex
	id     uint64 // its session, 0 while it is not in the book
	user   string // the account that the session was last of
	killed bool
	held   context.CancelFunc // not nil: a request is ending the connection itself
}

// connKey is the key of a request's context for its connection.
type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, countedOf(c))
}

// connOf is the connection that carries a request, nil when it is none of ours.
func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.reads.Add(1)
		c.bytesRead.Add(uint64(n))
		c.active.Store(int64(events.TimeOf(c.door.now())))
	}
	c.end.CompareAndSwap(0, uint32(c.reasonOf(err)))
	return n, err
}

// reasonOf is what an error of reading says about the client, if anything.
func (c *conn) reasonOf(err error) events.Reason {
	switch {
	case err == nil, errors.Is(err, net.ErrClosed):
		return events.ReasonNone
	case errors.Is(err, io.EOF):
		return events.ReasonClientClosed
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return events.ReasonNetworkError
	case c.cut.Load():
		return events.ReasonNone
	}
	return events.ReasonIdleTimeout
}

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
	c.cut.Store(!t.IsZero() && t.Before(c.accepted))
	return c.Conn.SetReadDeadline(t)
}

// Close closes the connection, and makes room for another.
func (c *conn) Close() error {
	c.left.Do(func() { c.crowd.leave(c.client().Addr()) })
	return c.Conn.Close()
}

// CloseWrite tells the client that nothing more will come.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// client is the address of the other side.
func (c *conn) client() netip.AddrPort {
	a, _ := netip.ParseAddrPort(c.RemoteAddr().String())
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// final are the connection's counters.
func (c *conn) final() events.Final {
	return events.Final{
		Counters: events.Counters{
			Reads: c.reads.Load(), Writes: c.writes.Load(),
			BytesRead: c.bytesRead.Load(), BytesWritten: c.bytesWritten.Load(),
		},
		Active: events.Time(c.active.Load()),
	}
}

// session is the connection's id in the book, 0 while it is not there.
func (c *conn) session() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.id
}

// isOf tells whether the connection's session is of that account.
func (c *conn) isOf(user string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.user == user
}

// belongsTo notes whose the connection's session is.
func (c *conn) belongsTo(user string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.user = user
}

// kill closes the connection because that was asked for; at once, or after the
// answer to the request that is doing it.
func (c *conn) kill() {
	c.mu.Lock()
	c.killed = true
	held := c.held
	c.mu.Unlock()
	if held != nil {
		held()
		return
	}
	c.Close()
}

// hold keeps a kill from closing the connection: told is called instead.
func (c *conn) hold(told context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = told
}

// release takes a hold back.
func (c *conn) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = nil
}

// closeAfterAnswer notes that the connection is about to be closed by a request
// of its own.
func (c *conn) closeAfterAnswer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killed = true
}

// reason is why the connection ended. A client that hangs up first was not shut
// out; one that asked for the end of the connection in a header closed it.
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
