package gateway

import (
	"cmp"
	"context"
	"fmt"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// The errors of MySQL that the gateway itself has reason to send.
const (
	mysqlUnreachable  = 1429 // a client takes no code of its own library, such as 2003, from a server
	mysqlBadHandshake = 1043
	mysqlUnknown      = 1105
)

// loginMySQL carries a login of MySQL or MariaDB from the server's greeting to its
// OK. It returns nil when the session is ready, and on the record.
func (s *session) loginMySQL(ctx context.Context) *ending {
	if !s.service.endsTLS() { // else it is told with the TLS there is
		s.introduce(ctx, events.TypeClient)
	}
	if end := s.admit(); end != nil {
		return s.turnAway(end)
	}
	if end := s.reach(ctx, s.service.router.candidates()); end != nil {
		s.refuse(mysql.AppendError(nil, 0, mysql.Error{Code: mysqlUnreachable, Message: unreachable(s)}))
		return end
	}
	s.startLogin()
	x := s.exchangeMySQL()
	defer x.release()
	greeting, end := s.greetMySQL(x)
	if end != nil {
		return end
	}
	login, end := s.forwardMySQL(ctx, x, greeting)
	if end != nil {
		return end
	}
	return s.awaitMySQL(ctx, x, login)
}

// unreachable tells a client that no server can be had.
func unreachable(s *session) string {
	return fmt.Sprintf("no server of service %s can be reached", s.service.Name)
}

// greetMySQL passes on the server's greeting, without what would hide the login.
func (s *session) greetMySQL(x *exchange) (mysql.Greeting, *ending) {
	packet, end := x.reply()
	if end != nil {
		s.refuse(mysql.AppendError(nil, 0, mysql.Error{Code: mysqlUnreachable, Message: unreachable(s)}))
		return mysql.Greeting{}, end
	}
	if mysql.ReplyOf(packet) == mysql.ReplyError {
		s.refuse(packet)
		return mysql.Greeting{}, &ending{
			reason:      events.ReasonServerClosed,
			description: mysql.ParseError(packet).String(),
		}
	}
	greeting, err := mysql.ParseGreeting(packet)
	if err != nil {
		s.refuse(mysql.AppendError(nil, 0, mysql.Error{Code: mysqlUnreachable, Message: unreachable(s)}))
		return mysql.Greeting{}, lost(relay.Server, err)
	}
	s.reached(uint64(greeting.ThreadID))
	greeting.Withhold(packet, s.hidden())
	if s.service.endsTLS() {
		greeting.OfferTLS(packet)
	}
	s.sequence.Store(2) // the client's login has 1
	return greeting, x.pass(packet)
}

// forwardMySQL passes on the client's login, once the session's opening is
// durable.
func (s *session) forwardMySQL(ctx context.Context, x *exchange, g mysql.Greeting) (mysql.Login, *ending) {
	login, packet, next, end := s.readMySQL(x, g)
	switch {
	case end != nil:
		return login, end
	case s.needsTLS():
		return login, s.rejectMySQL(next, &ending{reason: events.ReasonAuthFailed, description: insists})
	case login.Compressed && !s.service.Compression:
		return login, s.rejectMySQL(next, &ending{reason: events.ReasonAuthFailed, description: "the client insists on compression"})
	}
	s.tried, s.speaks = asked(login), mysql.Common(packet, g)
	s.introduce(ctx, events.TypeClient)
	if err := s.record.WaitOpened(); err != nil {
		return login, s.unrecordedMySQL(next, err)
	}
	if err := s.secureMySQL(x, g, packet); err != nil {
		end := s.failedServer(explainTLS(err))
		s.refuse(mysql.AppendError(nil, next, mysql.Error{Code: mysqlTLS, State: "HY000", Message: end.description}))
		return login, end
	}
	if _, err := s.server.Write(packet); err != nil {
		return login, lost(relay.Server, err)
	}
	return login, nil
}

// rejectMySQL tells a client that its login will not do, unless it has gone.
func (s *session) rejectMySQL(sequence byte, end *ending) *ending {
	if end.reason == events.ReasonAuthFailed {
		s.refuse(mysql.AppendError(nil, sequence, mysql.Error{
			Code: mysqlBadHandshake, State: "08S01", Message: "Bad handshake: " + end.description,
		}))
	}
	return end
}

// unrecordedMySQL tells a client that it is not let in because nobody could tell
// afterwards that it was.
func (s *session) unrecordedMySQL(sequence byte, err error) *ending {
	s.refuse(mysql.AppendError(nil, sequence, mysql.Error{
		Code: mysqlUnknown, State: "HY000", Message: "the session cannot be recorded",
	}))
	return unrecorded(err)
}

// awaitMySQL follows the authentication until the server says how it ended.
func (s *session) awaitMySQL(ctx context.Context, x *exchange, login mysql.Login) *ending {
	plugin := login.Plugin
	for {
		packet, end := x.reply()
		if end != nil {
			return end
		}
		switch mysql.ReplyOf(packet) {
		case mysql.ReplyError:
			s.refuse(packet)
			return &ending{reason: events.ReasonAuthFailed, description: mysql.ParseError(packet).String()}
		case mysql.ReplyOK:
			return s.acceptMySQL(ctx, x, login, packet)
		}
		plugin = cmp.Or(mysql.Packet(packet).Switched(), plugin)
		if s.mismatched(packet, plugin) {
			return s.refuseMismatch(packet, plugin)
		}
		x.listen()
		s.sequence.Store(uint32(packet[3]) + 2)
		if end := x.pass(packet); end != nil {
			return end
		}
	}
}

// asked is what a login asks for, as the book will have it.
func asked(login mysql.Login) events.SessionReady {
	return events.SessionReady{User: login.User, Database: login.Database, Program: login.Program}
}

// hidden are the capabilities that clients of the service are not offered.
func (s *session) hidden() mysql.Capabilities {
	if s.service.Compression {
		return mysql.Hidden &^ (mysql.Compress | mysql.CompressZstd)
	}
	return mysql.Hidden
}

// acceptMySQL records that the login succeeded, and then tells the client.
func (s *session) acceptMySQL(ctx context.Context, x *exchange, login mysql.Login, ok mysql.Packet) *ending {
	if err := x.settle(); err != nil {
		return lost(relay.Client, err)
	}
	err := s.ready(ctx, s.tried, 0)
	if err != nil {
		return s.unrecordedMySQL(ok.Sequence(), err)
	}
	if login.Compressed { // what follows cannot be followed
		return x.open(ok, nil, nil)
	}
	f := &commands{server: s.server}
	s.follower, s.heard = f, &mysql.Frames{}
	return x.open(ok, f, s.heard)
}
