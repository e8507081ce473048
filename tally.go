package gatebook

import (
	"maps"
	"sync"

	"gatebook/events"
	"gatebook/projection"
)

// Tally is what a registry has recorded since it was opened.
type Tally struct {
	// Ended counts the sessions that ended, by reason, lost ones included.
	Ended map[events.Reason]uint64
	// Kills counts the kills that were requested.
	Kills uint64
}

// tally keeps a [Tally].
type tally struct {
	mu    sync.Mutex // guards the field below
	since Tally
}

// add counts a batch.
func (t *tally) add(batch []events.Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range batch {
		switch e := batch[i].Event.(type) {
		case *events.SessionClosed:
			t.end(e.Reason)
		case *events.SessionLost:
			t.end(e.Cause)
		case *events.KillRequested:
			t.since.Kills++
		}
	}
}

func (t *tally) end(why events.Reason) {
	if t.since.Ended == nil {
		t.since.Ended = make(map[events.Reason]uint64)
	}
	t.since.Ended[why]++
}

// begin forgets what was counted while the log was replayed.
func (t *tally) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.since = Tally{}
}

// Tally tells what was recorded since the registry was opened; what was replayed then
// is not in it, what was settled is.
func (r *Registry) Tally() Tally {
	r.tally.mu.Lock()
	defer r.tally.mu.Unlock()
	return Tally{Ended: maps.Clone(r.tally.since.Ended), Kills: r.tally.since.Kills}
}

// Census counts the live sessions by service and stage. Its cost grows with their
// number, and no writer waits for it.
func (r *Registry) Census() map[string]projection.Census { return r.state.Census() }
