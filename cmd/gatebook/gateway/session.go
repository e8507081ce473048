package gateway

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/panics"
	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// session is one client's connection, from its acceptance to the record of its
// end. Where nothing else is said a field belongs to the session's goroutine.
type session struct {
	gateway  *Gateway
	service  *service
	listener string
	client   *relay.Conn
	// accepted is when the client was.
	accepted time.Time

	// origin is where the client is and arrived the address it connected to, by a
	// proxy's word; the zero values mean the socket's own.
	origin, arrived netip.AddrPort
	// presented is the certificate the client was shown, in DER.
	presented []byte

	// announced: the introduction has begun. It sets id, which never changes
	// afterwards, and is nil again when the login is over.
	announced    bool
	introduction *introduction
	id           uint64
	// tried is what a login that is not over asks for.
	tried events.SessionReady
	// number is that of the connection to target, or of the latest attempt. Both
	// stay as they are when the login is over.
	number uint32
	target *upstream
	// key cancels what the server is doing; empty unless it is PostgreSQL's.
	key postgres.Key
	// follower follows what the client sends, heard what the server does; nil when
	// there is nothing to see.
	follower follower
	heard    frames

	// admitted: the session counts toward its service's limit. counted: it counts
	// among the connections of target.
	admitted, counted bool
	// timer limits the login, nil before there was one.
	timer *loginTimer
	// backlog is what is to be recorded and nobody waits for.
	backlog backlog
	// ended: the end is on the record, or the book keeps it.
	ended bool
	// speaks are the capabilities of MySQL that client and server agreed on.
	speaks mysql.Capabilities

	// sequence is the number of the next packet of MySQL during a login.
	sequence atomic.Uint32
	// established: the session is in its relay, which began at since (as
	// [events.Time]).
	established atomic.Bool
	since       atomic.Int64

	// owed: an answer of the server is to follow what the client sent last, as far
	// as its protocol tells.
	owed atomic.Bool

	// busy: the session is on the list of those whose counters changed.
	busy atomic.Bool

	// mu guards setting the rest.
	mu sync.Mutex
	// server is the backend connection; nil until it is there. Only the session's
	// goroutine sets it.
	server *relay.Conn
	// stopped is why the session was ended from outside.
	stopped events.Reason
	// cancel ends the attempt to reach a server that is under way.
	cancel context.CancelFunc
}

// follower tells what a client's bytes mean after the login.
type follower interface {
	Follow(p []byte)
	Goodbye() bool
	// Owed: the server is to answer what the client sent last.
	Owed() bool
}

// frames knows where the server's messages end after the login.
type frames interface {
	Follow(p []byte)
	Between() bool
}

// run is the session's life. A panic in it ends this session alone. The context is that
// of recording.
func (s *session) run(ctx context.Context) {
	var end *ending
	err := s.guard(func() error { end = s.serve(ctx); return nil })
	switch {
	case err != nil:
		end = &ending{reason: events.ReasonError, description: crashDescription}
	case end == nil: // a probe
		s.hangUp()
		return
	}
	if err := s.guard(func() error { s.finish(ctx, end); return nil }); err != nil {
		s.finishAnyway(ctx)
	}
}

// serve serves the client and returns how the session ends, nil for a connection that is
// not to be recorded. The context is that of recording.
func (s *session) serve(ctx context.Context) *ending {
	if s.probing() {
		return nil
	}
	if end := s.arrive(); end != nil {
		return end
	}
	if end := s.service.login(s, ctx); end != nil {
		return end
	}
	s.tried = events.SessionReady{}
	return s.relay(ctx)
}

// linger is how long a client of a database may stay whose server has closed.
const linger = time.Second

