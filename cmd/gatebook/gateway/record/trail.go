package record

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"gatebook"
	"gatebook/cmd/gatebook/gateway/panics"
	"gatebook/events"
)

// patience is how long an append waits for its turn while the log keeps others waiting.
// Without a limit sessions that have ended long ago would pile up behind a disk that hangs.
const patience = 10 * time.Second

// trail gives the events of one session to the recorder. Any goroutine may use it.
type trail struct {
	all     *Sessions
	owner   Owner
	service string
	// id is 0 until the opening is recorded, and never changes afterwards.
	id atomic.Uint64
}

// open records the opening.
func (t *trail) open(ctx context.Context, connected time.Time, e events.SessionOpened) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	id, err := t.all.recorder.OpenSince(ctx, connected, e)
	t.id.Store(id)
	return err
}

// record records events, and waits for that.
func (t *trail) record(ctx context.Context, list ...events.Event) error {
	return t.all.recorder.Record(ctx, t.id.Load(), list...)
}

// recordGuarded is like record. A panic of the recorder ends the session and is returned.
func (t *trail) recordGuarded(ctx context.Context, list ...events.Event) error {
	return t.owner.Guard(func() error { return t.record(ctx, list...) })
}

// recordOrMiss records events, or counts them as missing. Either way the session goes on,
// unless the recorder panics.
func (t *trail) recordOrMiss(ctx context.Context, list []events.Event) {
	if t.id.Load() == 0 {
		return // the session is counted, and all of it is missing
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := t.recordGuarded(ctx, list...); err != nil {
		t.all.Missed(0, uint64(len(list)), err)
	}
}

// end records the end of the session together with attempts that are not recorded yet.
// Where these are refused it records the end alone. It reports whether the end is recorded,
// or kept by the recorder.
func (t *trail) end(ctx context.Context, attempts []events.Event, e *events.SessionClosed) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if len(attempts) > 0 {
		err := t.recordGuarded(ctx, append(attempts, e)...)
		if err == nil {
			return true
		}
		if t.all.bestEffort {
			t.all.Missed(0, uint64(len(attempts)), err)
		}
	}
	err := t.tryEnd(ctx, e)
	if _, panicked := errors.AsType[*panics.Error](err); panicked { // another call may succeed
		err = t.tryEnd(ctx, e)
	}
	if err != nil {
		t.report(err)
		if t.all.bestEffort {
			t.all.Missed(0, 1, err)
		}
	}
	return err == nil
}

// tryEnd has the recorder record or keep the end. The recorder refuses the counters of a
// connection whose opening could not be recorded: then the client's alone are recorded. A
// panic of the recorder is returned as an error.
func (t *trail) tryEnd(ctx context.Context, e *events.SessionClosed) error {
	return t.owner.Guard(func() error {
		_, err := t.all.recorder.End(ctx, t.id.Load(), *e)
		if _, refused := errors.AsType[*gatebook.RefusedError](err); refused && len(e.Finals) > 1 {
			clientOnly := *e
			clientOnly.Finals = e.Finals[:1]
			_, err = t.all.recorder.End(ctx, t.id.Load(), clientOnly)
		}
		return err
	})
}

// report logs why the session could not be recorded.
func (t *trail) report(err error) { t.all.report(t.service, t.id.Load(), err) }
