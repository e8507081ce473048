package projection_test

import (
	"bytes"
	"fmt"
	"testing"

	"gatebook/events"
	"gatebook/projection"
)

// reads returns a sample of a connection with n reads, the last one at active.
func reads(session uint64, number uint32, n uint64, active events.Time) projection.Sample {
	return projection.Sample{Session: session, Connection: number, Counters: events.Counters{Reads: n}, Active: active}
}

// wantCounters fails unless the newest counters of a connection are these.
func (s *scenario) wantCounters(number uint32, n uint64, active events.Time) {
	s.Helper()
	if c, at := s.session(1).Current(number); c.Reads != n || at != active {
		s.Errorf("connection %d has %d reads, active %d; want %d, %d", number, c.Reads, at, n, active)
	}
}

// TestObserve observes sessions. Readers see it, and nothing that is saved changes.
func TestObserve(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.record(1, opened(), &events.ConnectionOpened{Connection: 1, Server: "db-1"})
	s.save()
	before, moment := s.session(1).AppendTo(nil), s.Moment()
	s.wantCounters(0, 0, 0)
	equal(t, "last active", s.session(1).LastActive(), at(1))

	s.Observe([]projection.Sample{reads(1, 0, 5, at(3)), reads(1, 1, 6, at(4)), reads(2, 0, 7, at(5))}, 1)
	first := s.session(1)
	s.Observe([]projection.Sample{reads(1, 1, 8, at(5))}, 1)
	s.wantCounters(0, 5, at(3))
	s.wantCounters(1, 8, at(5))
	s.wantCounters(2, 0, 0)
	equal(t, "last active", s.session(1).LastActive(), at(3))
	equal(t, "observed", first.Observed.Count, 2)
	equal(t, "observed", first.Observed.Finals, []events.Final{
		{Connection: 0, Counters: events.Counters{Reads: 5}, Active: at(3)},
		{Connection: 1, Counters: events.Counters{Reads: 6}, Active: at(4)},
	})
	equal(t, "count", s.session(1).Observed.Count, 3)

	moment.Observations = 2
	equal(t, "moment", s.Moment(), moment)
	if after := s.session(1).AppendTo(nil); !bytes.Equal(after, before) {
		t.Errorf("the row became %x, was %x", after, before)
	}
	if rows := s.State.Checkpoint().Rows(); len(rows) != 1 || rows[0].Table != projection.TableTotals {
		t.Errorf("observing makes rows %v", rows)
	}
	s.record(2, opened())
	if v := s.session(2); v.Observed != nil {
		t.Errorf("observed before it was opened: %+v", v.Observed)
	}
}

// TestNewestCounters mixes observations and records. The newest counters count.
func TestNewestCounters(t *testing.T) {
	t.Parallel()
	record := func(n uint64, number uint32, active events.Time) events.Event {
		return &events.StatisticsRecorded{Final: events.Final{Connection: number, Counters: events.Counters{Reads: n}, Active: active}}
	}
	for _, number := range []uint32{0, 1} {
		// Records do not have the time of the last read from a server.
		recorded := func(active events.Time) events.Time {
			if number == 0 {
				return active
			}
			return 0
		}
		s := newScenario(t)
		s.record(1, opened(), &events.ConnectionOpened{Connection: 1, Server: "db-1"}, &events.ConnectionOpened{Connection: 2, Server: "db-1"})
		s.Observe([]projection.Sample{reads(1, number, 5, 10), reads(1, 2, 99, 99)}, 1)
		held := hold(*s.session(1))
		s.record(1, record(4, number, 9))
		s.wantCounters(number, 5, 10)
		s.record(1, record(6, number, 11))
		s.wantCounters(number, 6, recorded(11))
		s.Observe([]projection.Sample{reads(1, number, 7, 12)}, 1)
		s.wantCounters(number, 7, 12)
		s.record(1, record(8, number, 12))
		s.wantCounters(number, 8, recorded(12))
		s.Observe([]projection.Sample{reads(1, number, 9, 12)}, 1)
		s.wantCounters(number, 9, 12)
		s.wantCounters(2, 99, 99)
		equal(t, "count", s.session(1).Observed.Count, 4)
		equal(t, "what a reader holds", hold(held.view), held)
	}
}

// TestObservationOfConnection closes a connection, which then has its final counters,
// and uses its number again, which starts anew.
func TestObservationOfConnection(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.record(1, opened(), &events.ConnectionOpened{Connection: 1, Server: "db-1"})
	s.Observe([]projection.Sample{reads(1, 0, 1, 1), reads(1, 1, 5, 10)}, 1)
	s.record(1, &events.ConnectionOpened{Connection: 1, Server: "db-1", ServerID: 9})
	s.wantCounters(1, 5, 10)
	s.record(1, &events.ConnectionClosed{Reason: events.ReasonServerClosed, Final: events.Final{Connection: 1, Counters: events.Counters{Reads: 6}}})
	s.wantCounters(1, 6, 0)
	s.Observe([]projection.Sample{reads(1, 1, 5, 10)}, 1) // late
	s.wantCounters(1, 6, 0)
	s.record(1, &events.ConnectionOpened{Connection: 1, Server: "db-2"})
	s.wantCounters(1, 0, 0)
	s.wantCounters(0, 1, 1)
	s.Observe([]projection.Sample{reads(1, 1, 2, 3)}, 1)
	s.wantCounters(1, 2, 3)
	equal(t, "count", s.session(1).Observed.Count, 4)
}

