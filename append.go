package gatebook

import (
	"context"
	"errors"
	"fmt"

	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// decide makes the entries to append from what the book says now. It is called
// again when the book has moved on under it. None means that there is nothing to
// do.
type decide func() ([]storage.Entry, error)

// append decides and appends. Ends that wait for the log go first.
func (r *Registry) append(ctx context.Context, decide decide) error {
	if r.holding.Load() {
		if err := r.recordHeld(ctx); err != nil {
			return err
		}
	}
	return r.appendDecided(ctx, decide)
}

// appendDecided decides and appends until what was decided upon is still so when
// it is committed.
func (r *Registry) appendDecided(ctx context.Context, decide decide) error {
	if err := r.writable(); err != nil {
		return err
	}
	for {
		seen := r.state.Applied()
		entries, err := decide()
		if err != nil {
			r.countRefused(err)
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

// look finds a session wherever it is; nil when there is none.
func (r *Registry) look(id uint64) (*projection.Session, error) {
	if s := r.state.Lookup(id); s != nil {
		return s, nil
	}
	return r.archived(id)
}

func (r *Registry) countRefused(err error) {
	var refused *RefusedError
	if errors.As(err, &refused) {
		r.refused.Add(1)
	}
}

// sessionEvents decides about a list of events of one session.
func (r *Registry) sessionEvents(id uint64, list []events.Event) decide {
	return func() ([]storage.Entry, error) {
		s, err := r.look(id)
		if err != nil {
			return nil, err
		}
		if s == nil {
			return nil, fmt.Errorf("session %d: %w", id, ErrNotFound)
		}
		d := draft{id: id, phase: phaseOf(s), session: s}
		entries := make([]storage.Entry, 0, len(list))
		for _, e := range list {
			if err := d.take(e); err != nil {
				return nil, err
			}
			entries = append(entries, entry(id, blame(s, e)))
		}
		return entries, nil
	}
}

// blame fills in who ended a session that was killed: the one who asked for it.
func blame(s *projection.Session, e events.Event) events.Event {
	closed, ok := e.(*events.SessionClosed)
	if !ok || closed.Reason != events.ReasonKilled || closed.By != "" {
		return e
	}
	filled := *closed
	kill := s.Kill()
	filled.By = kill.By
	if filled.Description == "" {
		filled.Description = kill.Why
	}
	return &filled
}
