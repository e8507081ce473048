package gateway

import (
	"fmt"

	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// encryptPostgres answers a client that asks for encryption: it begins TLS where the
// service has it, once, and declines everything else.
func (s *session) encryptPostgres(client *stream, request postgres.Request) *ending {
	_, has := s.client.TLS()
	if request != postgres.RequestTLS || has || !s.service.endsTLS() {
		if _, err := s.client.Write([]byte{'N'}); err != nil {
			return lost(relay.Client, err)
		}
		return nil
	}
	// A client waits for the answer. What came with the request could have been put
	// there by somebody else, to be taken for what came through TLS.
	if len(client.rest()) > 0 {
		return lost(relay.Client, fmt.Errorf("%w: something unencrypted follows the request for TLS", postgres.ErrMalformed))
	}
	if _, err := s.client.Write([]byte{'S'}); err != nil {
		return lost(relay.Client, err)
	}
	return s.secureClient(nil)
}

// refusal is the alert that tells a client of TLS that there is none to be had.
const refusal = "\x15\x03\x01\x00\x02\x02\x28"

// encryptAtOnce begins TLS with a client that begins with it (sslnegotiation=direct).
// As the server does, it takes only one that means to speak to PostgreSQL.
func (s *session) encryptAtOnce(client *stream) *ending {
	if _, has := s.client.TLS(); has {
		return lost(relay.Client, fmt.Errorf("%w: TLS within TLS", postgres.ErrMalformed))
	}
	if !s.service.endsTLS() {
		s.refuse([]byte(refusal))
		return &ending{reason: events.ReasonAuthFailed, description: "the client begins with TLS (sslnegotiation=direct), and service " + s.service.Name + " has no certificate"}
	}
	if end := s.secureClient(client.rest()); end != nil {
		return end
	}
	if state, _ := s.client.TLS(); state.NegotiatedProtocol != postgres.DirectProtocol {
		return &ending{reason: events.ReasonAuthFailed, description: "the client begins with TLS and does not name protocol " + postgres.DirectProtocol + " in it"}
	}
	return nil
}

// bindPostgres passes on an offer to bind the login to the channel of TLS, which the
// gateway makes two of. A client without TLS is not offered it. One with TLS cannot
// keep to it unless both channels have the same certificate, and is told so: what
// the server would say sounds like an attack.
func (s *session) bindPostgres(x *exchange, offer postgres.Message) *ending {
	if _, has := s.client.TLS(); !has {
		return x.pass(offer.AppendUnbound(nil))
	}
	if s.sameCertificate() {
		return x.pass(offer)
	}
	if err := x.settle(); err != nil {
		return lost(relay.Client, err)
	}
	if end := x.pass(offer); end != nil {
		return end
	}
	answer, err := x.client.next()
	if err != nil {
		return lost(relay.Client, err)
	}
	if postgres.Message(answer).Binds() {
		return s.rejectPostgres(&ending{reason: events.ReasonAuthFailed, description: unbindable})
	}
	if _, err := s.server.Write(answer); err != nil {
		return lost(relay.Server, err)
	}
	return nil
}

// unbindable is what a client is told whose login cannot be bound.
const unbindable = "SCRAM channel binding cannot pass through the gateway, which speaks TLS on both sides with different certificates: " +
	"connect with channel_binding=disable, or give the service the server's own certificate and key"
