package gateway

import (
	"context"
	"io"
	"sync"
	"sync/atomic"

	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// lifetime has the two sockets of a session and the reason for which the session was
// stopped from outside. The first reason given stands. Any goroutine may use it.
type lifetime struct {
	client *relay.Conn
	// relaying: the session is in its relay. Only the session's goroutine sets it.
	relaying atomic.Bool
	// mover is that relay, or the last one; nil before the first.
	mover atomic.Pointer[relay.Relay]

	// mu guards setting the rest.
	mu sync.Mutex
	// server is the backend connection; nil until it is there. Only the session's
	// goroutine sets it.
	server *relay.Conn
	// stopped is why the session was stopped from outside.
	stopped events.Reason
	// cancel ends the attempt to reach a server that is under way, for a cause; nil when
	// there is none.
	cancel context.CancelCauseFunc
	// halfClose: meanwhile the client may stay when it will send no more.
	halfClose bool
}

// stop ends the session from outside, unless it was stopped before. A session in its
// relay is interrupted, so that its own goroutine can send the client the reason. Of any
// other the sockets are closed.
func (l *lifetime) stop(reason events.Reason) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped != events.ReasonNone {
		return
	}
	l.stopped = reason
	switch {
	case l.relaying.Load():
		relay.Interrupt(l.client, l.server)
		return
	case l.cancel != nil:
		l.cancel(nil)
	}
	l.closeSockets()
}

// stopIdle stops the session for idleness, if it is in its relay still.
func (l *lifetime) stopIdle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped == events.ReasonNone && l.relaying.Load() {
		l.stopped = events.ReasonIdleTimeout
		relay.Interrupt(l.client, l.server)
	}
}

// beginRelay notes that the session is in a relay.
func (l *lifetime) beginRelay(r *relay.Relay) {
	l.mover.Store(r)
	l.relaying.Store(true)
}

// endRelay notes that the relay has ended, and returns why the session was stopped from
// outside; [events.ReasonNone] if it was not.
func (l *lifetime) endRelay() events.Reason {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.relaying.Store(false)
	return l.stopped
}

// beginAttempt notes how to end an attempt to reach a server, and whether the client may
// stay meanwhile when it will send no more. It reports false when the session was stopped
// before.
func (l *lifetime) beginAttempt(cancel context.CancelCauseFunc, halfClose bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel, l.halfClose = cancel, halfClose
	return l.stopped == events.ReasonNone
}

// endAttempt notes that the attempt is over.
func (l *lifetime) endAttempt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel = nil
}

// lookForClient ends the attempt to reach a server that is under way if the client has
// gone meanwhile.
func (l *lifetime) lookForClient() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cancel == nil {
		return
	}
	ended, err := l.client.HungUp()
	switch {
	case err != nil:
		l.cancel(err)
	case ended && !l.halfClose:
		l.cancel(io.EOF)
	}
}

// attach gives the session its backend connection. It reports false, and closes the
// connection, when the session was stopped before.
func (l *lifetime) attach(server *relay.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped != events.ReasonNone {
		_ = server.Close()
		return false
	}
	l.server = server
	return true
}

// hangUp closes both sockets, and returns why the session was stopped from outside.
func (l *lifetime) hangUp() events.Reason {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closeSockets()
	return l.stopped
}

// hangUpClient closes the client's socket, and returns why the session was stopped from
// outside.
func (l *lifetime) hangUpClient() events.Reason {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.client.Close()
	return l.stopped
}

// closeSockets closes the sockets that exist. Its caller holds mu.
func (l *lifetime) closeSockets() {
	_ = l.client.Close()
	if l.server != nil {
		_ = l.server.Close()
	}
}
