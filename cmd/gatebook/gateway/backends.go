package gateway

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"gatebook/events"
)

// stateRecorder records the states of servers.
type stateRecorder interface {
	// ServerChanged records a server's state, if it differs from the last one.
	ServerChanged(ctx context.Context, e events.ServerChanged) error
}

// backends has the servers of a gateway, and records whether they answer. Only sessions
// find that out: a server is never dialled for another purpose, because servers count such
// connections against the gateway's address. So a server that is down is shown as running
// again when the next session has reached it. Until then one session in each pause tries it.
type backends struct {
	recorder stateRecorder
	log      zerolog.Logger
	now      func() time.Time
	// changed, of capacity 1, has an element when a state is to be recorded.
	changed chan struct{}

	// mu guards the list, which only grows.
	mu   sync.Mutex
	list []*backend
}

func newBackends(recorder stateRecorder, servers []Server) *backends {
	all := &backends{recorder: recorder, now: time.Now, changed: make(chan struct{}, 1)}
	for i := range servers {
		all.add(&servers[i])
	}
	return all
}

// add adds a server.
func (all *backends) add(server *Server) {
	b := &backend{Server: server}
	b.draining.Store(server.Drain)
	all.mu.Lock()
	defer all.mu.Unlock()
	all.list = append(all.list, b)
}

// copied returns the servers at this moment.
func (all *backends) copied() []*backend {
	all.mu.Lock()
	defer all.mu.Unlock()
	return slices.Clone(all.list)
}

// find returns the server of that name, or nil.
func (all *backends) find(name string) *backend {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, b := range all.list {
		if b.Name == name {
			return b
		}
	}
	return nil
}

// named returns the servers of those names, in that order.
func (all *backends) named(names []string) []*backend {
	var list []*backend
	for _, name := range names {
		if b := all.find(name); b != nil {
			list = append(list, b)
		}
	}
	return list
}

// answered notes that a server has answered a session.
func (all *backends) answered(b *backend) {
	if b.answered(all.now()) {
		all.wake()
	}
}

// failed notes that a server has not answered a session.
func (all *backends) failed(b *backend, cause string) {
	if b.failed(all.now(), cause) {
		all.wake()
	}
}

// wake has states recorded soon.
func (all *backends) wake() {
	select {
	case all.changed <- struct{}{}:
	default:
	}
}

// stateRetry is the pause after states could not be recorded.
const stateRetry = time.Second

// run records the states of servers as they change, until ctx ends. A state that cannot be
// recorded is recorded later, if it still holds. So is a state that an earlier call which
// panicked has left unrecorded.
func (all *backends) run(ctx context.Context, report func(error)) {
	all.wake()
	failing := false
	for {
		select {
		case <-all.changed:
		case <-ctx.Done():
			return
		}
		err := all.record(ctx)
		if err == nil {
			failing = false
			continue
		}
		if !failing && ctx.Err() == nil {
			report(err)
		}
		failing = true
		all.wake()
		pause(ctx, stateRetry)
	}
}

// record records each state that is not on the record.
func (all *backends) record(ctx context.Context) error {
	for _, b := range all.copied() {
		e := b.unrecorded()
		if e == nil {
			continue
		}
		all.logState(b, e)
		if err := all.recorder.ServerChanged(ctx, *e); err != nil {
			return err
		}
		b.setRecorded(e.State)
	}
	return nil
}

// logState logs that a server has gone down or come back, once each. That a server answers
// for the first time is not worth a line. Only the goroutine of run calls it.
func (all *backends) logState(b *backend, e *events.ServerChanged) {
	before := b.logged
	b.logged = e.State
	switch {
	case before == e.State:
	case e.State == events.ServerDown:
		all.log.Warn().Str("server", b.Name).Str("address", b.Address).Str("cause", e.Cause).Msg("server is down")
	case before == events.ServerDown:
		all.log.Info().Str("server", b.Name).Str("address", b.Address).Msg("server is back")
	}
}
