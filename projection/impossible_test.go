package projection_test

import (
	"errors"
	"testing"

	"gatebook/events"
	"gatebook/projection"
)

// TestImpossible applies a batch with a record that does not follow. It is refused, the
// records before it are applied, and nothing else changes: the right record is accepted
// after that.
func TestImpossible(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		record events.Record // its sequence is added to the next one
	}{
		{"gap in the sequence", events.Record{Sequence: 1, Event: &events.SourceSeen{Source: "gateway"}}},
		{"sequence again", events.Record{Sequence: ^uint64(0), Event: &events.SourceSeen{Source: "gateway"}}},
		{"opened twice", events.Record{Session: 1, Event: opened()}},
		{"opened again after it closed", events.Record{Session: 2, Event: opened()}},
		{"opened without an id", events.Record{Event: opened()}},
		{"never opened", events.Record{Session: 9, Event: &events.SessionReady{User: "jdoe"}}},
		{"no session", events.Record{Event: &events.SessionClosed{}}},
		{"connection of no session", events.Record{Session: 9, Event: &events.ConnectionOpened{Connection: 1, Server: "db-1"}}},
		{"stopped source that never was", events.Record{Event: &events.SourceStopped{Source: "edge"}}},
		{"lost source that never was", events.Record{Event: &events.SourceLost{Source: "edge"}}},
		{"seen source that never was", events.Record{Event: &events.SourceSeen{Source: "edge"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScenario(t)
			var m model
			record := func(id uint64, list ...events.Event) {
				t.Helper()
				for _, r := range s.records(id, list...) {
					m.apply(r)
				}
				s.record(id, list...)
			}
			record(0, &events.SourceStarted{Source: "gateway"})
			record(1, opened(), &events.ConnectionOpened{Connection: 1, Server: "db-1"})
			record(2, opened(), &events.SessionClosed{Reason: events.ReasonClientClosed})
			check(t, s.State, s.archive, &m)

			batch := s.records(1, &events.SessionReady{User: "ann"}, &events.SessionReady{User: "jdoe"}, &events.SessionReady{User: "bob"})
			sequence := batch[1].Sequence
			c.record.Sequence += sequence
			batch[1] = c.record
			if err := s.Apply(batch); !errors.Is(err, projection.ErrImpossible) {
				t.Errorf("error %v", err)
			}
			m.apply(batch[0])
			check(t, s.State, s.archive, &m)
			if err := s.Apply(batch[2:]); !errors.Is(err, projection.ErrImpossible) {
				t.Errorf("after a gap: error %v", err)
			}
			record(1, &events.SessionReady{User: "jdoe"})
			check(t, s.State, s.archive, &m)
		})
	}
}

// TestArchiveFails has the archive fail. The record is not impossible, and is applied
// when the archive can be read again.
func TestArchiveFails(t *testing.T) {
	t.Parallel()
	b := newFakeArchive()
	failing := false
	s := &scenario{t, projection.New(func(id uint64) (*projection.Session, error) {
		if failing {
			return nil, errAsked
		}
		return b.archive(id)
	}), b}
	s.record(1, opened(), &events.SessionLost{Cause: events.ReasonSourceLost})
	s.save()
	before := s.Moment()
	failing = true
	err := s.Apply(s.records(1, &events.SessionRecovered{}))
	if !errors.Is(err, errAsked) || errors.Is(err, projection.ErrImpossible) || s.Moment() != before {
		t.Errorf("error %v at %+v", err, s.Moment())
	}
	failing = false
	s.record(1, &events.SessionRecovered{})
	if v := s.session(1); v.Status != projection.Live {
		t.Errorf("session %+v", seen(v.Session))
	}
}

// TestNoArchive has no archive. A session that left memory is then unknown.
func TestNoArchive(t *testing.T) {
	t.Parallel()
	s := &scenario{t, projection.New(nil), newFakeArchive()}
	s.record(1, opened(), &events.SessionLost{Cause: events.ReasonSourceLost})
	s.record(1, &events.SessionRecovered{}, &events.SessionClosed{})
	s.save()
	if err := s.Apply(s.records(1, &events.SessionClosed{})); !errors.Is(err, projection.ErrImpossible) {
		t.Errorf("error %v", err)
	}
}