// relay moves bytes until somebody ends the session. The context is that of
// recording.
func (s *session) relay(ctx context.Context) *ending {
	options := relay.Options{
		High: s.service.HighWater, Low: s.service.LowWater,
		Buffers: &s.gateway.buffers, Moved: s.moved,
	}
	if s.service.Protocol != TCP {
		options.Linger = linger
	}
	if s.heard != nil {
		options.FromServer = s.heard.Follow
	}
	switch f := s.follower.(type) {
	case *commands:
		options.FromClient = func(p []byte) int {
			n := f.pass(p)
			s.owed.Store(f.Owed())
			return n
		}
	case nil:
		s.owed.Store(s.service.Protocol != TCP)
	default:
		options.FromClient = func(p []byte) int {
			f.Follow(p)
			s.owed.Store(f.Owed())
			return len(p)
		}
	}
	s.moved()
	for {
		if s.follower != nil {
			s.owed.Store(s.follower.Owed())
		}
		s.establish()
		end := relay.Run(s.client, s.server, options)
		stopped := s.suspend()
		var caught *panics.Error
		switch {
		case errors.As(end.Err, &caught):
			s.crashed(caught)
			return &ending{reason: events.ReasonError, description: crashDescription}
		case stopped != events.ReasonNone:
			if end.Paused {
				s.sayGoodbye(stopped)
			}
			return &ending{reason: stopped}
		case !end.Paused:
			return s.judge(end)
		}
		if end := s.changeUser(ctx, end.Rest); end != nil {
			return end
		}
	}
}

// establish notes that the session is in its relay.
func (s *session) establish() {
	s.since.Store(int64(events.TimeOf(time.Now())))
	s.established.Store(true)
}

// suspend notes that it is not, and returns why it was stopped from outside, if it
// was.
func (s *session) suspend() events.Reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.established.Store(false)
	return s.stopped
}

// judge tells why a session ended whose relay ended so.
func (s *session) judge(end relay.End) *ending {
	switch {
	case s.follower != nil && s.follower.Goodbye():
		return &ending{reason: events.ReasonClientClosed}
	case end.Err != nil:
		return lost(end.First, end.Err)
	}
	return &ending{reason: closedBy(end.First)}
}

// moved puts the session on the list of those whose counters changed. Any
// goroutine may call it.
func (s *session) moved() {
	if !s.busy.Load() && s.busy.CompareAndSwap(false, true) {
		s.gateway.statistics.note(s)
	}
}

// stop ends the session from outside: the first reason given is the one on the
// record. One in its relay is handed back from there, so that its own goroutine can
// tell the client; of any other the sockets are closed. Any goroutine may call it, at
// any time.
func (s *session) stop(reason events.Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped != events.ReasonNone {
		return
	}
	s.stopped = reason
	switch {
	case s.established.Load():
		relay.Interrupt(s.client, s.server)
		return
	case s.cancel != nil:
		s.cancel()
	}
	s.closeSockets()
}

// expire stops a session that is idle, if it is in its relay still.
func (s *session) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped == events.ReasonNone && s.established.Load() {
		s.stopped = events.ReasonIdleTimeout
		relay.Interrupt(s.client, s.server)
	}
}

// dialling notes how to end an attempt to reach a server. It reports false when
// the session was stopped meanwhile.
func (s *session) dialling(cancel context.CancelFunc) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancel = cancel
	return s.stopped == events.ReasonNone
}

// attach gives the session its backend connection. It reports false, and closes
// it, when the session was stopped meanwhile.
func (s *session) attach(server *relay.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped != events.ReasonNone {
		_ = server.Close()
		return false
	}
	s.server = server
	return true
}

// closeSockets closes what there is. Its caller holds mu.
func (s *session) closeSockets() {
	_ = s.client.Close()
	if s.server != nil {
		_ = s.server.Close()
	}
}

// opened is the event that the session begins with.
func (s *session) opened(kind events.SessionType) events.SessionOpened {
	e := events.SessionOpened{
		Type:     kind,
		Service:  s.service.Name,
		Listener: s.listener,
		Protocol: string(s.service.Protocol),
	}
	if from := s.from(); from.IsValid() {
		e.Address, e.Port = canonical(from.Addr()), from.Port()
	}
	s.noteTLS(&e)
	return e
}

// canonical is an address as it is written everywhere: IPv4 in IPv6 unmapped,
// without a zone.
func canonical(address netip.Addr) string { return address.Unmap().WithZone("").String() }
