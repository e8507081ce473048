package record

import (
	"errors"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
)

var (
	failed  = &events.ConnectionFailed{Connection: 1, Server: "db1", Cause: "connection refused"}
	reached = events.ConnectionOpened{Connection: 2, Server: "db2"}
	closed  = events.SessionClosed{Reason: events.ReasonClientClosed}
)

// dial opens a session which then reaches its second server.
func dial(t *testing.T, s *Session) {
	t.Helper()
	s.Open(t.Context(), time.Time{}, events.SessionOpened{Service: "front"})
	s.Attempted(failed)
	connection := reached
	s.Reached(&connection)
}

// TestOrder checks the order of a session's events, and that a quick login takes three
// appends.
func TestOrder(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, all *Sessions, r *stub) {
		s := all.New("front", r)
		dial(t, s)
		if err := s.WaitOpened(); err != nil {
			t.Fatal(err)
		}
		again := reached
		again.ServerID = 42
		if err := s.Ready(t.Context(), events.SessionReady{User: "jdoe"}, &again); err != nil {
			t.Fatal(err)
		}
		if err := s.Record(t.Context(), &events.SessionReady{User: "sue"}); err != nil {
			t.Fatal(err)
		}
		end := closed
		s.Close(t.Context(), &end, nil)
		r.mu.Lock()
		var got []events.Event
		for _, list := range r.lists {
			got = append(got, list...)
		}
		r.mu.Unlock()
		if len(got) != 6 {
			t.Fatalf("recorded %d events, want 6", len(got))
		}
		if c, ok := got[2].(*events.ConnectionOpened); !ok || c.ServerID != 42 {
			t.Errorf("the connection was recorded as %+v", got[2])
		}
		if e, ok := got[4].(*events.SessionReady); !ok || e.User != "sue" {
			t.Errorf("the change was recorded as %+v", got[4])
		}
		if want := map[bool]int{true: 1, false: 0}[all.BestEffort()]; r.recorded != want {
			t.Errorf("called Recorded %d times, want %d", r.recorded, want)
		}
		if len(r.opened) != 1 || r.opened[0] != 7 || s.ID() != 7 {
			t.Errorf("opened as %v, the id is %d", r.opened, s.ID())
		}
	})
}

// TestSlowLogin checks that the attempts of a login that takes long are recorded during
// the login, once.
func TestSlowLogin(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, all *Sessions, r *stub) {
		recorded := make(chan struct{})
		r.refuses = func(e events.Event) error {
			if e.Kind() == events.KindConnectionOpened {
				close(recorded)
			}
			return nil
		}
		s := all.New("front", r)
		dial(t, s)
		<-recorded
		if err := s.Ready(t.Context(), events.SessionReady{}, nil); err != nil {
			t.Fatal(err)
		}
		end := closed
		s.Close(t.Context(), &end, nil)
		r.want([]events.Kind{events.KindSessionOpened}, []events.Kind{events.KindConnectionFailed, events.KindConnectionOpened},
			[]events.Kind{events.KindSessionReady}, []events.Kind{events.KindSessionClosed})
	})
}

// TestRefusedOpening checks that strict mode returns why the opening was refused, and that
// best effort goes on and counts the session.
func TestRefusedOpening(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, all *Sessions, r *stub) {
		r.refuse(events.KindSessionOpened)
		s := all.New("front", r)
		dial(t, s)
		want := errFull
		if all.BestEffort() {
			want = nil
		}
		if err := s.WaitOpened(); !errors.Is(err, want) {
			t.Errorf("WaitOpened returned %v, want %v", err, want)
		}
		if err := s.Ready(t.Context(), events.SessionReady{}, nil); !errors.Is(err, want) {
			t.Errorf("Ready returned %v, want %v", err, want)
		}
		end := closed
		s.Close(t.Context(), &end, nil)
		r.want()
		sessions, lost := all.Missing()
		if wantSessions := map[bool]uint64{true: 1, false: 0}[all.BestEffort()]; sessions != wantSessions || lost != 0 {
			t.Errorf("missing %d sessions and %d events", sessions, lost)
		}
		if len(r.opened) != 1 || r.opened[0] != 0 || r.recorded != 0 {
			t.Errorf("opened as %v, recorded %d times", r.opened, r.recorded)
		}
	})
}

// TestEndWithoutConnection checks that the end of a session whose connection could not be
// recorded is recorded with the counters of its client alone.
func TestEndWithoutConnection(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, all *Sessions, r *stub) {
		r.refuses = func(e events.Event) error {
			switch e := e.(type) {
			case *events.ConnectionFailed:
				return errFull
			case *events.SessionClosed:
				if len(e.Finals) > 1 {
					return &gatebook.RefusedError{}
				}
			}
			return nil
		}
		s := all.New("front", r)
		dial(t, s)
		end := closed
		end.Finals = []events.Final{{Connection: 0}, {Connection: 2}}
		s.Close(t.Context(), &end, nil)
		r.want([]events.Kind{events.KindSessionOpened}, []events.Kind{events.KindSessionClosed})
		_, lost := all.Missing()
		if want := map[bool]uint64{true: 2, false: 0}[all.BestEffort()]; lost != want {
			t.Errorf("missing %d events, want %d", lost, want)
		}
	})
}

// TestPanics checks that a panic of the recorder is guarded wherever it happens, and that
// the end is recorded all the same.
func TestPanics(t *testing.T) {
	t.Parallel()
	for _, kind := range []events.Kind{events.KindSessionOpened, events.KindSessionClosed} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			modes(t, func(t *testing.T, all *Sessions, r *stub) {
				done := false
				r.refuses = func(e events.Event) error {
					if e.Kind() == kind && !done {
						done = true
						panic("boom")
					}
					return nil
				}
				s := all.New("front", r)
				s.Open(t.Context(), time.Time{}, events.SessionOpened{})
				end := closed
				s.Close(t.Context(), &end, nil)
				if r.caught != 1 {
					t.Errorf("%d panics were guarded, want one", r.caught)
				}
				if kind == events.KindSessionClosed {
					r.want([]events.Kind{events.KindSessionOpened}, []events.Kind{events.KindSessionClosed})
				}
			})
		})
	}
}

// TestAbort checks that Abort records the end of a session that did not get to Close, and
// counts one that did not get to Open.
func TestAbort(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, all *Sessions, r *stub) {
		s := all.New("front", r)
		dial(t, s)
		s.Abort(t.Context(), &events.SessionClosed{Reason: events.ReasonError})
		r.want([]events.Kind{events.KindSessionOpened}, []events.Kind{events.KindSessionClosed})
		all.New("front", r).Abort(t.Context(), &events.SessionClosed{Reason: events.ReasonError})
		sessions, _ := all.Missing()
		if want := map[bool]uint64{true: 1, false: 0}[all.BestEffort()]; sessions != want {
			t.Errorf("missing %d sessions, want %d", sessions, want)
		}
	})
}
