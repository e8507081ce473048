package gatebook

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatebook/events"
	"gatebook/internal/journal"
	"gatebook/internal/lifecycle"
	"gatebook/projection"
	"gatebook/storage"
)

// Kill requests the end of a session and blocks until its source has closed it and that
// is recorded, until ctx ends, or until the registry is closed. Requesting again what was
// requested already only waits.
//
// It returns the session as it is then: still live when its end is not recorded yet,
// which is no error, because the source will act as soon as it can. Errors:
// [ErrNotFound], [*EndedError] when it had ended before, [ErrInvalid], those of the
// conditions and of recording.
func (r *Registry) Kill(ctx context.Context, id uint64, q Request) (projection.View, error) {
	if err := q.check(); err != nil {
		return projection.View{}, err
	}
	if !r.calls.Enter() {
		return projection.View{}, storage.ErrClosed
	}
	defer r.calls.Leave()
	ended := r.waiters.add(id)
	defer r.waiters.remove(id, ended)
	err := r.append(ctx, func() ([]storage.Entry, error) {
		s, err := r.killable(id, &q)
		if err != nil || s.Stage == projection.Stopping {
			return nil, err
		}
		return []storage.Entry{journal.Entry(id, &events.KillRequested{By: q.By, Why: q.Why})}, nil
	})
	if err != nil {
		return projection.View{}, err
	}
	select {
	case <-ended:
	case <-ctx.Done():
	case <-r.closed:
	}
	view, _, err := r.Session(id)
	return view, err
}

// ScheduleKill has a session end at a later time. Scheduling again moves the time. It
// holds over a restart. A session whose end was requested already is left alone. The
// time is required; one that has passed is due at once. Errors are those of
// [Registry.Kill].
func (r *Registry) ScheduleKill(ctx context.Context, id uint64, due time.Time, q Request) error {
	if err := q.check(); err != nil {
		return err
	}
	at := events.TimeOf(due)
	if at <= 0 {
		return fmt.Errorf("%w: a kill cannot be scheduled for %s; the time has to be given, and be from 1970 on", ErrInvalid, due.Format(time.RFC3339))
	}
	return r.record(ctx, func() ([]storage.Entry, error) {
		s, err := r.killable(id, &q)
		if err != nil || s.Stage == projection.Stopping {
			return nil, err
		}
		return []storage.Entry{journal.Entry(id, &events.KillScheduled{Due: at, By: q.By, Why: q.Why})}, nil
	})
}

// WithdrawKill takes a scheduled kill back. It returns a [*RefusedError] when none is
// scheduled, or when its time has come. The other errors are those of [Registry.Kill].
func (r *Registry) WithdrawKill(ctx context.Context, id uint64, q Request) error {
	if err := q.check(); err != nil {
		return err
	}
	return r.record(ctx, func() ([]storage.Entry, error) {
		s, err := r.killable(id, &q)
		if err != nil {
			return nil, err
		}
		e := &events.KillWithdrawn{By: q.By, Why: q.Why}
		d := lifecycle.NewDraft(s)
		if err := d.Take(e); err != nil {
			return nil, err
		}
		return []storage.Entry{journal.Entry(id, e)}, nil
	})
}

// killable returns the live session of that id, if the conditions hold for it.
func (r *Registry) killable(id uint64, q *Request) (*projection.Session, error) {
	s, err := r.reader.Lookup(id)
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return nil, ErrNotFound
	case s.Status != projection.Live:
		return nil, &EndedError{Session: s}
	}
	return s, q.met(s.Version, s.Modified)
}

// Killed counts the sessions whose end was requested together.
type Killed struct {
	// Closed have ended, Pending not yet.
	Closed, Pending int
}

