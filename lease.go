package gatebook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// leaseInterval is how often it is looked at whether a lease has run out.
const leaseInterval = time.Second

// outside is what is remembered of a source outside from one report to the next.
type outside struct {
	// turn is full while a report of the source is dealt with, or the end of its lease:
	// one after the other.
	turn chan struct{} // capacity 1
	// until is when the lease runs out, seen when the source was last heard of. They
	// are guarded by [Registry.mu], and zero before the first report was taken.
	until, seen time.Time
}

// enter waits for the source's turn, until ctx ends: then the error is [storage.ErrBusy].
// The turn ends with leave.
func (r *Registry) enter(ctx context.Context, source string) (*outside, error) {
	key := projection.NameKey(source)
	for {
		r.mu.Lock()
		o := r.outsides[key]
		if o == nil {
			o = newOutside()
			r.outsides[key] = o
		}
		r.mu.Unlock()
		select {
		case o.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: source %s: %w", storage.ErrBusy, source, ctx.Err())
		}
		r.mu.Lock()
		current := r.outsides[key] == o
		r.mu.Unlock()
		if current {
			return o, nil
		}
		o.leave() // it was forgotten meanwhile
	}
}

func newOutside() *outside { return &outside{turn: make(chan struct{}, 1)} }

func (o *outside) leave() { <-o.turn }

// forgetOutside forgets a source whose turn the caller has.
func (r *Registry) forgetOutside(source string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.outsides, projection.NameKey(source))
}

func leaseOf(s *projection.Source) time.Duration { return time.Duration(s.Lease) * time.Microsecond }

// renew begins a source's lease anew: it was heard of.
func (r *Registry) renew(o *outside, lease time.Duration) {
	now := r.options.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	o.seen, o.until = now, now.Add(lease)
}

// beginLeases gives each source outside that was open when the registry stopped one
// full lease.
func (r *Registry) beginLeases() {
	now := r.options.Now()
	sources, _ := r.state.Sources()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range sources {
		if s.Lease != 0 && (s.State == projection.SourceRunning || r.state.HasKeyed(s.Name, s.Incarnation)) {
			o := newOutside()
			if o.until = now; s.State == projection.SourceRunning { // and else its loss was cut off
				o.until = now.Add(leaseOf(s))
			}
			r.outsides[projection.NameKey(s.Name)] = o
		}
	}
}

// endLeases ends the sources whose lease has run out.
func (r *Registry) endLeases(ctx context.Context) {
	if r.Err() != nil {
		return // a source cannot report either
	}
	now := r.options.Now()
	var over []string
	r.mu.Lock()
	for key, o := range r.outsides {
		if !now.Before(o.until) && len(o.turn) == 0 { // it does not report just now
			over = append(over, key)
		}
	}
	r.mu.Unlock()
	slices.Sort(over)
	for _, key := range over {
		if err := r.endLease(ctx, key); err != nil && !errors.Is(err, storage.ErrClosed) && ctx.Err() == nil {
			r.options.Report(fmt.Errorf("end the lease of source %s: %w", key, err))
		}
	}
}

func (r *Registry) endLease(ctx context.Context, key string) error {
	o, err := r.enter(ctx, key)
	if err != nil {
		return err
	}
	defer o.leave()
	r.mu.Lock()
	until, seen := o.until, o.seen
	r.mu.Unlock()
	if r.options.Now().Before(until) {
		return nil // it was heard of meanwhile
	}
	if source, _ := r.state.Source(key); source != nil && source.Lease != 0 {
		if err := r.loseSource(ctx, source, events.TimeOf(seen)); err != nil {
			return err
		}
	}
	r.forgetOutside(key)
	return nil
}

// loseSource records that the current incarnation of a source outside is gone, and
// its sessions with it. seen is when it was last heard of, if that is known better
// here than in the book. It can be cut off anywhere and is done again then.
func (r *Registry) loseSource(ctx context.Context, source *projection.Source, seen events.Time) error {
	seen = max(seen, source.LastSeen)
	if source.State == projection.SourceRunning {
		err := r.append(ctx, one(0, &events.SourceLost{
			Source: source.Name, Incarnation: source.Incarnation, Cause: events.ReasonSourceLost, LastSeen: seen,
		}))
		if err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(r.state.KeyedOf(source.Name, source.Incarnation, projection.Live), settleChunk) {
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
		s, err := r.look(old.ID)
		if err != nil {
			return nil, err
		}
		e := change(s)
		d := draft{id: old.ID, phase: phaseOf(s), session: s}
		if d.take(e) == nil {
			entries = append(entries, entry(old.ID, e))
		}
	}
	return entries, nil
}

// comeBack recovers the sessions of a source that is heard of again after its lease
// ran out. That the source is there again the report records.
func (r *Registry) comeBack(ctx context.Context, source *projection.Source) error {
	if source.State != projection.SourceLost {
		return nil
	}
	lost, err := r.lostOf(source)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(lost, settleChunk) {
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
