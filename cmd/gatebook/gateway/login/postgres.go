package login

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

const (
	// silence is how long a client may send nothing before its session is opened
	// all the same. Until then it may turn out to be a cancel request.
	silence = time.Second
	// maxHeld limits what a server sends between AuthenticationOk and
	// ReadyForQuery: some parameters and notices.
	maxHeld = 256 << 10
	// maxStartups is how many untyped packets a client may send: it may ask for
	// each of two kinds of encryption once.
	maxStartups = 3
)

// The errors of PostgreSQL that the gateway itself has reason to send, as SQLSTATE.
const (
	postgresUnreachable = "08001"
	postgresProtocol    = "08P01"
	postgresUnrecorded  = "57P03"
	// postgresUnauthorized is for a client that pg_hba.conf does not let in.
	postgresUnauthorized = "28000"
)

// Postgres lets clients of PostgreSQL in, and cancel requests.
type Postgres struct{ Service }

// ClientFirst reports true.
func (p *Postgres) ClientFirst() bool { return true }

// HalfClose reports false.
func (p *Postgres) HalfClose() bool { return false }

// LogIn carries a login from the client's startup packet to the server's ReadyForQuery, or
// a cancel request to the server that it is for.
func (p *Postgres) LogIn(ctx context.Context, s Session) (*Established, *ending.Ending) {
	l := &postgresLogin{protocol: p, session: s}
	l.client = newClient(s, &p.Service, l)
	defer l.client.stopTimer()
	l.handshake = newHandshake(l.client, dialect{
		frame: postgres.Frame, headSize: 1, malformed: postgres.ErrMalformed,
		belongs:       func(head []byte) bool { return head[0] == postgres.TypeAnswer },
		goodbyePacket: postgres.Goodbye(),
	})
	defer l.handshake.release()
	return l.run(ctx)
}

// postgresLogin is a login of PostgreSQL.
type postgresLogin struct {
	protocol  *Postgres
	session   Session
	client    *client
	server    *Server
	handshake *handshake
	// opened: the session is being recorded, unless the client may be a probe.
	opened bool
	asked  events.SessionReady
	// code is that of the error for a client whose startup will not do, if it is not that of the
	// protocol.
	code string
	// key is with what the session's queries are cancelled, if the server has issued one.
	key postgres.Key
}

// run carries the login.
func (l *postgresLogin) run(ctx context.Context) (*Established, *ending.Ending) {
	l.client.startTimer()
	startup, packet, end := l.start(ctx)
	l.client.stopTimer() // one that is too late is stopped, which what follows finds out
	switch {
	case end != nil:
		return nil, l.reject(end)
	case startup.Request == postgres.RequestCancel:
		return l.forwardCancel(ctx, startup.Key, packet)
	}
	l.asked = askedBy(startup)
	l.session.Asked(l.asked)
	if end := l.session.Admit(); end != nil {
		l.client.refuse(refusal(end.Reason).postgres(end.Description))
		return nil, end
	}
	server, end := l.session.Reach(ctx)
	if end != nil {
		l.client.refuse(postgresError(postgresUnreachable, unreachable(&l.protocol.Service)))
		return nil, end
	}
	if end := l.forward(server, packet); end != nil {
		return nil, end
	}
	return l.complete(ctx)
}

// askedBy returns what a startup packet asks for, as the record has it.
func askedBy(s postgres.Startup) events.SessionReady {
	return events.SessionReady{User: s.User, Database: s.Database, Program: s.Program}
}

// start reads what the client begins with, up to the startup packet, which it returns too.
func (l *postgresLogin) start(ctx context.Context) (postgres.Startup, []byte, *ending.Ending) {
	l.handshake.fromClient.frame = postgres.FrameStartup
	for range maxStartups {
		packet, err := l.nextStartup(ctx)
		switch {
		case errors.Is(err, postgres.ErrGoodbye):
			return postgres.Startup{}, nil, ending.ClosedBy(relay.Client)
		case errors.Is(err, postgres.ErrTLS):
			if end := l.encryptAtOnce(); end != nil {
				return postgres.Startup{}, nil, end
			}
			continue
		case err != nil:
			return postgres.Startup{}, nil, l.handshake.clientLost(err)
		}
		startup, err := postgres.ParseStartup(packet)
		if err != nil {
			return startup, nil, l.handshake.clientLost(err)
		}
		switch startup.Request {
		case postgres.RequestSession:
			if why := l.client.lacksTLS(); why != "" {
				l.session.Asked(askedBy(startup))
				l.code = postgresUnauthorized
				return startup, nil, failed(why)
			}
			l.open(ctx, events.TypeClient)
			return startup, packet, nil
		case postgres.RequestCancel:
			l.open(ctx, events.TypeCancel)
			return startup, packet, nil
		}
		if end := l.encrypt(startup.Request); end != nil {
			return startup, nil, end
		}
	}
	return postgres.Startup{}, nil, l.malformed("encryption asked for again and again")
}

