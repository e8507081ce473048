package relay

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
)

// recordSize is the longest plaintext of one record of TLS, and the unit in which
// the relay writes it.
const recordSize = 16 << 10

// secure is TLS on a socket.
type secure struct {
	tls    *tls.Conn
	socket *tlsSocket
	// begun is how much plaintext is encrypted and pending, and not yet reported as
	// written: the next push is given the same bytes and finishes them. It is the
	// writer's.
	begun int
	// writing is held by Write, which another goroutine may call while the writer does.
	writing sync.Mutex
}

// StartTLS makes the handshake of TLS, as the side that start makes: [tls.Server]
// or [tls.Client]. early is what was read from the socket already. From then on
// everything read and written is plaintext, and counted as such. When the handshake
// fails the connection stays a plain one, and can only be closed. No other goroutine may
// read or write meanwhile; closing the connection ends the handshake.
func (c *Conn) StartTLS(start func(net.Conn, *tls.Config) *tls.Conn, config *tls.Config, early []byte, buffers *Buffers) error {
	if c.secure != nil {
		return errors.New("TLS has begun already")
	}
	socket := newTLSSocket(c, early, buffers)
	s := &secure{tls: start(socket, config), socket: socket}
	if err := s.tls.Handshake(); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	socket.established = true
	c.secure = s
	return nil
}

// TLS returns the state of the connection's TLS, and false when there is none.
func (c *Conn) TLS() (tls.ConnectionState, bool) {
	if c.secure == nil {
		return tls.ConnectionState{}, false
	}
	return c.secure.tls.ConnectionState(), true
}

// read makes one attempt to read plaintext from a socket that is ready, or may be;
// without data it is EAGAIN.
func (s *secure) read(fd uintptr, p []byte) (int, error) {
	s.socket.fd = fd
	n, err := s.tls.Read(p)
	if n > 0 {
		return n, nil // what came after it comes again
	}
	return 0, err
}

// offerTLS is offer for TLS: it encrypts record by record while the socket takes
// all of each. A record the socket took in part is not counted among what was
// taken, but begun.
func (c *Conn) offerTLS(p []byte) (int, error) {
	s, taken := c.secure, 0
	for taken < len(p) {
		if empty, err := s.socket.flush(s.socket.once); err != nil || !empty {
			return taken, err
		}
		n, err := s.encrypt(p[taken:])
		if err != nil {
			return taken, err
		}
		empty, err := s.socket.flush(s.socket.once)
		if err != nil || !empty {
			s.begun = n
			c.countWrite(0)
			return taken, err
		}
		c.countWrite(n)
		taken += n
	}
	return taken, nil
}

// pushTLS is push for TLS: it writes one record, or what is left of one.
func (c *Conn) pushTLS(p []byte) (int, error) {
	s := c.secure
	n := s.begun
	if n == 0 {
		var err error
		if n, err = s.encrypt(p); err != nil {
			return 0, err
		}
	}
	if _, err := s.socket.flush(s.socket.wait); err != nil {
		return 0, err
	}
	s.begun = 0
	c.countWrite(n)
	return n, nil
}

// encrypt puts one record's worth of p on the socket's pending bytes.
func (s *secure) encrypt(p []byte) (int, error) {
	return s.tls.Write(p[:min(len(p), recordSize)])
}

// writeTLS writes all of p, waiting as long as it takes.
func (c *Conn) writeTLS(p []byte) (int, error) {
	c.secure.writing.Lock()
	defer c.secure.writing.Unlock()
	written := 0
	for written < len(p) {
		n, err := c.pushTLS(p[written:])
		if err != nil {
			return written, err
		}
		written += n
	}
	return written, nil
}

// closeNotify sends the alert of TLS that nothing more will come, if the socket takes it at
// once.
func (s *secure) closeNotify() {
	if err := s.tls.CloseWrite(); err == nil {
		_, _ = s.socket.flush(s.socket.once)
	}
}
