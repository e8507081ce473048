package gatebook

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// clockLook is how long the clock of kills sleeps at most while one is scheduled:
// the system's time may be set while it does.
const clockLook = time.Second

// ScheduleKill has a session end at a time to come, for by and with why as its
// reason. Doing so again moves the time. It holds over a restart. A session whose
// end was asked for already is left alone. Errors are those of [Registry.Kill].
func (r *Registry) ScheduleKill(ctx context.Context, id uint64, due time.Time, by, why string, only ...Condition) error {
	return r.append(ctx, func() ([]storage.Entry, error) {
		s, err := r.killable(id, only)
		if err != nil || s.Stage == projection.Stopping {
			return nil, err
		}
		return []storage.Entry{entry(id, &events.KillScheduled{Due: events.TimeOf(due), By: by, Why: why})}, nil
	})
}

// WithdrawKill takes a scheduled kill back. It is a [*RefusedError] when none is
// scheduled, or when its time has come. The other errors are those of [Registry.Kill].
func (r *Registry) WithdrawKill(ctx context.Context, id uint64, by, why string, only ...Condition) error {
	return r.append(ctx, func() ([]storage.Entry, error) {
		s, err := r.killable(id, only)
		if err != nil {
			return nil, err
		}
		e := &events.KillWithdrawn{By: by, Why: why}
		d := draft{id: id, phase: phaseOf(s), session: s}
		if err := d.take(e); err != nil {
			return nil, err
		}
		return []storage.Entry{entry(id, e)}, nil
	})
}

// killable is the live session of that id, of which the conditions hold.
func (r *Registry) killable(id uint64, only []Condition) (*projection.Session, error) {
	s, err := r.look(id)
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return nil, ErrNotFound
	case s.Status != projection.Live:
		return nil, &EndedError{Session: s}
	}
	return s, met(only, s.Version, s.Modified)
}

// noteDue keeps the clock's list true to a record that was applied.
func (r *Registry) noteDue(record *events.Record) {
	switch e := record.Event.(type) {
	case *events.KillScheduled:
		r.setDue(record.Session, e.Due)
	case *events.KillWithdrawn, *events.KillRequested, *events.SessionClosed, *events.SessionLost:
		r.setDue(record.Session, 0)
	case *events.SessionRecovered:
		if s := r.state.Lookup(record.Session); s != nil && s.Stage != projection.Stopping {
			r.setDue(record.Session, s.Kill().Due)
		}
	}
}

// setDue sets when a session is to be killed; 0 is never.
func (r *Registry) setDue(id uint64, due events.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if due == 0 {
		delete(r.due, id)
		return
	}
	r.due[id] = due
	select {
	case r.rescheduled <- struct{}{}:
	default:
	}
}

// loadDue lists the kills that were scheduled before the registry was opened.
func (r *Registry) loadDue() error {
	live, err := r.Sessions(Query{Live: true})
	if err != nil {
		return err
	}
	r.mu.Lock()
	clear(r.due)
	r.mu.Unlock()
	for v, err := range live.All() {
		if err != nil {
			return err
		}
		if v.Stage != projection.Stopping {
			r.setDue(v.ID, v.Kill().Due)
		}
	}
	return nil
}

// keepTime asks for the end of sessions when it is due, until ctx ends.
func (r *Registry) keepTime(ctx context.Context) {
	defer close(r.timed)
	timer := time.NewTimer(clockLook)
	timer.Stop() // until something is scheduled
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.rescheduled:
		case <-timer.C:
		}
		ids, next := r.dueBy(events.TimeOf(r.options.Now()))
		for chunk := range slices.Chunk(ids, settleChunk) {
			err := r.requestDue(ctx, chunk)
			if err != nil && !unwritable(err) && ctx.Err() == nil {
				r.options.Report(fmt.Errorf("ask for kills that are due: %w", err))
			}
			if err != nil {
				next = clockLook // they are still due
				break
			}
		}
		if next > 0 {
			timer.Reset(min(next, clockLook))
		}
	}
}

// dueBy are the sessions whose kill is due, in ascending order, and how long it is
// until the next one; 0 when there is none.
func (r *Registry) dueBy(now events.Time) (ids []uint64, next time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, due := range r.due {
		if due <= now {
			ids = append(ids, id)
			continue
		}
		if wait := due.Time().Sub(now.Time()); next == 0 || wait < next {
			next = wait
		}
	}
	slices.Sort(ids)
	return ids, next
}

// requestDue asks for the end of sessions whose time has come, for who scheduled it.
func (r *Registry) requestDue(ctx context.Context, ids []uint64) error {
	now := events.TimeOf(r.options.Now())
	return r.append(ctx, func() ([]storage.Entry, error) {
		entries := make([]storage.Entry, 0, len(ids))
		for _, id := range ids {
			s, err := r.look(id)
			if err != nil {
				return nil, err
			}
			if s == nil || s.Status != projection.Live || s.Stage == projection.Stopping {
				continue
			}
			if kill := s.Kill(); kill.Due != 0 && kill.Due <= now {
				entries = append(entries, entry(id, &events.KillRequested{By: kill.By, Why: kill.Why}))
			}
		}
		return entries, nil
	})
}
