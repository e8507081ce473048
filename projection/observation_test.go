package projection_test

import (
	"bytes"
	"testing"

	"gatebook/events"
	"gatebook/projection"
)

// reads is a sample of a connection that was read from so often, until then.
func reads(session uint64, number uint32, n uint64, active events.Time) projection.Sample {
	return projection.Sample{Session: session, Connection: number, Counters: events.Counters{Reads: n}, Active: active}
}

// sees fails when the newest counters of a connection are others.
func (s *story) sees(number uint32, n uint64, active events.Time) {
	s.Helper()
	if c, at := s.session(1).Current(number); c.Reads != n || at != active {
		s.Errorf("connection %d has %d reads, active %d; want %d, %d", number, c.Reads, at, n, active)
	}
}

// What is observed is shown, counted, and in nothing that is kept.
func TestObserve(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.happens(1, opened(), &events.ConnectionOpened{Connection: 1, Server: "db-1"})
	s.saves()
	before, moment := s.session(1).AppendTo(nil), s.Moment()
	s.sees(0, 0, 0)
	equal(t, "last active", s.session(1).LastActive(), at(1))

	s.Observe([]projection.Sample{reads(1, 0, 5, at(3)), reads(1, 1, 6, at(4)), reads(2, 0, 7, at(5))})
	first := s.session(1)
	s.Observe([]projection.Sample{reads(1, 1, 8, at(5))})
	s.sees(0, 5, at(3))
	s.sees(1, 8, at(5))
	s.sees(2, 0, 0)
	equal(t, "last active", s.session(1).LastActive(), at(3))
	equal(t, "observed", *first.Observed, projection.Observation{Count: 2, Finals: []events.Final{
		{Connection: 0, Counters: events.Counters{Reads: 5}, Active: at(3)},
		{Connection: 1, Counters: events.Counters{Reads: 6}, Active: at(4)},
	}})
	equal(t, "count", s.session(1).Observed.Count, 3)

	moment.Observations = 2
	equal(t, "moment", s.Moment(), moment)
	if after := s.session(1).AppendTo(nil); !bytes.Equal(after, before) {
		t.Errorf("the row became %x, was %x", after, before)
	}
	if rows := s.State.Checkpoint().Rows(); len(rows) != 1 || rows[0].Table != projection.TableTotals {
		t.Errorf("observing makes rows %v", rows)
	}
	s.happens(2, opened())
	if v := s.session(2); v.Observed != nil {
		t.Errorf("observed before it was opened: %+v", v.Observed)
	}
}

// Of an observation and a record, the newest counters win.
func TestNewestCounters(t *testing.T) {
	t.Parallel()
	record := func(n uint64, number uint32, active events.Time) events.Event {
		return &events.StatisticsRecorded{Final: events.Final{Connection: number, Counters: events.Counters{Reads: n}, Active: active}}
	}
	for _, number := range []uint32{0, 1} {
		// Of a server's connection no record keeps when it was read from.
		recorded := func(active events.Time) events.Time {
			if number == 0 {
				return active
			}
			return 0
		}
		s := tell(t)
		s.happens(1, opened(), &events.ConnectionOpened{Connection: 1, Server: "db-1"}, &events.ConnectionOpened{Connection: 2, Server: "db-1"})
		s.Observe([]projection.Sample{reads(1, number, 5, 10), reads(1, 2, 99, 99)})
		held := hold(*s.session(1))
		s.happens(1, record(4, number, 9))
		s.sees(number, 5, 10)
		s.happens(1, record(6, number, 11))
		s.sees(number, 6, recorded(11))
		s.Observe([]projection.Sample{reads(1, number, 7, 12)})
		s.sees(number, 7, 12)
		s.happens(1, record(8, number, 12))
		s.sees(number, 8, recorded(12))
		s.Observe([]projection.Sample{reads(1, number, 9, 12)})
		s.sees(number, 9, 12)
		s.sees(2, 99, 99)
		equal(t, "count", s.session(1).Observed.Count, 4)
		equal(t, "what a reader holds", hold(held.view), held)
	}
}

// A connection that closed has its final counters, and one that takes its number
// begins anew.
func TestObservationOfConnection(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.happens(1, opened(), &events.ConnectionOpened{Connection: 1, Server: "db-1"})
	s.Observe([]projection.Sample{reads(1, 0, 1, 1), reads(1, 1, 5, 10)})
	s.happens(1, &events.ConnectionOpened{Connection: 1, Server: "db-1", ServerID: 9})
	s.sees(1, 5, 10)
	s.happens(1, &events.ConnectionClosed{Reason: events.ReasonServerClosed, Final: events.Final{Connection: 1, Counters: events.Counters{Reads: 6}}})
	s.sees(1, 6, 0)
	s.Observe([]projection.Sample{reads(1, 1, 5, 10)}) // late
	s.sees(1, 6, 0)
	s.happens(1, &events.ConnectionOpened{Connection: 1, Server: "db-2"})
	s.sees(1, 0, 0)
	s.sees(0, 1, 1)
	s.Observe([]projection.Sample{reads(1, 1, 2, 3)})
	s.sees(1, 2, 3)
	equal(t, "count", s.session(1).Observed.Count, 4)
}

// What was observed is gone with the session, and does not come back with it.
func TestObservationEnds(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.happens(1, opened())
	s.Observe([]projection.Sample{reads(1, 0, 5, 10)})
	s.happens(1, &events.SessionLost{Cause: events.ReasonSourceLost})
	s.Observe([]projection.Sample{reads(1, 0, 6, 11)})
	s.sees(0, 0, 0)
	s.happens(1, &events.SessionRecovered{})
	s.sees(0, 0, 0)
	s.Observe([]projection.Sample{reads(1, 0, 7, 12)})
	equal(t, "count", s.session(1).Observed.Count, 1)
	s.happens(1, &events.SessionClosed{Finals: []events.Final{{Counters: events.Counters{Reads: 8}, Active: 11}}})
	s.sees(0, 8, 11)
	if v := s.session(1); v.Observed != nil {
		t.Errorf("observed after its end: %+v", v.Observed)
	}
	c, err := s.Copy(projection.Selection{Closed: true}, func() error { return nil })
	if err != nil || len(c.Ended) != 1 || c.Ended[0].Observed != nil {
		t.Errorf("copied %+v, error %v", c, err)
	}
}
