package login

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/postgres"
)

// Prepare asks the server for TLS and begins it, if the gateway speaks TLS to it.
func (p *Postgres) Prepare(server *Server, _ time.Time) error {
	if server.TLS == nil {
		return nil
	}
	if _, err := server.Conn.Write(postgres.AppendTLSRequest(nil)); err != nil {
		return err
	}
	var answer [1]byte // and nothing more: the rest has to come through TLS
	if _, err := io.ReadFull(server.Conn, answer[:]); err != nil {
		return err
	}
	switch {
	case answer[0] == 'S':
		return server.startTLS(p.Buffers)
	case answer[0] == 'N' && !server.RequireTLS:
		return nil
	case answer[0] == 'N':
		return errors.New("the server offers no TLS")
	}
	return fmt.Errorf("%w: %q in answer to a request for TLS", postgres.ErrMalformed, answer[0])
}

// encrypt answers a client that asks for encryption: it begins TLS where the service has
// it, once, and declines everything else.
func (l *postgresLogin) encrypt(request postgres.Request) *ending.Ending {
	if request != postgres.RequestTLS || l.client.speaksTLS() || !l.protocol.endsTLS() {
		return l.handshake.toClient([]byte{'N'})
	}
	// A client waits for the answer. Bytes that came with the request could have
	// been put there by another party, to be taken for bytes that came through TLS.
	if len(l.handshake.fromClient.rest()) > 0 {
		return l.malformed("something unencrypted follows the request for TLS")
	}
	if end := l.handshake.toClient([]byte{'S'}); end != nil {
		return end
	}
	return l.client.secure(nil)
}

// noTLS is the alert for a client that begins TLS with a service that has none.
const noTLS = "\x15\x03\x01\x00\x02\x02\x28"

// encryptAtOnce begins TLS with a client that begins with it (sslnegotiation=direct).
// As the server does, it takes only one that means to speak to PostgreSQL.
func (l *postgresLogin) encryptAtOnce() *ending.Ending {
	if l.client.speaksTLS() {
		return l.malformed("TLS within TLS")
	}
	if !l.protocol.endsTLS() {
		l.client.refuse([]byte(noTLS))
		return failed("the client begins with TLS (sslnegotiation=direct), and service " + l.protocol.Name + " has no certificate")
	}
	if end := l.client.secure(l.handshake.fromClient.rest()); end != nil {
		return end
	}
	if state, _ := l.client.conn.TLS(); state.NegotiatedProtocol != postgres.DirectProtocol {
		return failed("the client begins with TLS and does not name protocol " + postgres.DirectProtocol + " in it")
	}
	return nil
}

// bind passes on an offer to bind the login to the channel of TLS, which the gateway makes
// two of. A client without TLS is not offered it. One with TLS cannot keep to it unless
// both channels have the same certificate, and is refused with the reason: the server's own
// error would sound like an attack.
func (l *postgresLogin) bind(offer postgres.Message) *ending.Ending {
	var vet func(answer []byte) *ending.Ending
	if l.client.speaksTLS() && !l.sameCertificate() {
		vet = func(answer []byte) *ending.Ending {
			if postgres.Message(answer).Binds() {
				return failed(unbindable)
			}
			return nil
		}
	}
	l.handshake.answers.asked(vet)
	if !l.client.speaksTLS() {
		offer = offer.AppendUnbound(nil)
	}
	return l.handshake.toClient(offer)
}

// sameCertificate reports whether the client was shown the server's own certificate:
// then both sides of the binding are the same.
func (l *postgresLogin) sameCertificate() bool {
	state, ok := l.server.Conn.TLS()
	return ok && len(state.PeerCertificates) > 0 && bytes.Equal(state.PeerCertificates[0].Raw, l.client.presented)
}

// unbindable is the error for a client whose login cannot be bound.
const unbindable = "SCRAM channel binding cannot pass through the gateway, which speaks TLS on both sides with different certificates: " +
	"connect with channel_binding=disable, or give the service the server's own certificate and key"
