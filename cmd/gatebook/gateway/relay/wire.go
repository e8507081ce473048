package relay

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// wire is the socket under TLS. During the handshake it waits like any socket.
// After it, it never does: a read without data is EAGAIN, which crypto/tls takes
// for a passing error, and a write joins what is pending, which flush offers to the
// socket. So TLS never sees half a write, which it could not survive.
type wire struct {
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

	// once and wait are the two ways to flush; failed is what came of one, and empty
	// tells whether nothing is left. They are the writer's.
	once, wait func(fd uintptr) bool
	failed     error
	empty      bool

	// mu guards the rest: who reads answers a change of keys.
	mu sync.Mutex
	// pending waits to be written. It begins in buffer, which is borrowed.
	pending []byte
	buffer  *Buffer
}

// maxPending limits what waits to be written: more than a record is there only when
// the other end asks for new keys again and again.
const maxPending = 2 * BufferSize

var errFlooded = errors.New("the other end asks for new keys too often")

func newWire(c *Conn, early []byte, buffers *Buffers) *wire {
	w := &wire{TCPConn: c.tcp, raw: c.raw, buffers: buffers, early: early}
	w.once = func(fd uintptr) bool {
		w.empty, w.failed = w.writeOut(fd)
		return true
	}
	w.wait = func(fd uintptr) bool {
		w.empty, w.failed = w.writeOut(fd)
		return w.empty || w.failed != nil
	}
	return w
}

// Read is what TLS reads with.
func (w *wire) Read(p []byte) (int, error) {
	if len(w.early) > 0 {
		n := copy(p, w.early)
		w.early = w.early[n:]
		return n, nil
	}
	if !w.established {
		return w.TCPConn.Read(p)
	}
	n, err := uninterrupted(readSocket, w.fd, p)
	if n == 0 && err == nil {
		return 0, io.EOF
	}
	return max(n, 0), err
}

// Write is what TLS writes with.
func (w *wire) Write(p []byte) (int, error) {
	if !w.established {
		return w.TCPConn.Write(p)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.pending)+len(p) > maxPending {
		return 0, errFlooded
	}
	if w.buffer == nil {
		w.buffer = w.buffers.Borrow()
		w.pending = w.buffer[:0]
	}
	w.pending = append(w.pending, p...)
	return len(p), nil
}

// SetWriteDeadline does nothing: TLS sets one when it says goodbye, after which
// nothing could be flushed.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// flush offers the socket what is pending, by once or by wait, and reports whether
// it took all of it.
func (w *wire) flush(how func(fd uintptr) bool) (bool, error) {
	if w.nothing() {
		return true, nil
	}
	w.empty, w.failed = false, nil
	if err := w.raw.Write(how); err != nil {
		return false, err
	}
	return w.empty, w.failed
}

// nothing tells whether nothing is pending.
func (w *wire) nothing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.pending) == 0
}

// writeOut writes what the socket takes, and reports whether that is all.
func (w *wire) writeOut(fd uintptr) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.pending) > 0 {
		n, err := uninterrupted(writeSocket, fd, w.pending)
		if errors.Is(err, syscall.EAGAIN) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		w.pending = w.pending[n:]
	}
	if w.buffer != nil {
		w.buffers.Return(w.buffer)
		w.buffer, w.pending = nil, nil
	}
	return true, nil
}
