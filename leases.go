package gatebook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gatebook/events"
	"gatebook/internal/lifecycle"
	"gatebook/projection"
	"gatebook/storage"
)

// leaseInterval is how often it is looked at whether a lease has run out.
const leaseInterval = time.Second

// remotes are the sources outside this process that report, by the key of their name:
// what is remembered of each from one report to the next.
type remotes struct {
	now func() time.Time

	mu    sync.Mutex // guards the field below, and the times in it
	byKey map[string]*remote
}

// remote is a source outside.
type remote struct {
	// turn is had by the call that deals with a report of the source, or with the end of
	// its lease: one after the other.
	turn turn
	// until is when the lease runs out, seen when the source was last heard of. They are
	// zero before the first report was taken.
	until, seen time.Time
}

func newRemotes(now func() time.Time) *remotes {
	return &remotes{now: now, byKey: make(map[string]*remote)}
}

// enter takes the turn of a source, which the caller leaves. It returns
// [storage.ErrBusy] when ctx ends first.
func (l *remotes) enter(ctx context.Context, source string) (*remote, error) {
	key := projection.NameKey(source)
	for {
		l.mu.Lock()
		o := l.byKey[key]
		if o == nil {
			o = &remote{turn: newTurn()}
			l.byKey[key] = o
		}
		l.mu.Unlock()
		if err := o.turn.take(ctx); err != nil {
			return nil, fmt.Errorf("wait for other reports of source %s: %w", source, err)
		}
		l.mu.Lock()
		current := l.byKey[key] == o
		l.mu.Unlock()
		if current {
			return o, nil
		}
		o.turn.leave() // it was forgotten meanwhile
	}
}

// forget forgets a source whose turn the caller has.
func (l *remotes) forget(source string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.byKey, projection.NameKey(source))
}

// renew begins a source's lease anew: it was heard of.
func (l *remotes) renew(o *remote, lease time.Duration) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	o.seen, o.until = now, now.Add(lease)
}

// times returns when the lease of a source runs out and when it was last heard of.
func (l *remotes) times(o *remote) (until, seen time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return o.until, o.seen
}

// begin gives a source one lease from now on.
func (l *remotes) begin(source string, lease time.Duration) {
	until := l.now().Add(lease)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byKey[projection.NameKey(source)] = &remote{turn: newTurn(), until: until}
}

// over returns the keys of the sources whose lease has run out and that do not report
// just now, sorted.
func (l *remotes) over() []string {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	var over []string
	for key, o := range l.byKey {
		if !now.Before(o.until) && !o.turn.taken() {
			over = append(over, key)
		}
	}
	slices.Sort(over)
	return over
}

func leaseOf(s *projection.Source) time.Duration { return time.Duration(s.Lease) * time.Microsecond }

// beginLeases gives each source outside that was open when the registry stopped one
// full lease. A source whose loss was cut off is lost at once.
func (r *Registry) beginLeases() {
	sources, _ := r.state.Sources()
	for _, s := range sources {
		switch {
		case s.Lease == 0:
		case s.State == projection.SourceRunning:
			r.remotes.begin(s.Name, leaseOf(s))
		case r.state.HasKeyed(s.Name, s.Incarnation):
			r.remotes.begin(s.Name, 0)
		}
	}
}

// endLeases ends the sources whose lease has run out.
func (r *Registry) endLeases(ctx context.Context) {
	if r.Err() != nil {
		return // a source cannot report either
	}
	for _, key := range r.remotes.over() {
		if err := r.endLease(ctx, key); err != nil && !errors.Is(err, storage.ErrClosed) && ctx.Err() == nil {
			r.options.Report(fmt.Errorf("end the lease of source %s: %w", key, err))
		}
	}
}

func (r *Registry) endLease(ctx context.Context, key string) error {
	o, err := r.remotes.enter(ctx, key)
	if err != nil {
		return err
	}
	defer o.turn.leave()
	until, seen := r.remotes.times(o)
	if r.options.Now().Before(until) {
		return nil // it was heard of meanwhile
	}
	if source, _ := r.state.Source(key); source != nil && source.Lease != 0 {
		if err := r.loseSource(ctx, source, events.TimeOf(seen)); err != nil {
			return err
		}
	}
	r.remotes.forget(key)
	return nil
}

// loseSource records that the current incarnation of a source outside is gone, and
// its sessions with it. seen is when it was last heard of, if that is known better
// here than in the book. It can be cut off anywhere and is done again then.
func (r *Registry) loseSource(ctx context.Context, source *projection.Source, seen events.Time) error {
	seen = max(seen, source.LastSeen)
	err := r.append(ctx, r.ofRunning(source.Name, source.Incarnation, &events.SourceLost{
		Source: source.Name, Incarnation: source.Incarnation, Cause: events.ReasonSourceLost, LastSeen: seen,
	}))
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(r.state.KeyedOf(source.Name, source.Incarnation, projection.Live), maxBatch) {
		err := r.append(ctx, func() ([]storage.Entry, error) {
			return r.changeSome(chunk, func(s *projection.Session) events.Event {
				return &events.SessionLost{Cause: events.ReasonSourceLost, LastSeen: max(s.Modified, seen)}
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// changeSome makes an event of each of the sessions in which it fits.
func (r *Registry) changeSome(sessions []*projection.Session, change func(*projection.Session) events.Event) ([]storage.Entry, error) {
	entries := make([]storage.Entry, 0, len(sessions))
	for _, old := range sessions {
		s, err := r.lookup(old.ID)
		if err != nil {
			return nil, err
		}
		if s == nil {
			continue
		}
		e := change(s)
		if d := lifecycle.NewDraft(s); d.Take(e) == nil {
			entries = append(entries, entry(old.ID, e))
		}
	}
	return entries, nil
}

// recoverSessions recovers the sessions of a source that reports again after its lease
// ran out. The report itself records that the source is there again.
func (r *Registry) recoverSessions(ctx context.Context, source *projection.Source) error {
	if source.State != projection.SourceLost {
		return nil
	}
	lost, err := r.lostOf(source)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(lost, maxBatch) {
		err := r.append(ctx, func() ([]storage.Entry, error) {
			return r.changeSome(chunk, func(*projection.Session) events.Event {
				return &events.SessionRecovered{Incarnation: source.Incarnation}
			})
		})
		if err != nil {
			return fmt.Errorf("recover sessions of source %s: %w", source.Name, err)
		}
	}
	return nil
}

// lostOf finds the sessions that the current incarnation of a source has lost.
func (r *Registry) lostOf(source *projection.Source) ([]*projection.Session, error) {
	l, err := r.Sessions(Query{
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
