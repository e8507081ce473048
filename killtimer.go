package gatebook

import (
	"context"
	"slices"
	"sync"
	"time"

	"gatebook/events"
	"gatebook/internal/journal"
	"gatebook/projection"
)

// timerInterval is how long the kill timer sleeps at most while a kill is scheduled: the
// system's time may be set while it does.
const timerInterval = time.Second

// killTimer knows when live sessions are to be killed, and requests that when it is due.
type killTimer struct {
	now func() time.Time
	// lookup returns a session that is in memory, nil when there is none.
	lookup func(id uint64) *projection.Session

	scheduled chan struct{} // capacity 1: due has one more, or another time

	mu  sync.Mutex // guards the field below
	due map[uint64]events.Time
}

func newKillTimer(now func() time.Time, lookup func(uint64) *projection.Session) *killTimer {
	return &killTimer{
		now: now, lookup: lookup,
		scheduled: make(chan struct{}, 1), due: make(map[uint64]events.Time),
	}
}

// observe keeps the timer true to records that were applied.
func (t *killTimer) observe(batch []events.Record) {
	for i := range batch {
		id := batch[i].Session
		switch e := batch[i].Event.(type) {
		case *events.KillScheduled:
			t.set(id, e.Due)
		case *events.KillWithdrawn, *events.KillRequested, *events.SessionClosed, *events.SessionLost:
			t.set(id, 0)
		case *events.SessionRecovered:
			if s := t.lookup(id); s != nil {
				t.load(s)
			}
		}
	}
}

// load takes the time from a live session.
func (t *killTimer) load(s *projection.Session) {
	if s.Stage != projection.Stopping {
		t.set(s.ID, s.Kill().Due)
	}
}

// set sets when a session is to be killed; 0 is never.
func (t *killTimer) set(id uint64, due events.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if due == 0 {
		delete(t.due, id)
		return
	}
	t.due[id] = due
	select {
	case t.scheduled <- struct{}{}:
	default:
	}
}

// reset forgets all times.
func (t *killTimer) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.due)
}

// run calls request with the sessions whose kill is due, until ctx ends. A request
// that fails is made again, and the error is reported unless the log reports it itself.
func (t *killTimer) run(ctx context.Context, request func(context.Context, []uint64) error, report func(error)) {
	timer := time.NewTimer(timerInterval)
	timer.Stop() // until something is scheduled
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.scheduled:
		case <-timer.C:
		}
		ids, next := t.next(events.TimeOf(t.now()))
		for chunk := range slices.Chunk(ids, journal.MaxBatch) {
			err := request(ctx, chunk)
			if err != nil && !journal.Unwritable(err) && ctx.Err() == nil {
				report(err)
			}
			if err != nil {
				next = timerInterval // they are still due
				break
			}
		}
		if next > 0 {
			timer.Reset(min(next, timerInterval))
		}
	}
}

// next returns the sessions whose kill is due, in ascending order, and how long it is
// until the next one; 0 when there is none.
func (t *killTimer) next(now events.Time) (ids []uint64, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, due := range t.due {
		if due <= now {
			ids = append(ids, id)
			continue
		}
		if d := due.Time().Sub(now.Time()); wait == 0 || d < wait {
			wait = d
		}
	}
	slices.Sort(ids)
	return ids, wait
}
