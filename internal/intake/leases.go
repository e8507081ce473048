package intake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

func leaseOf(s *projection.Source) time.Duration { return time.Duration(s.Lease) * time.Microsecond }

// BeginLeases gives each source outside that was open when the registry stopped one
// full lease. A source whose loss was cut off is lost at once.
func (in *Intake) BeginLeases() {
	sources, _ := in.State.Sources()
	for _, s := range sources {
		switch {
		case s.Lease == 0:
		case s.State == projection.SourceRunning:
			in.remotes.begin(s.Name, leaseOf(s))
		case in.State.HasLiveWithSourceKey(s.Name, s.Incarnation):
			in.remotes.begin(s.Name, 0)
		}
	}
}

// EndLeases ends the sources whose lease has run out.
func (in *Intake) EndLeases(ctx context.Context) error {
	if in.Journal.Err() != nil {
		return nil // a source cannot report either
	}
	var failed []error
	for _, key := range in.remotes.over() {
		if err := in.endLease(ctx, key); err != nil && !errors.Is(err, storage.ErrClosed) && ctx.Err() == nil {
			failed = append(failed, fmt.Errorf("end the lease of source %s: %w", key, err))
		}
	}
	return errors.Join(failed...)
}

func (in *Intake) endLease(ctx context.Context, key string) error {
	o, err := in.remotes.enter(ctx, key)
	if err != nil {
		return err
	}
	defer o.turn.Leave()
	until, seen := in.remotes.times(o)
	if in.Now().Before(until) {
		return nil // it was heard of meanwhile
	}
	if source, _ := in.State.Source(key); source != nil && source.Lease != 0 {
		if err := in.loseSource(ctx, source, events.TimeOf(seen)); err != nil {
			return err
		}
	}
	in.remotes.forget(key)
	return nil
}

// loseSource records that the current incarnation of a source outside is gone, and
// its sessions with it. seen is when it was last heard of, if that is known better
// here than in the book. It can be cut off anywhere and is done again then.
func (in *Intake) loseSource(ctx context.Context, source *projection.Source, seen events.Time) error {
	seen = max(seen, source.LastSeen)
	err := in.Journal.Append(ctx, in.Journal.OfRunning(source.Name, source.Incarnation, &events.SourceLost{
		Source: source.Name, Incarnation: source.Incarnation, Cause: events.ReasonSourceLost, LastSeen: seen,
	}))
	if err != nil {
		return err
	}
	live := in.State.SessionsWithSourceKey(source.Name, source.Incarnation, projection.Live)
	return in.Journal.Change(ctx, live, func(s *projection.Session) events.Event {
		return &events.SessionLost{Cause: events.ReasonSourceLost, LastSeen: max(s.Modified, seen)}
	})
}

// recoverSessions recovers the sessions of a source that reports again after its lease
// ran out. The report itself records that the source is there again.
func (in *Intake) recoverSessions(ctx context.Context, source *projection.Source) error {
	if source.State != projection.SourceLost {
		return nil
	}
	lost, err := in.lostOf(ctx, source)
	if err != nil {
		return err
	}
	err = in.Journal.Change(ctx, lost, func(*projection.Session) events.Event {
		return &events.SessionRecovered{Incarnation: source.Incarnation}
	})
	if err != nil {
		return fmt.Errorf("recover sessions of source %s: %w", source.Name, err)
	}
	return nil
}

// lostOf finds the sessions that the current incarnation of a source has lost.
func (in *Intake) lostOf(ctx context.Context, source *projection.Source) ([]*projection.Session, error) {
	l, err := in.Reader.Sessions(ctx, projection.Query{
		Lost: true, Filter: projection.Filter{Sources: []string{source.Name}, Reasons: []events.Reason{events.ReasonSourceLost}},
		After: source.First - min(source.First, 1),
	})
	if err != nil {
		return nil, fmt.Errorf("find lost sessions of source %s: %w", source.Name, err)
	}
	var lost []*projection.Session
	for v, err := range l.All() {
		if err != nil {
			return nil, fmt.Errorf("find lost sessions of source %s: %w", source.Name, err)
		}
		if v.Origin().Incarnation == source.Incarnation {
			lost = append(lost, v.Session)
		}
	}
	return lost, nil
}
