package gatebook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatebook/events"
	"gatebook/internal/journal"
	"gatebook/internal/lifecycle"
	"gatebook/internal/query"
	"gatebook/projection"
	"gatebook/storage"
)

// LeftRunning returns how the description of a killed session's end says that the server may
// still run a statement for it. id is the server's own number for the connection. The reason
// that the administrator gave comes before it.
func LeftRunning(server string, id uint64) string {
	return fmt.Sprintf("%s may still run a statement of its connection %d", server, id)
}

// LeftWork is what a server may still do for a session that was killed.
type LeftWork struct {
	Session uint64
	// Server is its name, and Connection its own number for the session's connection.
	Server     string
	Connection uint64
}

// LeftWorkOf returns what a server may still do for a session, and false where its end says
// nothing of that.
func LeftWorkOf(s *projection.Session) (LeftWork, bool) {
	said := s.Ending().Description
	if said == "" {
		return LeftWork{}, false
	}
	for i := range s.Connections {
		c := &s.Connections[i]
		if left := LeftRunning(c.Server(), c.ServerID); said == left || strings.HasSuffix(said, "; "+left) {
			return LeftWork{Session: s.ID, Server: c.Server(), Connection: c.ServerID}, true
		}
	}
	return LeftWork{}, false
}

// kills requests the end of sessions, now or when it is due, and waits for it.
type kills struct {
	journal *journal.Journal
	reader  *query.Reader
	waiters *waiters
	timer   *killTimer
	now     func() time.Time
	// closed is closed when nobody is to wait any more.
	closed <-chan struct{}
}

// one requests the end of a session and blocks until it has ended, ctx ends, or closed is
// closed.
func (k *kills) one(ctx context.Context, id uint64, q *Request) error {
	ended := k.waiters.add(id)
	defer k.waiters.remove(id, ended)
	lost := false
	err := k.journal.Append(ctx, func() ([]storage.Entry, error) {
		s, err := k.killableOrLost(id, q)
		if err != nil {
			return nil, err
		}
		if lost = s.Status == projection.Lost; s.Stage == projection.Stopping {
			return nil, nil
		}
		return []storage.Entry{journal.Entry(id, &events.KillRequested{By: q.By, Why: q.Why})}, nil
	})
	if err == nil && !lost { // a lost one ends when its source comes back, if ever
		k.wait(ctx, ended)
	}
	return err
}

// killableOrLost returns the session of that id, if the conditions hold for it and it is
// live, or lost with a source that may come back.
func (k *kills) killableOrLost(id uint64, q *Request) (*projection.Session, error) {
	s, err := k.killable(id, q)
	if ended, ok := errors.AsType[*EndedError](err); ok && k.reader.MayReturn(ended.Session) {
		s = ended.Session
		return s, q.met(s.Version, s.Modified)
	}
	return s, err
}

// wait blocks until ended is closed, ctx ends, or closed is closed.
func (k *kills) wait(ctx context.Context, ended <-chan struct{}) {
	select {
	case <-ended:
	case <-ctx.Done():
	case <-k.closed:
	}
}

func (k *kills) schedule(ctx context.Context, id uint64, due time.Time, q *Request) error {
	at := events.TimeOf(due)
	if at <= 0 {
		return fmt.Errorf("%w: a kill cannot be scheduled for %s; the time has to be given, and be from 1970 on", ErrInvalid, due.Format(time.RFC3339))
	}
	return k.journal.Append(ctx, func() ([]storage.Entry, error) {
		s, err := k.killable(id, q)
		if err != nil || s.Stage == projection.Stopping {
			return nil, err
		}
		return []storage.Entry{journal.Entry(id, &events.KillScheduled{Due: at, By: q.By, Why: q.Why})}, nil
	})
}

func (k *kills) withdraw(ctx context.Context, id uint64, q *Request) error {
	return k.journal.Append(ctx, func() ([]storage.Entry, error) {
		s, err := k.killable(id, q)
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
func (k *kills) killable(id uint64, q *Request) (*projection.Session, error) {
	s, err := k.reader.Lookup(id)
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

// all requests the end of sessions and counts how many have ended when it returns.
func (k *kills) all(ctx context.Context, ids []uint64, q *Request) (Killed, error) {
	ended := make([]chan struct{}, len(ids))
	for i, id := range ids {
		ended[i] = k.waiters.add(id)
	}
	defer func() {
		for i, id := range ids {
			k.waiters.remove(id, ended[i])
		}
	}()
	asked, err := k.requestAll(ctx, ids, q)
	counted, failed := k.awaitAll(ctx, ids[:asked], ended)
	return counted, cmp.Or(err, failed)
}

// requestAll requests the end of those sessions for which nobody has, and returns for
// how many of ids that is recorded. A request that was begun is made whole, even if the
// caller does not wait.
func (k *kills) requestAll(ctx context.Context, ids []uint64, q *Request) (asked int, err error) {
	asking := context.WithoutCancel(ctx)
	for chunk := range slices.Chunk(ids, journal.MaxBatch) {
		err := k.journal.Append(asking, func() ([]storage.Entry, error) {
			live, err := k.live(chunk)
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
func (k *kills) live(ids []uint64) ([]*projection.Session, error) {
	live := make([]*projection.Session, 0, len(ids))
	for _, id := range ids {
		s, err := k.reader.Lookup(id)
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
func (k *kills) awaitAll(ctx context.Context, ids []uint64, ended []chan struct{}) (counted Killed, err error) {
	for i, id := range ids {
		s, err := k.reader.Lookup(id)
		if err != nil {
			return counted, err
		}
		if s == nil || s.Status != projection.Live {
			counted.add(s)
			continue
		}
		k.wait(ctx, ended[i])
		if s, err = k.reader.Lookup(id); err != nil {
			return counted, err
		}
		counted.add(s)
	}
	return counted, nil
}

// requestDue requests the end of sessions whose time has come, for the one who scheduled
// it.
func (k *kills) requestDue(ctx context.Context, ids []uint64) error {
	now := events.TimeOf(k.now())
	err := k.journal.Append(ctx, func() ([]storage.Entry, error) {
		live, err := k.live(ids)
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

// load sets the timer for the kills that were scheduled before the registry was
// opened.
func (k *kills) load() error {
	live, err := k.reader.Sessions(context.Background(), projection.Query{Live: true})
	if err != nil {
		return err
	}
	k.timer.reset()
	for v, err := range live.All() {
		if err != nil {
			return err
		}
		k.timer.load(v.Session)
	}
	return nil
}
