package clients

import (
	"net"
	"time"
)

// listener accepts connections that count, as many as the limiter of its recorder allows.
type listener struct {
	net.Listener
	recorder *Recorder
	plain    bool // no TLS is spoken
}

// Accept blocks until a client connects for which there is room. A client for which there
// is none is sent a 503 where it speaks no TLS, and its connection is closed.
func (l listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &Conn{Conn: accepted, now: l.recorder.now, limiter: l.recorder.limiter, accepted: time.Now()}
		if l.recorder.limiter.acquire(c.client().Addr()) || l.recorder.makeRoom(c.client().Addr()) && l.recorder.limiter.acquire(c.client().Addr()) {
			return c, nil
		}
		l.recorder.turnedAway(accepted.RemoteAddr(), l.plain)
		turnAway(accepted, l.plain)
	}
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
