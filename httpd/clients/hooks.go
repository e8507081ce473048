package clients

import (
	"context"
	"net"
	"net/http"
)

// served returns the connection as net/http serves it.
func (c *Conn) served(s *Security) net.Conn {
	if s == nil {
		return &plainConn{Conn: c, own: c}
	}
	return newSecureConn(c, s)
}

// connKey is the key of a request's context for its connection.
type connKey struct{}

// WithConn returns a context for the requests of a connection that net/http serves.
func WithConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, countedOf(c))
}

// NoteState notes that net/http has changed the state of a connection. It is the hook
// [http.Server.ConnState] where there is no [Recorder].
func NoteState(nc net.Conn, state http.ConnState) {
	c := countedOf(nc)
	if c == nil {
		return
	}
	switch state {
	case http.StateIdle:
		c.lineEnded.Store(false)
		c.idle.Store(true)
	case http.StateActive:
		c.idle.Store(false)
		c.asked.Store(true)
		c.unread.Store(true)
	}
}

// Accepted returns the connection that the listener below this package's has accepted.
func Accepted(nc net.Conn) net.Conn {
	if c := countedOf(nc); c != nil {
		return c.Conn
	}
	return nc
}

// Of returns the connection that carries a request, nil when the request did not come
// through [Recorder.Listen].
func Of(r *http.Request) *Conn {
	c, _ := r.Context().Value(connKey{}).(*Conn)
	return c
}

// countedOf returns the connection that counts below one that net/http serves, nil when
// there is none.
func countedOf(nc net.Conn) *Conn {
	switch c := nc.(type) {
	case *plainConn:
		return c.own
	case *secureConn:
		return c.own
	}
	return nil
}
