package query

import (
	"errors"
	"sort"
	"time"

	"gatebook/events"
	"gatebook/projection"
)

// SessionAsOf returns the session as it was when the record of that sequence was the
// last: what a replay of the log up to it gives. [ErrNotFound] when it had not been
// opened by then, [ErrInvalid] for a sequence that the log has not reached.
func (r *Reader) SessionAsOf(id, sequence uint64) (projection.View, projection.Moment, error) {
	view, moment, err := r.Session(id)
	if err != nil {
		return view, moment, err
	}
	if sequence > moment.Sequence {
		return projection.View{}, moment, errBeyond(sequence, moment.Sequence)
	}
	if view, err = r.viewAsOf(view, sequence); err == nil && view.Session == nil {
		err = ErrNotFound
	}
	return view, moment, err
}

// viewAsOf returns what a session was as of a sequence: nothing when it had not been
// opened. It costs the session's records.
func (r *Reader) viewAsOf(v projection.View, sequence uint64) (projection.View, error) {
	if v.Version <= sequence {
		return projection.View{Session: v.Session}, nil
	}
	var records []events.Record
	for at := range v.Trail() {
		if at > sequence {
			break
		}
		record, err := r.Record(at)
		if err != nil {
			return projection.View{}, err
		}
		records = append(records, record)
	}
	then, err := projection.Replay(records)
	return projection.View{Session: then}, err
}

// RecordedAt returns when the record of a sequence was made. [ErrInvalid] for one that
// the log has not reached.
func (r *Reader) RecordedAt(sequence uint64) (time.Time, error) {
	record, err := r.Record(sequence)
	return record.Recorded.Time(), err
}

// SequenceAt returns the sequence of the last record made by then, 0 when there was none.
// It costs a few looks into the log.
func (r *Reader) SequenceAt(t time.Time) (uint64, error) {
	at := events.TimeOf(t)
	head, _ := r.state.Sequence()
	var failed error
	after := sort.Search(int(head), func(i int) bool {
		if failed != nil {
			return true
		}
		record, err := r.Record(uint64(i) + 1)
		failed = errors.Join(failed, err)
		return record.Recorded > at
	})
	return uint64(after), failed
}

// Gap is a time in which no registry ran. From is when the registry before it was last
// known to be alive, by its records, the zero time where there was none; To is when the
// first record after it was made.
type Gap struct {
	From, To time.Time
}

// GapAt returns the gap that a time lies in, and whether it lies in one: whether no
// registry ran then, as far as its records say. The record after a gap begins a run. A
// run begins with the records that mark a crash, or with the start of a source of the
// registry's own process while no other one ran.
func (r *Reader) GapAt(t time.Time) (Gap, bool, error) {
	at := events.TimeOf(t)
	sequence, err := r.SequenceAt(t)
	if err != nil {
		return Gap{}, false, err
	}
	if head, _ := r.state.Sequence(); sequence == head {
		return Gap{}, false, nil // this one runs
	}
	next, err := r.Record(sequence + 1)
	if err != nil {
		return Gap{}, false, err
	}
	var last events.Record
	if sequence > 0 {
		if last, err = r.Record(sequence); err != nil {
			return Gap{}, false, err
		}
	}
	from := max(last.Recorded, lastAlive(next.Event))
	return Gap{From: from.Time(), To: next.Recorded.Time()}, from <= at && begins(last.Event, next.Event), nil
}

// lastAlive returns when the registry before a crash was last known to be alive, by the
// first record after it; 0 where that does not say.
func lastAlive(next events.Event) events.Time {
	switch e := next.(type) {
	case *events.SessionLost:
		return e.LastSeen
	case *events.SourceLost:
		return e.LastSeen
	}
	return 0
}

// begins reports whether a run of a registry begins between two records.
func begins(last, next events.Event) bool {
	switch e := next.(type) {
	case *events.SourceStarted:
		if e.Lease != 0 {
			return false
		}
		_, stopped := last.(*events.SourceStopped)
		return last == nil || stopped
	case *events.SessionLost:
		return e.Cause == events.ReasonRegistryCrashed && !marksCrash(last)
	case *events.SourceLost:
		return e.Cause == events.ReasonRegistryCrashed && !marksCrash(last)
	}
	return last == nil
}

// marksCrash reports whether a record marks a crash: a session or a source that was lost by
// it.
func marksCrash(e events.Event) bool {
	switch e := e.(type) {
	case *events.SessionLost:
		return e.Cause == events.ReasonRegistryCrashed
	case *events.SourceLost:
		return e.Cause == events.ReasonRegistryCrashed
	}
	return false
}
