package clients

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Security says how TLS is spoken on a listener.
type Security struct {
	Config *tls.Config
	// HandshakeTime is how long a handshake may take.
	HandshakeTime time.Duration
	// Failed is called with what is wrong for each handshake that failed.
	Failed func(remote net.Addr, err error)
}

// secureConn is a connection as net/http serves it where TLS is spoken. It is no *tls.Conn, and
// so the errors that net/http answers pass through it before they are encrypted.
type secureConn struct {
	*tls.Conn
	own      *Conn
	security *Security
	// shake does the handshake at the first call, and returns its error.
	shake func() error
}

// newSecureConn returns a connection over one that counts. The handshake is not done yet.
func newSecureConn(own *Conn, s *Security) *secureConn {
	c := &secureConn{Conn: tls.Server(own, s.Config), own: own, security: s}
	c.shake = sync.OnceValue(c.handshake)
	return c
}

// ConnectionState returns the state of TLS. It does the handshake first: net/http calls it in
// the goroutine of the connection, before it reads, for the member TLS of requests.
func (c *secureConn) ConnectionState() tls.ConnectionState {
	_ = c.shake() // Read returns the error
	return c.Conn.ConnectionState()
}

// Read reads from the connection, after the handshake. When that has failed there is nothing
// to read, and nothing that net/http could answer.
func (c *secureConn) Read(b []byte) (int, error) {
	if c.shake() != nil {
		return 0, io.EOF
	}
	return c.own.readHTTP(c.Conn, b)
}

// Write writes to the connection.
func (c *secureConn) Write(b []byte) (int, error) { return c.own.writeHTTP(c.Conn, b) }

// handshake does the handshake within its time. A client that speaks HTTP instead gets an answer to that.
func (c *secureConn) handshake() error {
	ctx, stop := context.WithTimeout(context.Background(), c.security.HandshakeTime)
	defer stop()
	err := c.HandshakeContext(ctx)
	if err == nil {
		c.own.tls.Store(new(tls.VersionName(c.Conn.ConnectionState().Version)))
		return nil
	}
	if header, ok := errors.AsType[tls.RecordHeaderError](err); ok && header.Conn != nil && isHTTP(header.RecordHeader) {
		c.own.refusePlaintext()
		err = errors.New("the client speaks HTTP without TLS")
	}
	if !errors.Is(err, net.ErrClosed) { // the server has not closed it
		c.security.Failed(c.RemoteAddr(), err)
	}
	return err
}

// isHTTP reports whether what should be the head of a record of TLS is the beginning of a
// request of HTTP: letters in capitals, a space and a path.
func isHTTP(record [5]byte) bool {
	for i, b := range record {
		switch {
		case b >= 'A' && b <= 'Z':
		case b == ' ' && i >= len("GET"), b == '/' && i > len("GET"):
			return true
		default:
			return false
		}
	}
	return true
}

const (
	// refusalTime is how long a client that speaks no TLS may take to read its answer.
	refusalTime = time.Second
	// refusalBytes is how much of its request is read meanwhile: a connection that is closed
	// over unread bytes is reset, and the client may then not see the answer.
	refusalBytes = 64 << 10
)

// refusePlaintext answers a client that speaks HTTP where TLS is spoken.
func (c *Conn) refusePlaintext() {
	answer := appendAnswer(nil, http.StatusBadRequest, "TLS is needed", "This API speaks TLS: the URL begins with https://.")
	c.unread.Store(true) // and never will be read
	c.transport.Store(http.StatusBadRequest)
	_ = c.SetDeadline(time.Now().Add(refusalTime))
	if _, err := c.Write(answer); err != nil {
		return // the client is gone
	}
	if c.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, c, refusalBytes) // the connection is closed either way
	}
}
