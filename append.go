package gatebook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatebook/events"
	"gatebook/storage"
)

// decide makes the entries to append from what the book says now. It is called again
// when the book has moved on meanwhile. No entries mean that there is nothing to do.
type decide func() ([]storage.Entry, error)

// append decides and appends. Ends that were deferred go first.
func (r *Registry) append(ctx context.Context, decide decide) error {
	if err := r.file.err(); err != nil {
		return err
	}
	if err := r.deferred.drain(ctx); err != nil {
		return err
	}
	return r.appendDecided(ctx, decide)
}

// appendDecided decides and appends until what was decided upon is still so when
// it is committed.
func (r *Registry) appendDecided(ctx context.Context, decide decide) error {
	for {
		seen := r.state.Applied()
		entries, err := decide()
		if err != nil {
			r.counts.note(err)
			return err
		}
		if len(entries) == 0 {
			return nil
		}
		for i := range entries {
			entries[i].Expect = seen
		}
		err = r.log.Append(ctx, entries)
		if !errors.Is(err, storage.ErrConflict) {
			return err
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%w: %w", storage.ErrBusy, err)
		}
	}
}

// one is the decision for a single event, whatever the book says.
func one(session uint64, e events.Event) decide {
	return func() ([]storage.Entry, error) { return []storage.Entry{entry(session, e)}, nil }
}

func entry(session uint64, e events.Event) storage.Entry {
	return storage.Entry{Record: events.Record{Session: session, Event: e}}
}

// change is append for a call of the registry's own, which Close waits for.
func (r *Registry) change(ctx context.Context, decide decide) error {
	if !r.calls.enter() {
		return storage.ErrClosed
	}
	defer r.calls.leave()
	return r.append(ctx, decide)
}

// RecordAccountChange records that an account was added, changed or removed, which
// happened at that time.
func (r *Registry) RecordAccountChange(ctx context.Context, at time.Time, e events.AccountChanged) error {
	added := entry(0, &e)
	added.Record.Occurred = events.TimeOf(at)
	return r.change(ctx, func() ([]storage.Entry, error) { return []storage.Entry{added}, nil })
}
