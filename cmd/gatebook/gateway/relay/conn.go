package relay

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"gatebook/events"
)

// Conn is one socket of a session, with its counters.
type Conn struct {
	tcp *net.TCPConn
	raw syscall.RawConn
	// secure is TLS on the socket, nil without.
	secure *secure
	in     inbound
	out    outbound
	// seen is Look's.
	seen delivery

	// taking is the state of a read, giving that of a write: they are here so
	// that a read and a write allocate nothing. Each is used by one goroutine at
	// a time.
	taking taking
	giving giving
}

// taking is the state of one receive.
type taking struct {
	once    func(fd uintptr) bool
	buffers *Buffers
	buffer  *Buffer
	n       int
	err     error
}

// giving is the state of one offer or push.
type giving struct {
	once, wait func(fd uintptr) bool
	p          []byte
	n          int
	err        error
}

// NewConn returns a connection over tcp, which belongs to it from then on.
func NewConn(tcp *net.TCPConn) (*Conn, error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &Conn{tcp: tcp, raw: raw}
	c.taking.once = c.readOnce
	c.giving.once = c.writeOnce
	c.giving.wait = c.writeWait
	return c, nil
}

// Read reads into p. The end is io.EOF.
func (c *Conn) Read(p []byte) (n int, err error) {
	waitErr := c.raw.Read(func(fd uintptr) bool {
		n, err = c.readFrom(fd, p)
		return !errors.Is(err, syscall.EAGAIN)
	})
	switch {
	case waitErr != nil:
		return 0, waitErr
	case n > 0:
		c.countRead(n)
		return n, nil
	case err == nil:
		err = io.EOF
	}
	return 0, err
}

// Write writes all of p, and blocks as long as that takes.
func (c *Conn) Write(p []byte) (n int, err error) {
	if c.secure != nil {
		return c.writeTLS(p)
	}
	waitErr := c.raw.Write(func(fd uintptr) bool {
		for n < len(p) && err == nil {
			var taken int
			if taken, err = uninterrupted(writeSocket, fd, p[n:]); errors.Is(err, syscall.EAGAIN) {
				err = nil
				return false
			}
			n += max(taken, 0)
		}
		return true
	})
	c.countWrite(n)
	if waitErr != nil {
		return n, waitErr
	}
	return n, err
}

// Close closes the socket. Any goroutine may call it, any number of times.
func (c *Conn) Close() error { return c.tcp.Close() }

// CloseWrite announces to the other end that nothing more will come.
func (c *Conn) CloseWrite() error {
	if c.secure != nil {
		c.secure.closeNotify()
	}
	return c.tcp.CloseWrite()
}

// SetReadDeadline ends a read that waits at t; the zero time ends none.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.tcp.SetReadDeadline(t) }

// SetWriteDeadline ends a write that waits at t, also one of another goroutine.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.tcp.SetWriteDeadline(t) }

// RemoteAddr returns the address of the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.tcp.RemoteAddr() }

// LocalAddr returns the address of this end.
func (c *Conn) LocalAddr() net.Addr { return c.tcp.LocalAddr() }

// receive blocks until there are data, and only then borrows a buffer for them. The end is
// io.EOF. The caller returns the buffer.
func (c *Conn) receive(buffers *Buffers) (*Buffer, int, error) {
	t := &c.taking
	t.buffers = buffers
	if err := c.raw.Read(t.once); err != nil {
		return nil, 0, err
	}
	buffer, n, err := t.buffer, t.n, t.err
	t.buffer, t.err = nil, nil
	if n == 0 && err == nil {
		err = io.EOF
	}
	if err != nil {
		buffers.Return(buffer)
		return nil, 0, err
	}
	c.countRead(n)
	return buffer, n, nil
}

// readOnce makes one read call; false asks to be called when there are data.
func (c *Conn) readOnce(fd uintptr) bool {
	t := &c.taking
	buffer := t.buffers.Borrow()
	n, err := c.readFrom(fd, buffer[:])
	if errors.Is(err, syscall.EAGAIN) {
		t.buffers.Return(buffer)
		return false
	}
	t.buffer, t.n, t.err = buffer, max(n, 0), err
	return true
}

// readFrom makes one attempt to read.
func (c *Conn) readFrom(fd uintptr, p []byte) (int, error) {
	if c.secure != nil {
		return c.secure.read(fd, p)
	}
	return uninterrupted(readSocket, fd, p)
}

// offer makes one write call (with TLS one for each record) and returns how much
// of p the socket took, which may be nothing. The next push must begin
// with the bytes that it did not take.
func (c *Conn) offer(p []byte) (int, error) {
	if c.secure != nil {
		return c.offerTLS(p)
	}
	return c.give(p, c.giving.once)
}

// push waits until the socket takes some of p, and returns how much it took.
func (c *Conn) push(p []byte) (int, error) {
	if c.secure != nil {
		return c.pushTLS(p)
	}
	return c.give(p, c.giving.wait)
}

// give runs one of the two ways to write.
func (c *Conn) give(p []byte, write func(fd uintptr) bool) (int, error) {
	g := &c.giving
	g.p = p
	err := c.raw.Write(write)
	n := g.n
	if err == nil {
		err = g.err
	}
	g.p, g.n, g.err = nil, 0, nil
	return n, err
}

// writeOnce makes one write call, whatever comes of it.
func (c *Conn) writeOnce(fd uintptr) bool {
	c.writeWait(fd)
	return true
}

// writeWait makes one write call; false asks to be called when there is room.
func (c *Conn) writeWait(fd uintptr) bool {
	g := &c.giving
	n, err := uninterrupted(writeSocket, fd, g.p)
	if errors.Is(err, syscall.EAGAIN) {
		c.countWrite(0)
		return false
	}
	g.n, g.err = max(n, 0), err
	c.countWrite(g.n)
	return true
}

// countRead notes a read call that returned n bytes.
func (c *Conn) countRead(n int) {
	c.in.reads.Add(1)
	c.in.bytes.Add(uint64(n))
	c.in.active.Store(int64(events.TimeOf(time.Now())))
}

// countWrite notes a write call that took n bytes.
func (c *Conn) countWrite(n int) {
	c.out.writes.Add(1)
	c.out.bytes.Add(uint64(n))
}

// uninterrupted calls a read or a write again while a signal interrupts it.
func uninterrupted(call func(int, []byte) (int, error), fd uintptr, p []byte) (int, error) {
	for {
		n, err := call(int(fd), p)
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}
