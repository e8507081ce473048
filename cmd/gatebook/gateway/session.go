package gateway

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/panics"
	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/cmd/gatebook/gateway/record"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// session is one client's connection, from its acceptance to the record of its
// end. Where nothing else is said a field belongs to the session's goroutine.
type session struct {
	lifetime
	sessions *sessions
	service  *service
	listener string
	// accepted is when the client was.
	accepted time.Time

	// origin is where the client is and arrived the address it connected to, by a
	// proxy's word; the zero values mean the socket's own.
	origin, arrived netip.AddrPort
	// presented is the certificate the client was shown, in DER.
	presented []byte

	// record records the session.
	record *record.Session
	// tried is what a login that is not over asks for.
	tried events.SessionReady
	// number is that of the connection to target, or of the latest attempt. Both
	// stay as they are when the login is over.
	number uint32
	target *backend
	// key cancels what the server is doing; empty unless it is PostgreSQL's.
	key postgres.Key
	// follower follows what the client sends, heard what the server does; nil when
	// there is nothing to see.
	follower follower
	heard    frames

	// slots are what the session counts for.
	slots slots
	// timer limits the login, nil before there was one.
	timer *loginTimer
	// speaks are the capabilities of MySQL that client and server agreed on.
	speaks mysql.Capabilities

	// sequence is the number of the next packet of MySQL during a login.
	sequence atomic.Uint32
	activity activity

	// busy: the session is on the list of those whose counters changed.
	busy atomic.Bool
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
	err := s.Guard(func() error { end = s.serve(ctx); return nil })
	switch {
	case err != nil:
		end = &ending{reason: events.ReasonError, description: crashDescription}
	case end == nil: // a probe
		s.hangUp()
		return
	}
	if err := s.Guard(func() error { s.finish(ctx, end); return nil }); err != nil {
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
		Buffers: &s.sessions.buffers, Moved: s.moved,
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
			s.activity.owed.Store(f.Owed())
			return n
		}
	case nil:
		s.activity.owed.Store(s.service.Protocol != TCP)
	default:
		options.FromClient = func(p []byte) int {
			f.Follow(p)
			s.activity.owed.Store(f.Owed())
			return len(p)
		}
	}
	s.moved()
	for {
		if s.follower != nil {
			s.activity.owed.Store(s.follower.Owed())
		}
		s.activity.since.Store(int64(events.TimeOf(time.Now())))
		s.beginRelay()
		end := relay.Run(s.client, s.server, options)
		stopped := s.endRelay()
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
		s.sessions.statistics.note(s)
	}
}

// Guard calls f and returns its error. A panic in f ends this session, with reason error,
// and is returned as an error. Any goroutine that works for the session may call it.
func (s *session) Guard(f func() error) (err error) {
	caught := panics.Catch(func() { err = f() })
	if caught == nil {
		return err
	}
	s.crashed(caught)
	return caught
}

// crashed ends the session because of a panic in its work. Any goroutine may call it.
func (s *session) crashed(caught *panics.Error) {
	log := s.sessions.panics
	log.caught(caught).Error().Str("service", s.service.Name).Uint64("session", s.record.ID()).
		Msg("panic in a session, which ends")
	// What panicked may have left the session in any state.
	if again := panics.Catch(func() { s.stop(events.ReasonError) }); again != nil {
		log.caught(again).Error().Str("service", s.service.Name).Msg("panic in the end of a session")
	}
}

// crashDescription is the description on the record of a session that a panic ended,
// and the text that its client reads.
const crashDescription = "an error inside the gateway, whose log says more"

// Opening notes that the session is about to be given its id.
func (s *session) Opening() { s.sessions.index.expect() }

// Opened makes the session known by its id, which is 0 when the recorder has refused it. It
// stops a session that is to be killed already.
func (s *session) Opened(id uint64) {
	if s.sessions.index.assign(s, id) {
		s.stop(events.ReasonKilled)
	}
}

// Recorded has the session's counters looked at from now on.
func (s *session) Recorded() {
	s.busy.Store(false)
	s.moved()
}

// introduce begins to record the session. Doing so again changes nothing. Where the client
// had to say something first, the time at which it was accepted is on the record.
func (s *session) introduce(ctx context.Context, kind events.SessionType) {
	if s.record.Begun() {
		return
	}
	var connected time.Time
	if s.isProxied() || s.service.endsTLS() {
		connected = s.accepted
	}
	s.record.Open(ctx, connected, s.opened(kind))
}

// reached adds the server that was reached to the record, with its own number for the
// connection, 0 when it is not known yet.
func (s *session) reached(serverID uint64) { s.record.Reached(s.connection(serverID)) }

// ready records that the login succeeded. The connection is recorded again when the
// server's own number for it has become known since.
func (s *session) ready(ctx context.Context, login events.SessionReady, serverID uint64) error {
	if serverID == 0 {
		return s.record.Ready(ctx, login, nil)
	}
	return s.record.Ready(ctx, login, s.connection(serverID))
}

// connection is the event that tells of the backend connection.
func (s *session) connection(serverID uint64) *events.ConnectionOpened {
	return &events.ConnectionOpened{Connection: s.number, Server: s.target.Name, ServerID: serverID}
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
