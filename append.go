package gatebook

import (
	"context"
	"errors"
	"fmt"

	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// decide makes the records to append from what the book says now. It is called
// again when the book has moved on under it. None means that there is nothing to
// do.
type decide func(look func(id uint64) (*projection.Session, error)) ([]events.Record, error)

// append decides and appends until what was decided upon is still so when it is
// committed. It returns the records as they were recorded.
func (r *Registry) append(ctx context.Context, decide decide) ([]storage.Entry, error) {
	for {
		seen, _ := r.state.Sequence()
		records, err := decide(r.look)
		if err != nil {
			r.countRefused(err)
			return nil, err
		}
		if len(records) == 0 {
			return nil, nil
		}
		entries := make([]storage.Entry, len(records))
		for i := range records {
			events.Clean(records[i].Event)
			entries[i] = storage.Entry{Record: records[i], Expect: seen}
		}
		err = r.log.Append(ctx, entries)
		if err == nil {
			return entries, nil
		}
		if !errors.Is(err, storage.ErrConflict) {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("%w: %w", storage.ErrBusy, err)
		}
	}
}

// look finds a session wherever it is; nil when there is none.
func (r *Registry) look(id uint64) (*projection.Session, error) {
	missing := false
	view, _, err := r.state.Session(id, func() error { missing = true; return nil })
	if err != nil || !missing {
		return view.Session, err
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
func sessionEvents(id uint64, list []events.Event) decide {
	return func(look func(uint64) (*projection.Session, error)) ([]events.Record, error) {
		s, err := look(id)
		if err != nil {
			return nil, err
		}
		if s == nil {
			return nil, fmt.Errorf("session %d: %w", id, ErrNotFound)
		}
		d := draft{id: id, phase: phaseOf(s), session: s}
		records := make([]events.Record, 0, len(list))
		for _, e := range list {
			if err := d.take(e); err != nil {
				return nil, err
			}
			records = append(records, events.Record{Session: id, Event: blame(s, e)})
		}
		return records, nil
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
