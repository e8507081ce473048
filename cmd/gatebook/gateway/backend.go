package gateway

import (
	"sync"
	"sync/atomic"
	"time"

	"gatebook/events"
)

// A server that does not answer is left alone for firstPause. The pause doubles each
// time that the server still does not answer, up to lastPause.
const (
	firstPause = time.Second
	lastPause  = 60 * time.Second
)

// backend is a server, with what sessions have found out about it. It is safe for
// concurrent use.
type backend struct {
	*Server
	// connections is how many the gateway has, attempts under way included.
	connections atomic.Int64
	// draining: it gets no new sessions.
	draining atomic.Bool
	// logged is the state that was logged last. Only the goroutine that records states uses
	// it.
	logged events.ServerState

	// mu guards everything below.
	mu sync.Mutex
	// state is whether it answers, since when, and why not.
	state events.ServerState
	since time.Time
	cause string
	// heard is when it answered last.
	heard time.Time
	// recorded is the state on the record.
	recorded events.ServerState
	// pause is for how long it is left alone; 0 while it answers. until is the end of the
	// pause.
	pause time.Duration
	until time.Time
	// tried is until when a session may be trying a server that is down. It is zero
	// when no session does.
	tried time.Time
}

// answered notes that the server has answered, and reports whether its state changed.
func (b *backend) answered(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pause, b.tried, b.heard = 0, time.Time{}, now
	return b.turn(events.ServerRunning, now, "")
}

// failed notes that the server has not answered, and reports whether its state changed.
// Many sessions find that out at once: only an attempt made after the pause makes the
// pause longer.
func (b *backend) failed(now time.Time, cause string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pause == 0 || !now.Before(b.until) {
		b.pause = min(max(2*b.pause, firstPause), lastPause)
		b.until = now.Add(b.pause)
		b.tried = time.Time{}
	}
	return b.turn(events.ServerDown, now, cause)
}

// answeredSince reports whether the server has answered an attempt at t or later.
func (b *backend) answeredSince(t time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.heard.Before(t)
}

// abandoned notes that an attempt ended without showing whether the server answers. The
// next session may try the server at once.
func (b *backend) abandoned() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tried = time.Time{}
}

// turn changes the state. Its caller holds mu.
func (b *backend) turn(state events.ServerState, now time.Time, cause string) bool {
	if b.state == state {
		return false
	}
	b.state, b.since, b.cause = state, now, cause
	return true
}

// due reports whether the server answers or is to be tried again.
func (b *backend) due(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pause == 0 || !now.Before(b.until) && !now.Before(b.tried)
}

// offer reports whether a new session may try the server. After a pause one session gets
// to try it, for as long as an attempt may take; the others use other servers.
func (b *backend) offer(now time.Time, limit time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.pause == 0:
		return true
	case now.Before(b.until), now.Before(b.tried):
		return false
	}
	b.tried = now.Add(limit)
	return true
}

// unrecorded returns the state if it is not on the record yet, and nil if it is.
func (b *backend) unrecorded() *events.ServerChanged {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == b.recorded {
		return nil
	}
	return &events.ServerChanged{Name: b.Name, State: b.state, Since: events.TimeOf(b.since), Cause: b.cause}
}

// setRecorded notes which state is on the record.
func (b *backend) setRecorded(state events.ServerState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recorded = state
}
