package clients

import (
	"net"
	"time"
)

// listener accepts connections that count, as many as the limiter of its recorder allows.
type listener struct {
	net.Listener
	recorder *Recorder
	security *Security // nil where no TLS is spoken
}

// Accept blocks until a client connects for which there is room. A client for which there
// is none is sent a 503 where no TLS is spoken, and its connection is closed.
func (l listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := newConn(accepted, l.recorder.now, l.recorder.limiter)
		if l.recorder.limiter.acquire(c.client().Addr()) || l.recorder.makeRoom(c.client().Addr()) && l.recorder.limiter.acquire(c.client().Addr()) {
			return c.served(l.security), nil
		}
		l.recorder.turnedAway(accepted.RemoteAddr(), l.security == nil)
		turnAway(accepted, l.security == nil)
	}
}

// Unbounded returns a listener whose connections are neither bounded nor recorded, for a
// server with the hooks [WithConn] and [NoteState]. What net/http answers by itself are objects
// there too. s is nil where no TLS is spoken.
func Unbounded(l net.Listener, s *Security) net.Listener { return unbounded{Listener: l, security: s} }

// unbounded accepts connections that nothing is counted of.
type unbounded struct {
	net.Listener
	security *Security
}

// Accept blocks until a client connects.
func (l unbounded) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newConn(accepted, time.Now, nil).served(l.security), nil
}

// tooMany is the answer to a client beyond the limit that speaks no TLS.
const tooMany = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: application/json\r\nRetry-After: 1\r\nContent-Length: 94\r\n\r\n" +
	`{"error":"Too many connections","description":"This API has no room for one more connection."}`

// turnAway closes a connection for which there is no room. The answer fits into the
// socket's buffer, so that turnAway does not wait for the client.
func turnAway(c net.Conn, plain bool) {
	if plain {
		_ = c.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = c.Write([]byte(tooMany)) // the client may be gone, and needs no answer then
		if half, ok := c.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	}
	_ = c.Close()
}
