package relay

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// tlsSocket is the socket under TLS. During the handshake it waits like any socket.
// After it, it never does: a read without data is EAGAIN, which crypto/tls takes
// for a passing error, and a write joins what is pending, which flush offers to the
// socket. So TLS never sees half a write, which it could not survive.
type tlsSocket struct {
	*net.TCPConn
	raw     syscall.RawConn
	buffers *Buffers
	// established: the handshake is over. It does not change while both halves are
	// in use.
	established bool

	// early is what was read before TLS began, fd the socket while a read is under
	// way: both are the reader's.
	early []byte
	fd    uintptr

	// once and wait are the two ways to flush. failed is the error of a flush; empty:
	// nothing was left after it. They are the writer's.
	once, wait func(fd uintptr) bool
	failed     error
	empty      bool

	// mu guards the rest. The reader writes too, to answer a change of keys.
	mu sync.Mutex
	// pending waits to be written. It begins in buffer, which is borrowed.
	pending []byte
	buffer  *Buffer
}

// maxPending limits what waits to be written. It is more than a record only when the other
// end asks for new keys again and again.
const maxPending = 2 * BufferSize

var errFlooded = errors.New("the other end asks for new keys too often")

func newTLSSocket(c *Conn, early []byte, buffers *Buffers) *tlsSocket {
	s := &tlsSocket{TCPConn: c.tcp, raw: c.raw, buffers: buffers, early: early}
	s.once = func(fd uintptr) bool {
		s.empty, s.failed = s.writeOut(fd)
		return true
	}
	s.wait = func(fd uintptr) bool {
		s.empty, s.failed = s.writeOut(fd)
		return s.empty || s.failed != nil
	}
	return s
}

// Read reads for TLS.
func (s *tlsSocket) Read(p []byte) (int, error) {
	if len(s.early) > 0 {
		n := copy(p, s.early)
		s.early = s.early[n:]
		return n, nil
	}
	if !s.established {
		return s.TCPConn.Read(p)
	}
	n, err := uninterrupted(readSocket, s.fd, p)
	if n == 0 && err == nil {
		return 0, io.EOF
	}
	return max(n, 0), err
}

// Write writes for TLS.
func (s *tlsSocket) Write(p []byte) (int, error) {
	if !s.established {
		return s.TCPConn.Write(p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending)+len(p) > maxPending {
		return 0, errFlooded
	}
	if s.buffer == nil {
		s.buffer = s.buffers.Borrow()
		s.pending = s.buffer[:0]
	}
	s.pending = append(s.pending, p...)
	return len(p), nil
}

// SetWriteDeadline does nothing: TLS sets a deadline when it closes, after which
// nothing could be flushed.
func (s *tlsSocket) SetWriteDeadline(time.Time) error { return nil }

// flush offers the socket what is pending, by once or by wait, and reports whether
// it took all of it.
func (s *tlsSocket) flush(how func(fd uintptr) bool) (bool, error) {
	if s.nothing() {
		return true, nil
	}
	s.empty, s.failed = false, nil
	if err := s.raw.Write(how); err != nil {
		return false, err
	}
	return s.empty, s.failed
}

// nothing reports whether nothing is pending.
func (s *tlsSocket) nothing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending) == 0
}

// writeOut writes what the socket takes, and reports whether that is all.
func (s *tlsSocket) writeOut(fd uintptr) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.pending) > 0 {
		n, err := uninterrupted(writeSocket, fd, s.pending)
		if errors.Is(err, syscall.EAGAIN) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		s.pending = s.pending[n:]
	}
	if s.buffer != nil {
		s.buffers.Return(s.buffer)
		s.buffer, s.pending = nil, nil
	}
	return true, nil
}
