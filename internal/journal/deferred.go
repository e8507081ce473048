package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"gatebook/events"
	"gatebook/internal/lifecycle"
	"gatebook/storage"
)

// MaxBatch is how many sessions one append changes at most.
const MaxBatch = 1000

// deferredEnds are the ends of sessions that wait for the log, at most one a session.
// They are in memory only: if the process dies first, the session becomes lost instead
// of closed.
type deferredEnds struct {
	record func(ctx context.Context, ids []uint64) error // records those ends, all or none

	waiting atomic.Bool // whether there are any, for a look without the lock

	mu      sync.Mutex // guards the fields below
	ends    map[uint64]deferredEnd
	attempt *attempt // to record them, nil while there is none under way
}

// deferredEnd is the end of a session that waits for the log.
type deferredEnd struct {
	at    events.Time
	event events.Event // its session_closed or session_lost
}

// attempt is one call's attempt to record the ends that wait, for all calls that come
// meanwhile.
type attempt struct {
	done chan struct{} // closed when err is set
	err  error
}

func newDeferredEnds(record func(ctx context.Context, ids []uint64) error) *deferredEnds {
	return &deferredEnds{record: record, ends: make(map[uint64]deferredEnd)}
}

// add keeps the end of a session, unless there is one already.
func (d *deferredEnds) add(id uint64, end deferredEnd) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.ends[id]; !ok {
		d.ends[id] = end
	}
	d.waiting.Store(true)
}

// get returns the end that waits for a session.
func (d *deferredEnds) get(id uint64) (deferredEnd, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	end, ok := d.ends[id]
	return end, ok
}

// count returns how many there are.
func (d *deferredEnds) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.ends)
}

// drain blocks until the ends that waited when it was called are recorded. One call
// records for all that come meanwhile, and its failure is theirs; a call whose context
// ends first returns at once.
func (d *deferredEnds) drain(ctx context.Context) error {
	for d.waiting.Load() {
		d.mu.Lock()
		a := d.attempt
		if a == nil {
			a = &attempt{done: make(chan struct{})}
			d.attempt = a
			d.mu.Unlock()
			d.try(ctx, a)
			return a.err
		}
		d.mu.Unlock()
		select {
		case <-a.done:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", storage.ErrBusy, ctx.Err())
		}
		// Where the other call's time was over, this one's may not be.
		if a.err != nil && !errors.Is(a.err, storage.ErrBusy) {
			return a.err
		}
	}
	return nil
}

// try records the ends in ascending order of id, and stops at the first failure.
func (d *deferredEnds) try(ctx context.Context, a *attempt) {
	for {
		ids := d.next(a)
		if len(ids) == 0 {
			return
		}
		err := d.record(ctx, ids)
		d.mu.Lock()
		if err != nil {
			a.err = fmt.Errorf("record ends that were deferred: %w", err)
			d.finish(a)
			d.mu.Unlock()
			return
		}
		for _, id := range ids {
			delete(d.ends, id)
		}
		d.mu.Unlock()
	}
}

// next returns the next ids to record; where there are none it finishes the attempt, so
// that an end which is added afterwards is not taken for recorded.
func (d *deferredEnds) next(a *attempt) []uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.ends) == 0 {
		d.finish(a)
		return nil
	}
	ids := make([]uint64, 0, len(d.ends))
	for id := range d.ends {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids[:min(len(ids), MaxBatch)]
}

// finish ends the attempt. Its caller holds mu.
func (d *deferredEnds) finish(a *attempt) {
	d.attempt = nil
	d.waiting.Store(len(d.ends) > 0)
	close(a.done)
}

// Defer keeps the end of a session, a session_closed that happened at that time or a
// session_lost, until the log takes it.
// A session that has one already keeps that.
func (j *Journal) Defer(id uint64, at events.Time, e events.Event) {
	j.deferred.add(id, deferredEnd{at: at, event: e})
	j.state.ObserveEnd(id)
}

// Deferred returns how many ends wait for the log.
func (j *Journal) Deferred() int { return j.deferred.count() }

// RecordDeferred records the ends that wait for the log.
func (j *Journal) RecordDeferred(ctx context.Context) error { return j.deferred.drain(ctx) }

// recordDeferred records some of the ends that wait. Those of sessions that have ended
// otherwise meanwhile are left out.
func (j *Journal) recordDeferred(ctx context.Context, ids []uint64) error {
	return j.append(ctx, func() ([]storage.Entry, error) {
		var entries []storage.Entry
		for _, id := range ids {
			s := j.state.Lookup(id) // a session that has left memory has ended
			end, _ := j.deferred.get(id)
			d := lifecycle.NewDraft(s)
			if s == nil || d.Take(end.event) != nil {
				continue
			}
			e := Entry(id, lifecycle.FillKilledBy(s, end.event))
			if _, closed := end.event.(*events.SessionClosed); closed {
				e.Record.Occurred = end.at
			}
			entries = append(entries, e)
		}
		return entries, nil
	})
}

// Unwritable reports whether an append failed for the log's sake, not its own.
func Unwritable(err error) bool {
	return errors.Is(err, storage.ErrDiskFull) || errors.Is(err, storage.ErrReadOnly) || errors.Is(err, storage.ErrBusy)
}
