package login

import (
	"bytes"
	"crypto/tls"
	"errors"
	"strings"
	"time"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/proxy"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// client is the client of a login: its connection, and the time that its login may take. It
// belongs to the session's goroutine, but for what the timer uses.
type client struct {
	session Session
	service *Service
	conn    *relay.Conn
	errors  timeoutErrors
	// timer is that of the login's stage; nil before the first.
	timer *timer
	// presented is the certificate that the client was shown, in DER.
	presented []byte
}

// timeoutErrors returns what a client is sent when the time of its login is over; nil where
// its protocol has no errors. The timer's goroutine calls it.
type timeoutErrors interface {
	timeoutError(message string) []byte
}

// newClient returns the client of a session.
func newClient(s Session, service *Service, errors timeoutErrors) *client {
	return &client{session: s, service: service, conn: s.Client(), errors: errors}
}

// noticeTime limits how long the timer writes to a client, and how long a refused client
// may take to hang up. noticeReads limits how much the client may send meanwhile.
const (
	noticeTime  = time.Second
	noticeReads = 16
)

// writeErrorAsync writes an error to the client from outside the session's goroutine. It is
// lost when the client does not take it at once.
func (c *client) writeErrorAsync(b []byte) {
	_ = c.conn.SetWriteDeadline(time.Now().Add(noticeTime))
	_, _ = c.conn.Write(b)
}

// refuse sends the client an error and waits a moment for it to hang up: closing while
// something it has sent is unread would take the error away. A client whose login has taken
// too long was sent that error, and gets no other.
func (c *client) refuse(b []byte) {
	if !c.stopTimer() {
		return
	}
	_ = c.conn.SetWriteDeadline(c.replyDeadline())
	if _, err := c.conn.Write(b); err != nil {
		return
	}
	c.awaitHangUp()
}

// replyDeadline returns the time until which a client may take the reply to its login.
// It has as long again as the login, and on a busy machine at least noticeTime.
func (c *client) replyDeadline() time.Time {
	return time.Now().Add(max(c.service.LoginTimeout, noticeTime))
}

// awaitHangUp waits for a client to hang up that was sent why it should.
func (c *client) awaitHangUp() {
	if !c.stopTimer() {
		return
	}
	_ = c.conn.CloseWrite()
	_ = c.conn.SetReadDeadline(time.Now().Add(noticeTime))
	var discarded [512]byte
	for range noticeReads {
		if _, err := c.conn.Read(discarded[:]); err != nil {
			return
		}
	}
}

// secure makes the handshake with a client that begins TLS now. early has the bytes
// that were read already, the beginning of it.
func (c *client) secure(early []byte) *ending.Ending {
	if !c.timer.mute(true) {
		return ending.Stopped()
	}
	defer c.timer.mute(false)
	config := c.service.TLS()
	err := c.conn.StartTLS(tls.Server, config, bytes.Clone(early), c.service.Buffers)
	if err == nil {
		c.presented = config.Certificates[0].Certificate[0]
		return nil
	}
	c.awaitHangUp() // TLS has sent it an alert
	if ending.IsNetwork(err) {
		return ending.Lost(relay.Client, err)
	}
	if header, ok := errors.AsType[tls.RecordHeaderError](err); ok && proxy.Begins(header.RecordHeader[:]) {
		return failed(unexpectedHeader(c.service))
	}
	return failed(explainTLS(err))
}

// speaksTLS reports whether TLS has begun with the client.
func (c *client) speaksTLS() bool {
	_, has := c.conn.TLS()
	return has
}

// lacksTLS returns why the client is refused for want of TLS; "" if it is not. Without TLS it would
// get around having to show a certificate, or around what a server demands of its clients, to
// which the gateway's own TLS is as good as theirs.
func (c *client) lacksTLS() string {
	switch {
	case c.speaksTLS():
		return ""
	case c.service.ClientCertificates:
		return "the service lets in only clients with a certificate, over TLS"
	case c.service.TLSRequired:
		return "service " + c.service.Name + " lets in only clients that use TLS"
	}
	return ""
}

// explainTLS returns what was wrong with a TLS handshake.
func explainTLS(err error) string {
	return "TLS: " + strings.ReplaceAll(strings.TrimPrefix(err.Error(), "TLS handshake: "), "tls: ", "")
}

// failed returns the ending of a session whose client could not log in.
func failed(description string) *ending.Ending {
	return &ending.Ending{Reason: events.ReasonAuthFailed, Description: description}
}

// serverFailed returns the ending of a session whose server does not speak the protocol.
func serverFailed(description string) *ending.Ending {
	return &ending.Ending{Reason: events.ReasonError, Description: "server: " + description}
}
