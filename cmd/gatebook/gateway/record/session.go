package record

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"gatebook"
	"gatebook/cmd/gatebook/gateway/panics"
	"gatebook/events"
)

// Owner is the session that a [Session] records. Any goroutine may call its methods.
type Owner interface {
	// Guard calls f and returns its error. A panic in f ends the session, and is returned
	// as a [*panics.Error].
	Guard(f func() error) error
	// ExpectID is called before the opening is given to the recorder.
	ExpectID()
	// AssignID is called when the opening was recorded under id. The id is 0 when it was
	// not.
	AssignID(id uint64)
	// Recorded is called, with best effort alone, when session_ready was recorded or
	// counted as missing. From then on counters of the session can be recorded.
	Recorded()
}

// Session records one session, from its opening to its end.
type Session struct {
	all     *Sessions
	owner   Owner
	service string
	// id is 0 until the opening is recorded, and never changes afterwards.
	id atomic.Uint64
	// begun: Open was called. opener is nil before the first attempt and after the login.
	begun  bool
	opener *opener
	// backlog are events that the session does not wait for.
	backlog backlog
	// ended: the end is on the record, or the recorder keeps it.
	ended bool
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
	go o.run(ctx, s, connected, e)
}

// prepared returns the opener. Until Open is called it collects attempts.
func (s *Session) prepared() *opener {
	if s.opener == nil && !s.begun {
		s.opener = newOpener()
	}
	return s.opener
}

// patience is how long an append waits for its turn while the log keeps others waiting.
// Without a limit sessions that have ended long ago would pile up behind a disk that hangs.
const patience = 10 * time.Second

// open records the opening.
func (s *Session) open(ctx context.Context, connected time.Time, e events.SessionOpened) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	id, err := s.all.recorder.OpenSince(ctx, connected, e)
	s.id.Store(id)
	return err
}

// Attempted adds an attempt to reach a server that failed.
func (s *Session) Attempted(e *events.ConnectionFailed) { s.attempted(e) }

// Reached adds the connection to the server that was reached. It ends the attempts.
func (s *Session) Reached(e *events.ConnectionOpened) {
	s.attempted(e)
	close(s.prepared().reached)
}

func (s *Session) attempted(e events.Event) {
	o := s.prepared()
	o.attempts = append(o.attempts, e)
}

// WaitOpened blocks until the opening is durable, and returns why it is not. With best
// effort it returns nil at once.
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
	return s.all.recorder.Record(ctx, s.id.Load(), append(withConnection(list, again), &login)...)
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
		if s.id.Load() != 0 {
			s.owner.Recorded()
		}
	})
}

// Record records an event of an established session. With best effort it does not wait
// for that.
func (s *Session) Record(ctx context.Context, e events.Event) error {
	if !s.all.bestEffort {
		return s.all.recorder.Record(ctx, s.id.Load(), e)
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

// recordBacklog is the goroutine that records the backlog, after first. It ends when
// nothing is left. What has come meanwhile is recorded as one list, so that the end of the
// session, which comes after it, waits for two appends at most.
func (s *Session) recordBacklog(ctx context.Context, first func()) {
	_ = s.owner.Guard(func() error { first(); return nil })
	for list := s.backlog.take(); list != nil; list = s.backlog.take() {
		s.recordOrMiss(ctx, list)
	}
}

// recordOrMiss records events, or counts them as missing. Either way the session goes on,
// unless the recorder panics.
func (s *Session) recordOrMiss(ctx context.Context, list []events.Event) {
	if s.id.Load() == 0 {
		return // the session is counted, and all of it is missing
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := s.record(ctx, list...); err != nil {
		s.all.Missed(0, uint64(len(list)), err)
	}
}

// record records events. A panic of the recorder ends the session and is returned.
func (s *Session) record(ctx context.Context, list ...events.Event) error {
	return s.owner.Guard(func() error { return s.all.recorder.Record(ctx, s.id.Load(), list...) })
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

// end records the end of the session together with the attempts that are not recorded yet.
// Where these are refused it records the end alone.
func (s *Session) end(ctx context.Context, attempts []events.Event, e *events.SessionClosed) {
	if s.id.Load() == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if len(attempts) > 0 {
		err := s.record(ctx, append(attempts, e)...)
		if err == nil {
			s.ended = true
			return
		}
		if s.all.bestEffort {
			s.all.Missed(0, uint64(len(attempts)), err)
		}
	}
	err := s.recordEnd(ctx, e)
	if _, panicked := errors.AsType[*panics.Error](err); panicked { // which says nothing about the next time
		err = s.recordEnd(ctx, e)
	}
	s.ended = err == nil
	if err != nil {
		s.report(err)
		if s.all.bestEffort {
			s.all.Missed(0, 1, err)
		}
	}
}

// recordEnd has the recorder record or keep the end. The recorder refuses the counters of a
// connection whose opening could not be recorded: then the client's alone are recorded. A
// panic of the recorder is returned as an error.
func (s *Session) recordEnd(ctx context.Context, e *events.SessionClosed) error {
	return s.owner.Guard(func() error {
		_, err := s.all.recorder.End(ctx, s.id.Load(), *e)
		if _, refused := errors.AsType[*gatebook.RefusedError](err); refused && len(e.Finals) > 1 {
			clientOnly := *e
			clientOnly.Finals = e.Finals[:1]
			_, err = s.all.recorder.End(ctx, s.id.Load(), clientOnly)
		}
		return err
	})
}

// report logs why the session could not be recorded.
func (s *Session) report(err error) { s.all.report(s.service, s.id.Load(), err) }
