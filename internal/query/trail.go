package query

import (
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

// PendingKills returns the kill requests of a source's sessions that are still live, in
// ascending order of sequence.
func (r *Reader) PendingKills(source string) ([]events.Record, error) {
	var pending []events.Record
	for _, s := range r.state.LiveOf(source) {
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