// KillAll requests the end of sessions and blocks until they have ended, ctx ends, or
// the registry is closed. Sessions that had ended before count as ended; ids must
// ascend. The conditions of the request are not for this.
//
// Where a part of the requests cannot be recorded it returns the error, and counts those
// that could: their sessions end all the same.
func (r *Registry) KillAll(ctx context.Context, ids []uint64, q Request) (Killed, error) {
	if err := q.check(); err != nil {
		return Killed{}, err
	}
	if !r.calls.Enter() {
		return Killed{}, storage.ErrClosed
	}
	defer r.calls.Leave()
	ended := make([]chan struct{}, len(ids))
	for i, id := range ids {
		ended[i] = r.waiters.add(id)
	}
	defer func() {
		for i, id := range ids {
			r.waiters.remove(id, ended[i])
		}
	}()
	asked, err := r.requestAll(ctx, ids, &q)
	counted, failed := r.awaitAll(ctx, ids[:asked], ended)
	if err == nil {
		err = failed
	}
	return counted, err
}

// requestAll requests the end of those sessions for which nobody has, and returns for
// how many of ids that is recorded. A request that was begun is made whole, even if the
// caller does not wait.
func (r *Registry) requestAll(ctx context.Context, ids []uint64, q *Request) (asked int, err error) {
	asking := context.WithoutCancel(ctx)
	for chunk := range slices.Chunk(ids, journal.MaxBatch) {
		err := r.append(asking, func() ([]storage.Entry, error) {
			live, err := r.live(chunk)
			entries := make([]storage.Entry, 0, len(live))
			for _, s := range live {
				if s.Stage != projection.Stopping {
					entries = append(entries, journal.Entry(s.ID, &events.KillRequested{By: q.By, Why: q.Why}))
				}
			}
			return entries, err
		})
		if err != nil {
			return asked, err
		}
		asked += len(chunk)
	}
	return asked, nil
}

// live returns those of the sessions that are live.
func (r *Registry) live(ids []uint64) ([]*projection.Session, error) {
	live := make([]*projection.Session, 0, len(ids))
	for _, id := range ids {
		s, err := r.reader.Lookup(id)
		if err != nil {
			return nil, err
		}
		if s != nil && s.Status == projection.Live {
			live = append(live, s)
		}
	}
	return live, nil
}

// awaitAll blocks until the sessions have ended, ctx ends, or the registry is closed.
func (r *Registry) awaitAll(ctx context.Context, ids []uint64, ended []chan struct{}) (counted Killed, err error) {
	for i, id := range ids {
		s, err := r.reader.Lookup(id)
		if err != nil {
			return counted, err
		}
		if s == nil || s.Status != projection.Live {
			counted.Closed++
			continue
		}
		select {
		case <-ended[i]:
		case <-ctx.Done():
		case <-r.closed:
		}
		select {
		case <-ended[i]:
			counted.Closed++
		default:
			counted.Pending++
		}
	}
	return counted, nil
}

// requestDue requests the end of sessions whose time has come, for the one who scheduled
// it.
func (r *Registry) requestDue(ctx context.Context, ids []uint64) error {
	now := events.TimeOf(r.options.Now())
	err := r.append(ctx, func() ([]storage.Entry, error) {
		live, err := r.live(ids)
		entries := make([]storage.Entry, 0, len(live))
		for _, s := range live {
			if kill := s.Kill(); s.Stage != projection.Stopping && kill.Due != 0 && kill.Due <= now {
				entries = append(entries, journal.Entry(s.ID, &events.KillRequested{By: kill.By, Why: kill.Why}))
			}
		}
		return entries, err
	})
	if err != nil {
		return fmt.Errorf("request kills that are due: %w", err)
	}
	return nil
}

// loadKills sets the timer for the kills that were scheduled before the registry was
// opened.
func (r *Registry) loadKills() error {
	live, err := r.Sessions(Query{Live: true})
	if err != nil {
		return err
	}
	r.kills.reset()
	for v, err := range live.All() {
		if err != nil {
			return err
		}
		r.kills.load(v.Session)
	}
	return nil
}
