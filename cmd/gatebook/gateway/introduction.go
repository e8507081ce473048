package gateway

import (
	"context"
	"time"

	"gatebook/events"
)

// patience is how long a login takes before the book is told what dialling has
// brought. A quicker one takes it along in the list that says how it ended, which
// spares an append for nearly every session.
const patience = 250 * time.Millisecond

// introduction brings a session into the book while its login is under way: it
// records the opening at once, and the attempts to reach a server when the login
// takes its time.
type introduction struct {
	// named is closed when the opening was recorded, or refused tells why not.
	named   chan struct{}
	refused error

	// reached is closed when a server was reached. Until then, or until over is
	// closed, the session's goroutine adds to attempts.
	reached  chan struct{}
	attempts []events.Event

	// over is closed when the login is over.
	over chan struct{}

	// done is closed when the introduction is. If it has told of the attempts,
	// failed is what came of it.
	done   chan struct{}
	told   bool
	failed error
}

// introduce begins the introduction. Doing so again changes nothing.
func (s *session) introduce(ctx context.Context, kind events.SessionType) {
	if s.announced {
		return
	}
	in, e := s.prepared(), s.opened(kind)
	s.announced = true
	s.sessions.index.expect()
	go s.enter(ctx, in, e)
}

// prepared is the introduction, which may be yet to begin: until it does it
// collects attempts.
func (s *session) prepared() *introduction {
	if s.introduction == nil && !s.announced {
		s.introduction = &introduction{
			named:   make(chan struct{}),
			reached: make(chan struct{}),
			over:    make(chan struct{}),
			done:    make(chan struct{}),
		}
	}
	return s.introduction
}

// enter is the introduction's goroutine. It ends when the login is over.
func (s *session) enter(ctx context.Context, in *introduction, e events.SessionOpened) {
	defer close(in.done)
	in.refused = s.guard(func() error {
		id, err := s.open(ctx, e)
		s.id.Store(id)
		return err
	})
	_ = s.guard(func() error { s.name(); return nil })
	close(in.named)
	if in.refused != nil {
		if s.bestEffort() {
			s.sessions.missed(1, 0, in.refused)
		}
		return
	}
	if err := s.guard(func() error { s.tell(ctx, in); return nil }); err != nil {
		in.told, in.failed = true, err
	}
}

// name makes the session known by its id, which is 0 when the book has refused it. It
// stops a session whose end was asked for already.
func (s *session) name() {
	if s.sessions.index.assign(s, s.id.Load()) {
		s.stop(events.ReasonKilled)
	}
}

// tell records the attempts to reach a server of a login that takes its time.
func (s *session) tell(ctx context.Context, in *introduction) {
	select {
	case <-in.reached:
	case <-in.over:
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-timer.C:
		in.told = true
		in.failed = s.sessions.book.Record(ctx, s.id.Load(), in.attempts...)
	case <-in.over:
	}
}

// open records the opening. Where the client had to say something first, the time at
// which it was accepted is on the record.
func (s *session) open(ctx context.Context, e events.SessionOpened) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, recordPatience)
	defer cancel()
	if s.isProxied() || s.service.endsTLS() {
		return s.sessions.book.OpenSince(ctx, s.accepted, e)
	}
	return s.sessions.book.Open(ctx, e)
}

// attempted adds what dialling has brought.
func (s *session) attempted(e events.Event) {
	in := s.prepared()
	in.attempts = append(in.attempts, e)
}

// reached tells of the server that was reached, and of its own number for the
// connection, 0 when it is not known yet.
func (s *session) reached(serverID uint64) {
	s.attempted(s.connection(serverID))
	close(s.prepared().reached)
}

// named waits until the opening is durable, where the record comes first.
func (s *session) named() error {
	if s.bestEffort() {
		return nil
	}
	<-s.introduction.named
	return s.introduction.refused
}

// conclude ends the introduction, and returns the attempts it has not told of.
func (s *session) conclude() ([]events.Event, error) {
	in := s.introduction
	if in == nil || !s.announced {
		return nil, nil
	}
	s.introduction = nil
	close(in.over)
	<-in.done
	switch {
	case in.refused != nil:
		return nil, in.refused
	case in.told:
		return nil, in.failed
	}
	return in.attempts, nil
}

// ready records that the login succeeded. The connection is told of again when
// the server's own number for it has become known since.
func (s *session) ready(ctx context.Context, login events.SessionReady, serverID uint64) error {
	if s.bestEffort() {
		s.readyLater(ctx, login, serverID)
		return nil
	}
	list, err := s.conclude()
	if err != nil {
		return err
	}
	if serverID != 0 {
		list = append(withoutOpened(list), s.connection(serverID))
	}
	return s.sessions.book.Record(ctx, s.id.Load(), append(list, &login)...)
}

// withoutOpened leaves out the connection that is told of anew, if it is there: it
// is the last.
func withoutOpened(list []events.Event) []events.Event {
	if len(list) == 0 {
		return list
	}
	return list[:len(list)-1]
}

// connection is the event that tells of the backend connection.
func (s *session) connection(serverID uint64) events.Event {
	return &events.ConnectionOpened{Connection: s.number, Server: s.target.Name, ServerID: serverID}
}
