package gateway

import (
	"context"
	"crypto/tls"
	"net/netip"
	"time"

	"gatebook/events"
)

// Open begins to record the session. Only the first call counts; a later one notes what the
// client turned out to be. Where the client had to
// send something first, the time at which it was accepted is on the record.
func (s *session) Open(ctx context.Context, kind events.SessionType) {
	s.kind = max(s.kind, kind)
	if s.record.Begun() {
		return
	}
	var connected time.Time
	if s.isProxied() || s.service.endsTLS() || s.probing {
		connected = s.accepted
	}
	s.record.Open(ctx, connected, s.opened(kind))
}

// Arrived begins to record the session of a client that has not begun its login, unless the client
// is from a network of probes, and reports whether it does.
func (s *session) Arrived(ctx context.Context) bool {
	if s.probing {
		return false
	}
	s.Open(ctx, events.TypeClient)
	return true
}

// Spoke notes that the client has begun its login.
func (s *session) Spoke() { s.spoke = true }

// opened returns the event that the session begins with.
func (s *session) opened(kind events.SessionType) events.SessionOpened {
	e := events.SessionOpened{
		Type:     kind,
		Service:  s.service.Name,
		Listener: s.listener,
		Protocol: string(s.service.Protocol),
	}
	if from := s.origin.address(); from.IsValid() {
		e.Address, e.Port = canonical(from.Addr()), from.Port()
	}
	if state, ok := s.client.TLS(); ok {
		e.TLS = tls.VersionName(state.Version) + " " + tls.CipherSuiteName(state.CipherSuite)
		if len(state.PeerCertificates) > 0 {
			e.Subject = state.PeerCertificates[0].Subject.String()
		}
	}
	return e
}

// canonical returns an address as the record has it: IPv4 in IPv6 unmapped, without a zone.
func canonical(address netip.Addr) string { return address.Unmap().WithZone("").String() }

// ExpectID notes that the session is about to be given its id.
func (s *session) ExpectID() { s.sessions.index.expect() }

// AssignID makes the session known by its id, which is 0 when the recorder has refused it. It
// stops a session that is to be killed already.
func (s *session) AssignID(id uint64) {
	if s.sessions.index.assign(s, id) {
		s.stop(events.ReasonKilled)
	}
}

// Recorded has the session's counters looked at from now on.
func (s *session) Recorded() {
	s.busy.Store(false)
	s.moved()
}

// WaitOpened blocks until the session's opening is durable.
func (s *session) WaitOpened() error { return s.record.WaitOpened() }

// Asked notes what the client asks for.
func (s *session) Asked(login events.SessionReady) { s.asked = login }

// Connected adds the server that was reached to the record.
func (s *session) Connected(serverID uint64) { s.record.Reached(s.connection(serverID)) }

// Ready records that the login succeeded, and the connection again where the server's own
// id for it has become known.
func (s *session) Ready(ctx context.Context, login events.SessionReady, serverID uint64) error {
	var again *events.ConnectionOpened
	if serverID != 0 {
		again = s.connection(serverID)
	}
	err := s.record.Ready(ctx, login, again)
	if err == nil {
		s.asked = events.SessionReady{} // it was no failed login, however the session goes on
	}
	return err
}

// Record records an event of the established session.
func (s *session) Record(ctx context.Context, e events.Event) error { return s.record.Record(ctx, e) }

// connection returns the event of the connection to the server.
func (s *session) connection(serverID uint64) *events.ConnectionOpened {
	s.serverID = serverID
	return &events.ConnectionOpened{Connection: s.number, Server: s.backend.Name, ServerID: serverID}
}