// nextStartup blocks until an untyped packet is there. The session of a client that sends
// nothing is opened meanwhile.
func (l *postgresLogin) nextStartup(ctx context.Context) ([]byte, error) {
	if !l.opened && !l.protocol.endsTLS() { // else it is opened with the TLS that begins later
		conn := l.client.conn
		_ = conn.SetReadDeadline(time.Now().Add(silence))
		packet, err := l.handshake.nextFromClient()
		_ = conn.SetReadDeadline(time.Time{})
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return packet, err
		}
		l.opened = true
		l.session.Arrived(ctx)
	}
	return l.handshake.nextFromClient()
}

// open begins to record the session.
func (l *postgresLogin) open(ctx context.Context, kind events.SessionType) {
	l.opened = true
	l.session.Open(ctx, kind)
}

// forward passes the startup packet on to the server, once the session's opening is
// durable.
func (l *postgresLogin) forward(server *Server, startup []byte) *ending.Ending {
	l.server = server
	l.session.Connected(0)
	l.client.startTimer()
	if err := l.session.WaitOpened(); err != nil {
		return l.refuseUnrecorded(err)
	}
	l.handshake.reach(server)
	if end := l.handshake.toServer(startup); end != nil {
		return end
	}
	l.handshake.fromClient.frame = postgres.Frame
	l.handshake.carryAnswers()
	return nil
}

// complete follows the authentication to its end. The server's messages from
// AuthenticationOk on are held back until the session is on the record.
func (l *postgresLogin) complete(ctx context.Context) (*Established, *ending.Ending) {
	var held []byte
	for {
		packet, end := l.handshake.nextFromServer()
		if end != nil {
			return nil, l.reject(end)
		}
		m := postgres.Message(packet)
		switch {
		case m.Type() == postgres.TypeError:
			return nil, l.deny(held, m)
		case m.Type() == postgres.TypeReady:
			return l.accept(ctx, append(held, m...))
		case m.Authenticated(), len(held) > 0:
			held = append(held, m...)
			end = l.noteHeld(m, len(held))
		default:
			end = l.passRequest(m)
		}
		if end != nil {
			return nil, end
		}
	}
}

// deny passes the server's refusal on.
func (l *postgresLogin) deny(held []byte, refusal postgres.Message) *ending.Ending {
	e := postgres.ParseError(refusal)
	l.handshake.stopAnswers()
	l.client.refuse(append(held, refusal...))
	return l.handshake.denied(e.String(), e.Unavailable())
}

// passRequest passes a message of the authentication on to the client, whose answer to it may
// then pass.
func (l *postgresLogin) passRequest(m postgres.Message) *ending.Ending {
	if m.OffersBinding() {
		return l.bind(m)
	}
	if m.AwaitsAnswer() {
		l.handshake.answers.asked(nil)
	}
	return l.handshake.toClient(m)
}

// noteHeld looks at a message that is held back.
func (l *postgresLogin) noteHeld(m postgres.Message, held int) *ending.Ending {
	if held > maxHeld {
		return l.handshake.serverLost(fmt.Errorf("%w: %d bytes before the first query", postgres.ErrMalformed, held))
	}
	if m.Type() != postgres.TypeKey {
		return nil
	}
	key, err := postgres.ParseKey(m)
	if err != nil {
		return l.handshake.serverLost(err)
	}
	l.key = key
	return nil
}

// accept records that the login succeeded, and then passes on what was held back.
func (l *postgresLogin) accept(ctx context.Context, reply []byte) (*Established, *ending.Ending) {
	gone := l.handshake.stopAnswers()
	if err := l.session.Ready(ctx, l.asked, uint64(l.key.Process)); err != nil {
		return nil, l.refuseUnrecorded(err)
	}
	if gone != nil {
		return nil, gone
	}
	established := &Established{Traffic: newPostgresTraffic()}
	if l.key.Process != 0 {
		l.session.Issued(l.key)
		established.Canceller = postgresCancel{l.key}
	}
	rest, end := l.handshake.finish(reply, established.Traffic)
	if end != nil {
		return nil, end
	}
	established.Rest = rest
	return established, nil
}

// malformed returns the ending of a session whose client does not speak the protocol.
func (l *postgresLogin) malformed(what string) *ending.Ending {
	return l.handshake.clientLost(fmt.Errorf("%w: %s", postgres.ErrMalformed, what))
}

// timeoutError returns the error for a client whose time is over.
func (l *postgresLogin) timeoutError(message string) []byte {
	return refusal(events.ReasonLoginTimeout).postgres(message)
}

// reject refuses a client whose startup will not do, unless it has gone, and returns end.
func (l *postgresLogin) reject(end *ending.Ending) *ending.Ending {
	if end.Reason == events.ReasonAuthFailed {
		l.client.refuse(postgresError(cmp.Or(l.code, postgresProtocol), end.Description))
	}
	return end
}

// refuseUnrecorded refuses a client whose session cannot be recorded.
func (l *postgresLogin) refuseUnrecorded(err error) *ending.Ending {
	l.client.refuse(postgresError(postgresUnrecorded, unrecorded))
	return ending.Unrecorded(err)
}
