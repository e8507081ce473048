package gateway

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/login"
	"gatebook/cmd/gatebook/gateway/panics"
	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/cmd/gatebook/gateway/record"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// session is one client's connection, from its acceptance to the record of its
// end. Each field belongs to the session's goroutine, unless its comment differs.
type session struct {
	// lifetime has the session's sockets, and ends it from outside.
	lifetime
	sessions *sessions
	service  *service
	listener string
	// accepted is when the client was.
	accepted time.Time
	// origin is where the client is.
	origin origin
	// probing: the client is from a network of probes. spoke: it has begun its login.
	probing, spoke bool

	// record records the session.
	record *record.Session
	// asked is what a login that is not over asks for.
	asked events.SessionReady
	// number is that of the connection to backend, or of the latest attempt. Both
	// stay as they are when the login is over.
	number  uint32
	backend *backend
	// kind is the session's type. cancels is the session whose query it asks to cancel, if it
	// does.
	kind    events.SessionType
	cancels uint64
	// target is the address that stands for the server's; "" for the server's own. own: the
	// next connection to the server is the gateway's own, and not the client's.
	target string
	own    bool
	// serverID is the server's number for the connection, 0 while it is not known.
	serverID uint64
	// key is the one that the server has issued to cancel queries with, if it has.
	key postgres.Key
	// established is what the login has returned; nil before.
	established *login.Established

	// slots are what the session counts for.
	slots slots
	// activity is whether the established session does something.
	activity activity
	// busy: the session is on the list of those whose counters changed. Any goroutine may
	// set it.
	busy atomic.Bool
}

var (
	_ login.Session = (*session)(nil)
	_ record.Owner  = (*session)(nil)
)

// run serves the client and records the end. It is the session's goroutine, and a panic in
// it ends this session alone. ctx is that of recording.
func (s *session) run(ctx context.Context) {
	var end *ending.Ending
	err := s.Guard(func() error { end = s.serve(ctx); return nil })
	if err != nil {
		end = ending.Crashed()
	}
	if err := s.Guard(func() error { s.finish(ctx, end); return nil }); err != nil {
		s.finishAnyway(ctx)
	}
}

// serve serves the client and returns how the session ends. ctx is that of recording.
func (s *session) serve(ctx context.Context) *ending.Ending {
	s.probing = s.origin.isIn(s.service.Probes)
	if s.isProxied() {
		if end := s.origin.readProxyHeader(min(proxyHeaderTime, s.service.LoginTimeout)); end != nil {
			return end
		}
		s.probing = isIn(s.origin.address().Addr(), s.service.Probes)
	}
	if s.probing && !s.service.protocol.ClientFirst() {
		if end := s.origin.awaitProbe(login.ProbePatience); end != nil {
			return end
		}
	}
	established, end := s.service.protocol.LogIn(ctx, s)
	if end != nil {
		return end
	}
	defer established.Release()
	s.established, s.asked = established, events.SessionReady{}
	return s.relay(ctx)
}

// wasProbe reports whether the client was a probe, which is counted and not recorded: it is from
// a network of probes and has not begun a login. stopped is why it was stopped from outside, end
// how it ended otherwise.
func (s *session) wasProbe(stopped events.Reason, end *ending.Ending) bool {
	if !s.probing || s.spoke || s.record.Begun() || end.Reason == events.ReasonAuthFailed {
		return false
	}
	if stopped == events.ReasonNone || stopped == events.ReasonLoginTimeout {
		s.sessions.probes.Add(1)
	}
	return true
}

// proxyHeaderTime limits how long a proxy may take to send its header.
const proxyHeaderTime = 5 * time.Second

// isProxied reports whether the client's socket is that of a proxy that is believed: then
// its connection begins with a header that has the client's address. A header from
// elsewhere is part of what the client sends.
func (s *session) isProxied() bool { return s.origin.isIn(s.service.AcceptProxyProtocol) }

// linger is how long a client may stay whose server has closed, in a protocol where such a
// server never answers again, and how long a server may whose client has said goodbye.
const linger = time.Second

// relay moves bytes until the session ends. ctx is that of recording.
func (s *session) relay(ctx context.Context) *ending.Ending {
	traffic := s.established.Traffic
	options := relay.Options{
		High: s.service.HighWater, Low: s.service.LowWater,
		Buffers: &s.sessions.buffers, Moved: s.moved,
		FromClient: traffic.FromClient, FromServer: traffic.FromServer,
	}
	options.Stall = s.service.StallTimeout
	options.LeaveServer = s.established.Canceller != nil
	if !s.service.protocol.HalfClose() {
		options.Together, options.Linger, options.Parted = true, linger, traffic.Parted
	}
	s.activity.traffic.Store(&traffic)
	s.moved()
	if s.established.Rest != "" {
		if end := traffic.Resume(ctx, s.established.Rest); end != nil {
			return end
		}
	}
	for {
		s.activity.since.Store(int64(events.TimeOf(time.Now())))
		r := relay.New(s.client, s.server, options)
		s.beginRelay(r)
		end := r.Run()
		stopped := s.endRelay()
		caught, panicked := errors.AsType[*panics.Error](end.Err)
		switch {
		case panicked:
			s.crashed(caught)
			return ending.Crashed()
		case stopped != events.ReasonNone:
			if end.Paused {
				s.notifyEnd(stopped)
			}
			return ending.Stopped()
		case !end.Paused:
			return traffic.Ended(end)
		}
		if end := traffic.Resume(ctx, end.Rest); end != nil {
			return end
		}
	}
}

// moved puts the session on the list of those whose counters changed. Any
// goroutine may call it.
func (s *session) moved() {
	if !s.busy.Load() && s.busy.CompareAndSwap(false, true) {
		s.sessions.statistics.note(s)
	}
}

// Client returns the client's connection.
func (s *session) Client() *relay.Conn { return s.client }

// Stop ends the session from outside: the first reason given is the one on the record. Any
// goroutine may call it, at any time.
func (s *session) Stop(reason events.Reason) { s.stop(reason) }

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
	// The call that panicked may have left the session in any state.
	if again := panics.Catch(func() { s.stop(events.ReasonError) }); again != nil {
		log.caught(again).Error().Str("service", s.service.Name).Msg("panic in the end of a session")
	}
}
