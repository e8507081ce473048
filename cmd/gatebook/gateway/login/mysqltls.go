package login

import (
	"bytes"
	"errors"
	"io"
	"os"
	"time"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// ErrNoGreeting is the error of a server of MySQL that does not greet in time.
var ErrNoGreeting = errors.New("no greeting in connect_timeout")

// greeted blocks until a server of MySQL has begun to speak.
func greeted(conn *relay.Conn, deadline time.Time) error {
	switch err := conn.Await(time.Until(deadline)); {
	case errors.Is(err, io.EOF):
		return errors.New("hung up without a greeting")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ErrNoGreeting
	default:
		return err
	}
}

// The plugins whose messages depend on whether there is TLS: with it the client
// sends its password as it is, without it encrypted with a key it asks for.
const (
	cachingSHA2 = "caching_sha2_password"
	plainSHA2   = "sha256_password"
)

// read reads a client's login, through TLS if it asks for that first. It returns the
// packet too, and the number of the packet that would answer it.
func (l *mysqlLogin) read(g mysql.Greeting) (login mysql.Login, packet mysql.Packet, next byte, end *ending.Ending) {
	for next = 2; ; {
		packet, err := l.handshake.nextWatchingServer()
		if errors.Is(err, errServerFirst) {
			if end := l.passEarly(next); end != nil {
				return login, nil, 0, end
			}
			packet, err = l.handshake.nextFromClient()
		}
		switch {
		case err != nil:
			return login, nil, 0, l.reject(next, l.handshake.clientLost(err))
		case bytes.Equal(packet, mysql.Goodbye()):
			return login, nil, 0, ending.ClosedBy(relay.Client)
		}
		next = mysql.Packet(packet).Sequence() + 1
		login, err = mysql.ParseLogin(packet, g)
		switch {
		case err != nil:
			return login, nil, 0, l.reject(next, l.handshake.clientLost(err))
		case !login.TLS:
			return login, packet, next, nil
		case l.client.speaksTLS() || !l.protocol.endsTLS():
			return login, nil, 0, l.reject(next, failed("the client insists on TLS"))
		}
		// A client does not wait for an answer: the TLS handshake may have begun.
		if end := l.client.secure(l.handshake.fromClient.rest()); end != nil {
			return login, nil, 0, end
		}
		l.next.Store(uint32(next) + 1) // the login comes again, through TLS
	}
}

// passEarly passes on the server's error where it comes before the client's login, such as one
// that this takes too long. next is the number of the packet that the client expects. What else
// the server sends stays where it is.
func (l *mysqlLogin) passEarly(next byte) *ending.Ending {
	head, err := l.handshake.fromServer.head(mysql.HeaderSize + 1)
	switch {
	case err != nil:
		return l.handshake.serverLost(err)
	case mysql.ReplyOf(head) != mysql.ReplyError:
		return nil
	}
	packet, end := l.handshake.nextFromServer()
	if end != nil {
		return end
	}
	p := mysql.Packet(packet)
	p.SetSequence(next)
	l.client.refuse(p)
	return &ending.Ending{Reason: events.ReasonServerClosed, Description: mysql.ParseError(p).String()}
}

// secureServer begins TLS with the server, which the client's login is the first to
// pass through, and makes the login fit: whether there is TLS, and the number of
// each packet, is one thing toward the client and another toward the server.
func (l *mysqlLogin) secureServer(g mysql.Greeting, login mysql.Packet, old bool) error {
	secured := l.server.TLS != nil
	if secured && old {
		if l.server.RequireTLS {
			return errors.New("a login of before version 4.1 cannot go through TLS")
		}
		secured = false
	}
	if secured && g.Capabilities&mysql.TLS == 0 {
		if l.server.RequireTLS {
			return errors.New("the server offers no TLS")
		}
		secured = false
	}
	login.SetTLS(secured)
	sequence := login.Sequence()
	if !secured {
		login.SetSequence(1)
	} else {
		if len(l.handshake.fromServer.rest()) > 0 {
			return errors.New("the server talks before TLS has begun")
		}
		login.SetSequence(2)
		if _, err := l.server.Conn.Write(login.AppendTLSRequest(nil, 1)); err != nil {
			return err
		}
		if err := l.server.startTLS(l.protocol.Buffers); err != nil {
			return err
		}
	}
	if shift := login.Sequence() - sequence; shift != 0 {
		l.handshake.fromClient.taken = renumber(shift)
		l.handshake.fromServer.taken = renumber(-shift)
	}
	return nil
}

// renumber returns a function that adds to the number of a packet. A command has number 0 on
// either side.
func renumber(shift byte) func(packet []byte) {
	return func(packet []byte) {
		if p := mysql.Packet(packet); p.Sequence() != 0 {
			p.SetSequence(p.Sequence() + shift)
		}
	}
}

// serverTLSFailed returns the ending of a session whose server's TLS will not do.
func (l *mysqlLogin) serverTLSFailed(err error) *ending.Ending {
	return &ending.Ending{Reason: events.ReasonConnectFailed, Description: l.server.Name + ": " + explainTLS(err)}
}

// mismatched reports whether a server's packet begins something that only works when
// the client and the server agree on whether there is TLS, and they do not.
func (l *mysqlLogin) mismatched(packet mysql.Packet, plugin string) bool {
	_, server := l.server.Conn.TLS()
	if l.client.speaksTLS() == server {
		return false
	}
	// The one falls back on the password when it has not seen the user lately, the
	// other always wants it.
	return plugin == cachingSHA2 && packet.WantsPassword() || plugin == plainSHA2
}

// refuseMismatch refuses a client whose password cannot be taken to the server.
func (l *mysqlLogin) refuseMismatch(packet mysql.Packet, plugin string) *ending.Ending {
	end := failed(plugin + " needs the password, and the gateway speaks TLS on one side only: use TLS on both or on none")
	l.handshake.stopAnswers() // the client is read by the refusal
	l.refuse(packet.Sequence(), mysqlUnknown, end.Description)
	return end
}
