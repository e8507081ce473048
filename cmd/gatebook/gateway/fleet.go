package gateway

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatebook/events"
)

// A server that does not answer is left alone for firstPause, and for twice as
// long each time that it still does not, up to lastPause.
const (
	firstPause = time.Second
	lastPause  = 60 * time.Second
)

// upstream is a server with what the gateway has learnt of it.
type upstream struct {
	*Server
	// connections are those of the gateway, attempts under way included.
	connections atomic.Int64
	// draining: it gets no new sessions.
	draining atomic.Bool

	// mu guards the rest.
	mu    sync.Mutex
	state events.ServerState
	since time.Time
	cause string
	// told is the state that the book knows.
	told events.ServerState
	// pause is for how long it is left alone, 0 while it runs; until is when that
	// is over.
	pause time.Duration
	until time.Time
	// tried is until when a session may be trying a server that is down. It is zero
	// when no session does.
	tried time.Time
}

// answered notes that the server has answered, and reports whether that is news.
func (b *upstream) answered(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pause, b.tried = 0, time.Time{}
	return b.turn(events.ServerRunning, now, "")
}

// failed notes that the server has not answered, and reports whether that is news.
// Many sessions find that out at once: only an attempt made when the server was to
// be tried makes the pause longer.
func (b *upstream) failed(now time.Time, cause string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pause == 0 || !now.Before(b.until) {
		b.pause = min(max(2*b.pause, firstPause), lastPause)
		b.until = now.Add(b.pause)
		b.tried = time.Time{}
	}
	return b.turn(events.ServerDown, now, cause)
}

// abandoned notes that an attempt ended without showing whether the server answers. The
// next session may try it at once.
func (b *upstream) abandoned() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tried = time.Time{}
}

// turn changes the state. Its caller holds mu.
func (b *upstream) turn(state events.ServerState, now time.Time, cause string) bool {
	if b.state == state {
		return false
	}
	b.state, b.since, b.cause = state, now, cause
	return true
}

// due reports whether the server answers or is to be tried again.
func (b *upstream) due(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pause == 0 || !now.Before(b.until) && !now.Before(b.tried)
}

// offer reports whether a new session may try the server. Of those that come when
// the time it is left alone is over, one gets to try it, for as long as an attempt
// may take; the others go on without.
func (b *upstream) offer(now time.Time, limit time.Duration) bool {
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

// news returns what the book does not know yet, nil when it knows all.
func (b *upstream) news() *events.ServerChanged {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == b.told {
		return nil
	}
	return &events.ServerChanged{Name: b.Name, State: b.state, Since: events.TimeOf(b.since), Cause: b.cause}
}

// knows notes what the book knows.
func (b *upstream) knows(state events.ServerState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = state
}

// fleet are the servers of a gateway. Who finds out about them are the sessions:
// a server is neither dialled nor asked for any other purpose, because servers
// count such calls against the gateway's address. So a server that is down is
// shown as running again when the next session has reached it, and when the last
// one did not, one session in each pause tries it.
type fleet struct {
	book Book
	now  func() time.Time
	// changed, of capacity 1, tells that the book is to be told.
	changed chan struct{}

	// mu guards the list, which only grows.
	mu   sync.Mutex
	list []*upstream
}

func newFleet(book Book, servers []Server) *fleet {
	f := &fleet{book: book, now: time.Now, changed: make(chan struct{}, 1)}
	for i := range servers {
		f.add(&servers[i])
	}
	return f
}

// add takes up a server.
func (f *fleet) add(server *Server) {
	b := &upstream{Server: server}
	b.draining.Store(server.Drain)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, b)
}

// all returns the servers there are.
func (f *fleet) all() []*upstream {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.list)
}

// find returns the server of that name, or nil.
func (f *fleet) find(name string) *upstream {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, b := range f.list {
		if b.Name == name {
			return b
		}
	}
	return nil
}

// named returns the upstreams of those names, in that order.
func (f *fleet) named(names []string) []*upstream {
	var list []*upstream
	for _, name := range names {
		if b := f.find(name); b != nil {
			list = append(list, b)
		}
	}
	return list
}

// answered notes that a server has answered a session.
func (f *fleet) answered(b *upstream) {
	if b.answered(f.now()) {
		f.wake()
	}
}

// failed notes that a server has not answered a session.
func (f *fleet) failed(b *upstream, cause string) {
	if b.failed(f.now(), cause) {
		f.wake()
	}
}

func (f *fleet) wake() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// tellPause is how long the book is left alone that could not be told.
const tellPause = time.Second

// run tells the book of the servers' states, until ctx ends. What it could not be
// told it is told later, if it is still true. So is what an earlier call could not tell
// that panicked.
func (f *fleet) run(ctx context.Context, report func(error)) {
	f.wake()
	failing := false
	for {
		select {
		case <-f.changed:
		case <-ctx.Done():
			return
		}
		err := f.tell(ctx)
		if err == nil {
			failing = false
			continue
		}
		if !failing && ctx.Err() == nil {
			report(err)
		}
		failing = true
		f.wake()
		pause(ctx, tellPause)
	}
}

// tell tells the book all that it does not know.
func (f *fleet) tell(ctx context.Context) error {
	for _, b := range f.all() {
		e := b.news()
		if e == nil {
			continue
		}
		if err := f.book.ServerChanged(ctx, *e); err != nil {
			return err
		}
		b.knows(e.State)
	}
	return nil
}
