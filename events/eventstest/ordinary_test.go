package eventstest_test

import (
	"maps"
	"reflect"
	"testing"

	"gatebook/events"
	"gatebook/events/eventstest"
)

// TestOrdinaryIsWhatItSays counts the events of the sessions that have ended.
func TestOrdinaryIsWhatItSays(t *testing.T) {
	t.Parallel()
	const total = 100_000
	want := map[events.Kind]int{
		events.KindSessionOpened: 1, events.KindSessionReady: 1, events.KindConnectionOpened: 1,
		events.KindStatisticsRecorded: 6, events.KindSessionClosed: 1,
	}
	sessions := make(map[uint64]map[events.Kind]int)
	last := make(map[uint64]events.Counters)
	n, ended, opened := 0, 0, uint64(0)
	for r := range eventstest.Ordinary(1) {
		if sessions[r.Session] == nil {
			if opened++; r.Session != opened || r.Event.Kind() != events.KindSessionOpened {
				t.Fatalf("session %d begins with %s, want session %d and its opening", r.Session, r.Event.Kind(), opened)
			}
			sessions[r.Session] = make(map[events.Kind]int)
		}
		sessions[r.Session][r.Event.Kind()]++
		switch e := r.Event.(type) {
		case *events.StatisticsRecorded:
			key := r.Session<<1 | uint64(e.Connection)
			if e.Counters.BytesRead <= last[key].BytesRead {
				t.Fatalf("session %d: the counters do not grow: %+v after %+v", r.Session, e.Counters, last[key])
			}
			last[key] = e.Counters
		case *events.SessionClosed:
			if ended++; len(e.Finals) != 2 || !maps.Equal(sessions[r.Session], want) {
				t.Fatalf("session %d ended with %d finals and had %v, want 2 and %v", r.Session, len(e.Finals), sessions[r.Session], want)
			}
		}
		if n++; n == total {
			break
		}
	}
	if ended < total/eventstest.OrdinaryRecords*9/10 {
		t.Errorf("only %d sessions have ended in %d records", ended, total)
	}
}

// TestOrdinaryIsTheSameEachTime makes the mix twice, so that measurements are
// comparable.
func TestOrdinaryIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	first := func(seed uint64) (records []events.Record) {
		for r := range eventstest.Ordinary(seed) {
			if records = append(records, r); len(records) == 5000 {
				break
			}
		}
		return records
	}
	if !reflect.DeepEqual(first(1), first(1)) {
		t.Error("the same seed gave other records")
	}
	if reflect.DeepEqual(first(1), first(2)) {
		t.Error("another seed gave the same records")
	}
}

// TestEventsCanBeChosenAgain makes an event twice with the same choices.
func TestEventsCanBeChosenAgain(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		one, two := eventstest.Record(eventstest.Random(seed)), eventstest.Record(eventstest.Random(seed))
		if !reflect.DeepEqual(one, two) {
			t.Errorf("seed %d: %+v and %+v", seed, one, two)
		}
	}
	simplest := eventstest.Record(func(int) int { return 0 })
	if want := (events.Record{Event: events.New(events.Kinds()[0])}); !reflect.DeepEqual(simplest, want) {
		t.Errorf("the simplest record is %+v, want %+v", simplest, want)
	}
}