// TestObservationEnds ends a session, which ends its observation, also when the session
// recovers.
func TestObservationEnds(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.record(1, opened())
	s.Observe([]projection.Sample{reads(1, 0, 5, 10)}, 1)
	s.record(1, &events.SessionLost{Cause: events.ReasonSourceLost})
	s.Observe([]projection.Sample{reads(1, 0, 6, 11)}, 1)
	s.wantCounters(0, 0, 0)
	s.record(1, &events.SessionRecovered{})
	s.wantCounters(0, 0, 0)
	s.Observe([]projection.Sample{reads(1, 0, 7, 12)}, 1)
	equal(t, "count", s.session(1).Observed.Count, 1)
	s.record(1, &events.SessionClosed{Finals: []events.Final{{Counters: events.Counters{Reads: 8}, Active: 11}}})
	s.wantCounters(0, 8, 11)
	if v := s.session(1); v.Observed != nil {
		t.Errorf("observed after its end: %+v", v.Observed)
	}
	c, err := s.Copy(projection.Selection{Closed: true}, func() error { return nil })
	if err != nil || len(endedOf(t, c, projection.EndedWalk{})) != 1 {
		t.Errorf("copied %+v, error %v", c, err)
	}
}

// Rates are those of the last two observations of the client's connection: not of the
// servers', not where a counter fell, and zero once nothing was observed for a while.
func TestRates(t *testing.T) {
	s := projection.New(nil)
	mustApply(t, s, []events.Record{{Sequence: 1, Session: 1, Event: &events.SessionOpened{Service: "a"}}})
	const second = 1_000_000
	observe := func(at events.Time, connection uint32, c events.Counters) {
		s.Observe([]projection.Sample{{Session: 1, Connection: connection, Counters: c, Active: at}}, at)
	}
	rates := func(now events.Time) string {
		v, _, err := s.Session(1, func() error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		r, known := v.Observed.Rates(now)
		return fmt.Sprint(r.Reads, r.Writes, r.BytesRead, r.BytesWritten, known)
	}
	observe(10*second, 0, events.Counters{Reads: 100, BytesRead: 1000})
	if got := rates(10 * second); got != "0 0 0 0 false" {
		t.Errorf("after one observation: %s", got)
	}
	observe(12*second, 0, events.Counters{Reads: 120, Writes: 5, BytesRead: 4000, BytesWritten: 1})
	observe(13*second, 1, events.Counters{Reads: 9999})
	for now, want := range map[events.Time]string{
		12: "10 2.5 1500 0.5 true", 16: "10 2.5 1500 0.5 true", 17: "0 0 0 0 true",
	} {
		if got := rates(now * second); got != want {
			t.Errorf("at second %d: %s, want %s", now, got, want)
		}
	}
	observe(20*second, 0, events.Counters{Reads: 3, Writes: 13, BytesRead: 4000, BytesWritten: 9})
	if got := rates(20 * second); got != "0 1 0 1 true" {
		t.Errorf("after a counter fell: %s", got)
	}
	observe(20*second, 0, events.Counters{Reads: 4})
	if got := rates(20 * second); got != "0 0 0 0 false" {
		t.Errorf("observed twice at one time: %s", got)
	}
}

// What a session is doing is what its source observed last.
func TestActivity(t *testing.T) {
	s := projection.New(nil)
	mustApply(t, s, []events.Record{{Sequence: 1, Session: 1, Event: &events.SessionOpened{Service: "a"}}})
	for _, c := range []struct {
		sample projection.Sample
		want   string
	}{
		{projection.Sample{Session: 1}, " 0"},
		{projection.Sample{Session: 1, Activity: projection.ActivityWaiting, ActivitySince: 7}, "waiting 7"},
		{projection.Sample{Session: 1, Connection: 1, Activity: projection.ActivityIdle, ActivitySince: 8}, "waiting 7"},
		{projection.Sample{Session: 1}, "waiting 7"},
		{projection.Sample{Session: 1, Activity: projection.ActivityIdle, ActivitySince: 9}, "idle 9"},
	} {
		s.Observe([]projection.Sample{c.sample}, 1)
		v, _, err := s.Session(1, func() error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(v.Observed.Activity, " ", int64(v.Observed.ActivitySince)); got != c.want {
			t.Errorf("after %+v: %q, want %q", c.sample, got, c.want)
		}
	}
}

func mustApply(t *testing.T, s *projection.State, batch []events.Record) {
	t.Helper()
	if err := s.Apply(batch); err != nil {
		t.Fatal(err)
	}
}
