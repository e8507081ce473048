package gateway

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

const (
	// silence is how long a client may say nothing before its session is opened
	// all the same. Until then it may turn out to be a cancel request.
	silence = time.Second
	// maxHeld limits what a server sends between AuthenticationOk and
	// ReadyForQuery: some parameters and notices.
	maxHeld = 256 << 10
	// maxStartups is how many untyped packets a client may send: it may ask for
	// each of two kinds of encryption once.
	maxStartups = 3
	// fatal is the severity of an error that ends the session.
	fatal = "FATAL"
)

// loginPostgres carries a login of PostgreSQL from the client's startup packet to
// the server's ReadyForQuery. It returns nil when the session is ready, and on the
// record.
func (s *session) loginPostgres(ctx context.Context) *ending {
	client := s.stream(s.client, postgres.FrameStartup)
	defer client.release()
	s.startLogin()
	startup, packet, end := s.startPostgres(ctx, client)
	s.inTime() // one that is not is stopped, which what follows finds out
	switch {
	case end != nil:
		return s.rejectPostgres(end)
	case startup.Request == postgres.RequestCancel:
		return s.forwardCancel(ctx, startup.Key, packet)
	}
	s.tried = events.SessionReady{User: startup.User, Database: startup.Database, Program: startup.Program}
	if end := s.admit(); end != nil {
		return s.turnAway(end)
	}
	if end := s.reach(ctx, s.service.router.candidates()); end != nil {
		s.refuse(postgres.AppendError(nil, postgres.Error{Severity: fatal, Code: "08001", Message: unreachable(s)}))
		return end
	}
	s.reached(0)
	s.startLogin()
	if err := s.record.WaitOpened(); err != nil {
		return s.unrecordedPostgres(err)
	}
	if _, err := s.server.Write(packet); err != nil {
		return lost(relay.Server, err)
	}
	client.frame = postgres.Frame
	x := &exchange{
		session: s, client: client, server: s.stream(s.server, postgres.Frame),
		headSize: 1,
		belongs:  func(head []byte) bool { return head[0] == postgres.TypeAnswer },
	}
	defer x.release()
	return s.awaitPostgres(ctx, x)
}

// startPostgres reads what the client begins with, and declines encryption.
func (s *session) startPostgres(ctx context.Context, client *stream) (postgres.Startup, []byte, *ending) {
	for range maxStartups {
		packet, err := s.nextStartup(ctx, client)
		if errors.Is(err, postgres.ErrTLS) {
			if end := s.encryptAtOnce(client); end != nil {
				return postgres.Startup{}, nil, end
			}
			continue
		}
		if err != nil {
			return postgres.Startup{}, nil, lost(relay.Client, err)
		}
		startup, err := postgres.ParseStartup(packet)
		if err != nil {
			return startup, nil, lost(relay.Client, err)
		}
		switch startup.Request {
		case postgres.RequestSession:
			if s.needsTLS() {
				return startup, nil, &ending{reason: events.ReasonAuthFailed, description: insists}
			}
			s.introduce(ctx, events.TypeClient)
			return startup, packet, nil
		case postgres.RequestCancel:
			s.introduce(ctx, events.TypeCancel)
			return startup, packet, nil
		}
		if end := s.encryptPostgres(client, startup.Request); end != nil {
			return startup, nil, end
		}
	}
	return postgres.Startup{}, nil, lost(relay.Client, fmt.Errorf("%w: encryption asked for again and again", postgres.ErrMalformed))
}

// nextStartup waits for an untyped packet. A client that keeps silent is opened in
// the book meanwhile.
func (s *session) nextStartup(ctx context.Context, client *stream) ([]byte, error) {
	if !s.record.Begun() && !s.service.endsTLS() { // else it is told with the TLS there is
		_ = s.client.SetReadDeadline(time.Now().Add(silence))
		packet, err := client.next()
		_ = s.client.SetReadDeadline(time.Time{})
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return packet, err
		}
		s.introduce(ctx, events.TypeClient)
	}
	return client.next()
}

// awaitPostgres follows the authentication until the server says how it ended.
// What it says from AuthenticationOk on is held back until the session is on the
// record.
func (s *session) awaitPostgres(ctx context.Context, x *exchange) *ending {
	var held []byte
	for {
		packet, end := x.reply()
		if end != nil {
			return end
		}
		m := postgres.Message(packet)
		switch {
		case m.Type() == postgres.TypeError:
			s.refuse(append(held, m...))
			return &ending{reason: events.ReasonAuthFailed, description: postgres.ParseError(m).String()}
		case m.Type() == postgres.TypeReady:
			return s.acceptPostgres(ctx, x, append(held, m...))
		case m.Authenticated(), len(held) > 0:
			held = append(held, m...)
			if end := s.noteHeld(m, len(held)); end != nil {
				return end
			}
			continue
		case m.OffersBinding():
			if end := s.bindPostgres(x, m); end != nil {
				return end
			}
			x.listen()
			continue
		}
		x.listen()
		if end := x.pass(m); end != nil {
			return end
		}
	}
}

// noteHeld looks at a message that is held back.
func (s *session) noteHeld(m postgres.Message, held int) *ending {
	if held > maxHeld {
		return lost(relay.Server, fmt.Errorf("%w: %d bytes before the first query", postgres.ErrMalformed, held))
	}
	if m.Type() != postgres.TypeKey {
		return nil
	}
	key, err := postgres.ParseKey(m)
	if err != nil {
		return lost(relay.Server, err)
	}
	s.key = key
	return nil
}

// acceptPostgres records that the login succeeded, and then tells the client.
func (s *session) acceptPostgres(ctx context.Context, x *exchange, words []byte) *ending {
	if err := x.settle(); err != nil {
		return lost(relay.Client, err)
	}
	if err := s.ready(ctx, s.tried, uint64(s.key.Process)); err != nil {
		return s.unrecordedPostgres(err)
	}
	if s.key.Process != 0 {
		s.sessions.keys.add(s.key, s.target)
	}
	f := &postgres.Follower{}
	s.follower, s.heard = f, &postgres.Frames{}
	return x.open(words, f, s.heard)
}

// forwardCancel takes a cancel request to the server that issued its key. The
// session's relay then waits for the server to close the connection, which is its
// answer.
func (s *session) forwardCancel(ctx context.Context, key postgres.Key, packet []byte) *ending {
	server := s.sessions.keys.issuer(key)
	if server == nil {
		return &ending{reason: events.ReasonAuthFailed, description: "the key to cancel with belongs to no session"}
	}
	if end := s.reach(ctx, slices.Values([]*backend{server})); end != nil {
		return end
	}
	s.reached(0)
	if err := s.record.WaitOpened(); err != nil {
		return unrecorded(err)
	}
	if _, err := s.server.Write(packet); err != nil {
		return lost(relay.Server, err)
	}
	return nil
}

// rejectPostgres tells a client that its startup will not do, unless it has gone.
func (s *session) rejectPostgres(end *ending) *ending {
	if end.reason == events.ReasonAuthFailed {
		s.refuse(postgres.AppendError(nil, postgres.Error{Severity: fatal, Code: "08P01", Message: end.description}))
	}
	return end
}

// unrecordedPostgres tells a client that it is not let in because nobody could
// tell afterwards that it was.
func (s *session) unrecordedPostgres(err error) *ending {
	s.refuse(postgres.AppendError(nil, postgres.Error{
		Severity: fatal, Code: "57P03", Message: "the session cannot be recorded",
	}))
	return unrecorded(err)
}
