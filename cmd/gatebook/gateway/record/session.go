package record

import (
	"context"
	"errors"
	"time"

	"gatebook/events"
)

// Session records one session, from its opening to its end.
type Session struct {
	trail
	// begun: Open was called. opener is nil before the first attempt and after the login.
	begun  bool
	opener *opener
	// backlog are events that the session does not wait for.
	backlog backlog
	// ended: the end is on the record, or the recorder keeps it.
	ended bool
}

// New returns what records one session of a service. Nothing is recorded yet.
func (all *Sessions) New(service string, owner Owner) *Session {
	return &Session{trail: trail{all: all, owner: owner, service: service}}
}

// ID returns the session's id, 0 while it has none. Any goroutine may call it.
func (s *Session) ID() uint64 { return s.id.Load() }

// Begun reports whether Open was called.
func (s *Session) Begun() bool { return s.begun }

// Open begins to record the opening. It must be called once. connected is when the client
// connected, or the zero time where the time of the recording is to stand for it. ctx ends
// what is recorded during the login.
func (s *Session) Open(ctx context.Context, connected time.Time, e events.SessionOpened) {
	o := s.prepared()
	s.begun = true
	s.owner.ExpectID()
	go o.run(ctx, &s.trail, connected, e)
}

// prepared returns the opener. Until Open is called it collects attempts.
func (s *Session) prepared() *opener {
	if s.opener == nil && !s.begun {
		s.opener = newOpener()
	}
	return s.opener
}

// Attempted adds an attempt to reach a server that failed.
func (s *Session) Attempted(e *events.ConnectionFailed) { s.attempted(e) }

// Reached adds the connection to the server that was reached. It ends the attempts.
func (s *Session) Reached(e *events.ConnectionOpened) {
	s.attempted(e)
	close(s.prepared().reached)
}

// attempted adds an attempt.
func (s *Session) attempted(e events.Event) {
	o := s.prepared()
	o.attempts = append(o.attempts, e)
}

// WaitOpened blocks until the opening is durable, and returns why it is not. With best
// effort it returns nil at once. It is called after Open and before the login is over.
func (s *Session) WaitOpened() error {
	if s.all.bestEffort {
		return nil
	}
	<-s.opener.opened
	return s.opener.refused
}

// conclude ends the opener, and returns the attempts that are not recorded.
func (s *Session) conclude() ([]events.Event, error) {
	o := s.opener
	if o == nil || !s.begun {
		return nil, nil
	}
	s.opener = nil
	return o.conclude()
}

// Ready records that the login succeeded. again is the connection to the server if the
// server's id for it has become known since [Session.Reached], and nil otherwise.
func (s *Session) Ready(ctx context.Context, login events.SessionReady, again *events.ConnectionOpened) error {
	if s.all.bestEffort {
		s.readyLater(ctx, login, again)
		return nil
	}
	list, err := s.conclude()
	if err != nil {
		return err
	}
	return s.record(ctx, append(withConnection(list, again), &login)...)
}

// withConnection returns attempts that end with the connection as it is known now.
func withConnection(attempts []events.Event, again *events.ConnectionOpened) []events.Event {
	if again == nil {
		return attempts
	}
	if len(attempts) > 0 { // the last one is the connection
		attempts = attempts[:len(attempts)-1]
	}
	return append(attempts, again)
}

// readyLater records that the login succeeded when the opening is recorded, and does not
// wait for it.
func (s *Session) readyLater(ctx context.Context, login events.SessionReady, again *events.ConnectionOpened) {
	o := s.opener
	s.opener = nil
	close(o.over)
	attempts := o.attempts
	s.backlog.start() // the first: what Record adds comes after it
	go s.recordBacklog(ctx, func() {
		<-o.done
		if o.recorded {
			attempts = nil
		}
		s.recordOrMiss(ctx, append(withConnection(attempts, again), &login))
		if s.ID() != 0 {
			s.owner.Recorded()
		}
	})
}

// Record records an event of an established session. With best effort it does not wait
// for that.
func (s *Session) Record(ctx context.Context, e events.Event) error {
	if !s.all.bestEffort {
		return s.record(ctx, e)
	}
	start, lost := s.backlog.add(e)
	if lost { // counted also when the session itself turns out to be missing
		s.all.Missed(0, 1, errBehind)
	}
	if start {
		go s.recordBacklog(ctx, func() {})
	}
	return nil
}

// recordBacklog calls first and records the backlog, in a goroutine of its own that ends
// when nothing is left. Events that have come meanwhile are recorded as one list, so that the end of the
// session, which comes after it, waits for two appends at most.
func (s *Session) recordBacklog(ctx context.Context, first func()) {
	_ = s.owner.Guard(func() error { first(); return nil })
	for list := s.backlog.take(); list != nil; list = s.backlog.take() {
		s.recordOrMiss(ctx, list)
	}
}

// Close records the end of the session after all that came before. failure is why the
// session could not be recorded, if that is why it ends; nil otherwise.
func (s *Session) Close(ctx context.Context, e *events.SessionClosed, failure error) {
	list, err := s.conclude()
	s.backlog.wait()
	if failure == nil && !s.all.bestEffort {
		failure = err
	}
	if failure != nil {
		s.report(failure)
	}
	s.end(ctx, list, e)
}

// end records the end, unless the session is not on the record.
func (s *Session) end(ctx context.Context, attempts []events.Event, e *events.SessionClosed) {
	if s.ID() != 0 {
		s.ended = s.trail.end(ctx, attempts, e)
	}
}

// Abort does what is left to do of Close where that, or what comes before it, has
// panicked. Each step is guarded by itself.
func (s *Session) Abort(ctx context.Context, e *events.SessionClosed) {
	for _, step := range []func(){
		func() { _, _ = s.conclude() },
		s.backlog.wait,
		func() {
			if !s.begun && s.all.bestEffort {
				s.all.Missed(1, 0, errors.New("the session could not be opened"))
			}
			if !s.ended {
				s.end(ctx, nil, e)
			}
		},
	} {
		_ = s.owner.Guard(func() error { step(); return nil })
	}
}
