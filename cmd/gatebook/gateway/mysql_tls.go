package gateway

import (
	"errors"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// mysqlTLS is the code for a failure of TLS toward the server: that of a server that
// cannot be reached, because clients take none of their own, 2026, from a server.
const mysqlTLS = mysqlUnreachable

// The plugins whose messages depend on whether there is TLS: with it the client
// sends its password as it is, without it encrypted with a key it asks for.
const (
	cachingSHA2 = "caching_sha2_password"
	plainSHA2   = "sha256_password"
)

// readMySQL reads a client's login, through TLS if it asks for that first, and the
// number of the packet that would answer it.
func (s *session) readMySQL(x *exchange, g mysql.Greeting) (login mysql.Login, packet mysql.Packet, next byte, end *ending) {
	for next = 2; ; {
		packet, err := x.client.next()
		if err != nil {
			return login, nil, 0, s.rejectMySQL(next, lost(relay.Client, err))
		}
		next = mysql.Packet(packet).Sequence() + 1
		login, err = mysql.ParseLogin(packet, g)
		_, has := s.client.TLS()
		switch {
		case err != nil:
			return login, nil, 0, s.rejectMySQL(next, lost(relay.Client, err))
		case !login.TLS:
			return login, packet, next, nil
		case has || !s.service.endsTLS():
			return login, nil, 0, s.rejectMySQL(next, &ending{reason: events.ReasonAuthFailed, description: "the client insists on TLS"})
		}
		// A client does not wait for an answer: the handshake may have begun.
		if end := s.secureClient(x.client.rest()); end != nil {
			return login, nil, 0, end
		}
		s.sequence.Store(uint32(next) + 1) // the login comes again, through TLS
	}
}

// secureMySQL begins TLS with the server, which the client's login is the first to
// pass through, and makes the login fit: whether there is TLS, and the number of
// each packet, is one thing toward the client and another toward the server.
func (s *session) secureMySQL(x *exchange, g mysql.Greeting, login mysql.Packet) error {
	secured := s.target.speaksTLS()
	if secured && g.Capabilities&mysql.TLS == 0 {
		if s.target.TLS == TLSRequire {
			return errors.New("the server offers no TLS")
		}
		secured = false
	}
	login.SetTLS(secured)
	sequence := login.Sequence()
	if !secured {
		login.SetSequence(1)
	} else {
		if len(x.server.rest()) > 0 {
			return errors.New("the server talks before TLS has begun")
		}
		login.SetSequence(2)
		if _, err := s.server.Write(login.AppendTLSRequest(nil, 1)); err != nil {
			return err
		}
		if err := s.sessions.secureServer(s.server, s.target.Server); err != nil {
			return err
		}
	}
	x.client.renumber = login.Sequence() - sequence
	x.server.renumber = sequence - login.Sequence()
	return nil
}

// mismatched tells whether a server's packet begins something that only works when
// the client and the server agree on whether there is TLS, and they do not.
func (s *session) mismatched(packet mysql.Packet, plugin string) bool {
	_, client := s.client.TLS()
	_, server := s.server.TLS()
	if client == server {
		return false
	}
	// The one falls back on the password when it has not seen the user lately, the
	// other always wants it.
	return plugin == cachingSHA2 && packet.WantsPassword() || plugin == plainSHA2
}

// refuseMismatch tells a client why its password cannot be taken to the server.
func (s *session) refuseMismatch(packet mysql.Packet, plugin string) *ending {
	const why = " needs the password, and the gateway speaks TLS on one side only: use TLS on both or on none"
	s.refuse(mysql.AppendError(nil, packet.Sequence(), mysql.Error{
		Code: mysqlUnknown, State: "HY000", Message: plugin + why,
	}))
	return &ending{reason: events.ReasonAuthFailed, description: plugin + why}
}
