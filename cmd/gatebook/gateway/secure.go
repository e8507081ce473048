package gateway

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// secureClient makes the handshake with a client that begins TLS now. What the
// stream has read already is the beginning of it.
func (s *session) secureClient(early []byte) *ending {
	config := s.sessions.credentials.Load().services[s.service.Name]
	var err error
	if !s.handshake(func() { err = s.client.StartTLS(tls.Server, config, bytes.Clone(early), &s.sessions.buffers) }) {
		return &ending{} // stopped, which has its own reason
	}
	if err == nil {
		s.presented = config.Certificates[0].Certificate[0]
		return nil
	}
	s.partWith() // TLS has told it why
	if isNetwork(err) {
		return lost(relay.Client, err)
	}
	return &ending{reason: events.ReasonAuthFailed, description: explainTLS(err)}
}

// secureServer makes the handshake with a server that has agreed to it.
func (all *sessions) secureServer(conn *relay.Conn, server *Server) error {
	return conn.StartTLS(tls.Client, all.credentials.Load().servers[server.Name], nil, &all.buffers)
}

// isNetwork tells whether a handshake failed for no reason of TLS.
func isNetwork(err error) bool {
	var number syscall.Errno
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &number) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded)
}

// explainTLS words what was wrong with a handshake.
func explainTLS(err error) string {
	return "TLS: " + strings.ReplaceAll(strings.TrimPrefix(err.Error(), "TLS handshake: "), "tls: ", "")
}

// failedServer is the end of a session whose server's TLS will not do.
func (s *session) failedServer(why string) *ending {
	return &ending{reason: events.ReasonConnectFailed, description: fmt.Sprintf("%s: %s", s.target.Name, why)}
}

// needsTLS tells whether a client without TLS is to be refused: it would get around
// having to show a certificate.
func (s *session) needsTLS() bool {
	_, has := s.client.TLS()
	return s.service.TLS.ClientCA != "" && !has
}

// insists is what such a client is told.
const insists = "the service lets in only clients with a certificate, over TLS"

// describeTLS is the version and the cipher of a connection.
func describeTLS(state tls.ConnectionState) string {
	return tls.VersionName(state.Version) + " " + tls.CipherSuiteName(state.CipherSuite)
}

// noteTLS puts the client's TLS on the event that opens the session.
func (s *session) noteTLS(e *events.SessionOpened) {
	state, ok := s.client.TLS()
	if !ok {
		return
	}
	e.TLS = describeTLS(state)
	if len(state.PeerCertificates) > 0 {
		e.Subject = state.PeerCertificates[0].Subject.String()
	}
}

// sameCertificate tells whether the client was shown the server's own certificate:
// then what the two say about it to each other agrees.
func (s *session) sameCertificate() bool {
	state, ok := s.server.TLS()
	return ok && len(state.PeerCertificates) > 0 && bytes.Equal(state.PeerCertificates[0].Raw, s.presented)
}
