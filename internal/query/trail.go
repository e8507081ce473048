package query

import (
	"context"
	"fmt"
	"slices"

	"gatebook/events"
	"gatebook/projection"
)

// Trail reads the records of a session, each at most once. It is for one goroutine.
type Trail struct {
	reader    *Reader
	session   *projection.Session
	sequences []uint64
	records   []*events.Record // beside sequences; nil while not read
}

// Trail returns the trail of a session; that of nil is empty.
func (r *Reader) Trail(s *projection.Session) *Trail { return &Trail{reader: r, session: s} }

// Len returns how many records there are.
func (t *Trail) Len() int {
	if t.sequences == nil && t.session != nil {
		t.sequences = slices.Collect(t.session.Trail())
		t.records = make([]*events.Record, len(t.sequences))
	}
	return len(t.sequences)
}

// Record returns the i-th record, from 0, oldest first. It must not be changed.
func (t *Trail) Record(i int) (*events.Record, error) {
	if i < t.Len() && t.records[i] != nil {
		return t.records[i], nil
	}
	record, err := t.reader.Record(t.sequences[i])
	if err != nil {
		return nil, fmt.Errorf("session %d: %w", t.session.ID, err)
	}
	t.records[i] = &record
	return t.records[i], nil
}

// MayReturn reports whether a lost session is recovered when its source reports again: the
// source is lost, and no other run of it has begun.
func (r *Reader) MayReturn(s *projection.Session) bool {
	if s.Status != projection.Lost || s.Ending().Reason != events.ReasonSourceLost {
		return false
	}
	source, _ := r.state.Source(s.Origin().Source)
	return source != nil && source.Lease != 0 && source.State == projection.SourceLost && source.Incarnation == s.Incarnation()
}

// mayReturn returns the lost sessions of a source that are recovered when it reports again.
func (r *Reader) mayReturn(name string) ([]*projection.Session, error) {
	source, _ := r.state.Source(name)
	if source == nil || source.Lease == 0 || source.State != projection.SourceLost {
		return nil, nil
	}
	l, err := r.Sessions(context.Background(), projection.Query{
		Lost: true, Filter: projection.Filter{Sources: []string{name}, Reasons: []events.Reason{events.ReasonSourceLost}},
		After: source.First - min(source.First, 1),
	})
	if err != nil {
		return nil, err
	}
	var all []*projection.Session
	for v, err := range l.All() {
		if err != nil {
			return nil, err
		}
		if r.MayReturn(v.Session) {
			all = append(all, v.Session)
		}
	}
	return all, nil
}

// PendingKills returns the kill requests of a source's sessions that are still live, or lost
// and may return, in ascending order of sequence.
func (r *Reader) PendingKills(source string) ([]events.Record, error) {
	lost, err := r.mayReturn(source)
	if err != nil {
		return nil, fmt.Errorf("find a pending kill: %w", err)
	}
	var pending []events.Record
	for _, s := range append(r.state.LiveOf(source), lost...) {
		if s.Stage != projection.Stopping {
			continue
		}
		t := r.Trail(s)
		for i := t.Len() - 1; i >= 0; i-- {
			record, err := t.Record(i)
			if err != nil {
				return nil, fmt.Errorf("find a pending kill: %w", err)
			}
			if record.Event.Kind() == events.KindKillRequested {
				pending = append(pending, *record)
				break
			}
		}
	}
	slices.SortFunc(pending, bySequence)
	return pending, nil
}
