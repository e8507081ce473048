package clients

import (
	"bytes"
	"net"
	"net/http"
	"strconv"
)

// plainConn is a connection as net/http serves it where no TLS is spoken. What net/http
// answers before a handler has seen the request is made an object like the API's own errors.
type plainConn struct {
	net.Conn // own
	own      *Conn
}

// Read reads from the connection.
func (c *plainConn) Read(b []byte) (int, error) { return c.own.readHTTP(c.Conn, b) }

// Write writes to the connection.
func (c *plainConn) Write(b []byte) (int, error) { return c.own.writeHTTP(c.Conn, b) }

// CloseWrite closes the sending half.
func (c *plainConn) CloseWrite() error { return c.own.CloseWrite() }

// readHTTP reads bytes of HTTP, and notes when the line of a request has ended.
func (c *Conn) readHTTP(from net.Conn, b []byte) (int, error) {
	n, err := from.Read(b)
	if c.idle.Load() && bytes.IndexByte(b[:n], '\n') >= 0 {
		c.lineEnded.Store(true)
	}
	return n, err
}

// writeHTTP writes bytes of HTTP, and makes an object of an answer that no handler has given.
func (c *Conn) writeHTTP(to net.Conn, b []byte) (int, error) {
	if !c.unread.Load() {
		return to.Write(b)
	}
	sent := answerOf(b, c.lineEnded.Load())
	c.transport.Store(statusOf(sent))
	n, err := to.Write(sent)
	if n == len(sent) {
		n = len(b) // as the caller expects
	}
	return min(n, len(b)), err
}

// statusOf returns the status in an answer's first bytes, 0 when they have none.
func statusOf(b []byte) uint32 {
	version, rest, _ := bytes.Cut(b[:min(len(b), len("HTTP/1.1 200"))], []byte(" "))
	if !bytes.HasPrefix(version, []byte("HTTP/1.")) {
		return 0
	}
	status, err := strconv.ParseUint(string(rest), 10, 16)
	if err != nil || status < http.StatusContinue {
		return 0
	}
	return uint32(status)
}
