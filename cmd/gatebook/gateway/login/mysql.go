package login

import (
	"context"
	"sync/atomic"
	"time"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/events"
)

// MySQL lets clients of MySQL and MariaDB in.
type MySQL struct {
	Service
	// Compression lets clients compress, by zlib.
	Compression bool
	// inflaters is for following them.
	inflaters mysql.Inflaters
}

// The errors of MySQL that the gateway itself has reason to send.
const (
	mysqlUnreachable  = 1429 // a client takes no code of its own library, such as 2003, from a server
	mysqlBadHandshake = 1043
	mysqlInsecure     = 3159
	mysqlUnknown      = 1105
)

// Prepare blocks until the server begins to greet. The machine of a server that hangs
// accepts connections for it all the same, so until it greets it has not answered. TLS
// begins later in this protocol.
func (m *MySQL) Prepare(server *Server, deadline time.Time) error {
	return greeted(server.Conn, deadline)
}

// ClientFirst reports false: the server greets.
func (m *MySQL) ClientFirst() bool { return false }

// HalfClose reports false.
func (m *MySQL) HalfClose() bool { return false }

// LogIn carries a login from the server's greeting to its OK.
func (m *MySQL) LogIn(ctx context.Context, s Session) (*Established, *ending.Ending) {
	l := &mysqlLogin{protocol: m, session: s}
	l.client = newClient(s, &m.Service, l)
	defer l.client.stopTimer()
	return l.run(ctx)
}

// mysqlLogin returns a login of MySQL, or a change of user over the same connection.
type mysqlLogin struct {
	protocol  *MySQL
	session   Session
	client    *client
	server    *Server
	handshake *handshake
	// next is the number of the packet that the client expects next. The timer reads it.
	next atomic.Uint32
	// thread is the server's number for the connection.
	thread uint32
	// common are the capabilities that client and server agreed on, collation is that of the
	// client's character set.
	common    mysql.Capabilities
	collation mysql.Collation
}

// run carries the login.
func (l *mysqlLogin) run(ctx context.Context) (*Established, *ending.Ending) {
	if !l.protocol.endsTLS() { // else it is opened with the TLS that begins later
		l.session.Arrived(ctx)
	}
	if end := l.session.Admit(); end != nil {
		l.client.refuse(refusal(end.Reason).mysql(0, end.Description))
		return nil, end
	}
	server, end := l.session.Reach(ctx)
	if end != nil {
		l.refuseUnreachable()
		return nil, end
	}
	l.server = server
	l.client.startTimer()
	l.begin()
	defer l.end()
	greeting, end := l.greet()
	if end != nil {
		return nil, end
	}
	login, end := l.forward(ctx, greeting)
	if end != nil {
		return nil, end
	}
	return l.complete(ctx, login)
}

// begin begins a handshake between client and server.
func (l *mysqlLogin) begin() {
	l.handshake = newHandshake(l.client, dialect{
		frame: mysql.Frame, headSize: mysql.HeaderSize, malformed: mysql.ErrMalformed,
		// A command begins at sequence 0, an answer goes on counting.
		belongs:       func(head []byte) bool { return mysql.Packet(head).Sequence() != 0 },
		goodbyePacket: mysql.Goodbye(),
	})
	l.handshake.reach(l.server)
}

// end ends the handshake.
func (l *mysqlLogin) end() {
	l.handshake.release()
	l.handshake = nil
}

// greet passes on the server's greeting, without what would hide the login.
func (l *mysqlLogin) greet() (mysql.Greeting, *ending.Ending) {
	packet, end := l.handshake.nextFromServer()
	if end != nil {
		l.refuseUnreachable()
		return mysql.Greeting{}, end
	}
	if mysql.ReplyOf(packet) == mysql.ReplyError {
		l.client.refuse(packet)
		return mysql.Greeting{}, &ending.Ending{
			Reason:      events.ReasonServerClosed,
			Description: mysql.ParseError(packet).String(),
		}
	}
	greeting, err := mysql.ParseGreeting(packet)
	if err != nil {
		l.refuseUnreachable()
		return mysql.Greeting{}, l.handshake.serverLost(err)
	}
	l.thread = greeting.ThreadID
	l.session.Connected(uint64(l.thread))
	greeting.Withhold(packet, l.hidden())
	if l.protocol.endsTLS() {
		greeting.OfferTLS(packet)
	}
	l.next.Store(2) // the client's login has 1
	return greeting, l.handshake.toClient(packet)
}

// hidden returns the capabilities that clients of the service are not offered.
func (l *mysqlLogin) hidden() mysql.Capabilities {
	if l.protocol.Compression {
		return mysql.Hidden &^ mysql.Compress // what is compressed by zstd cannot be followed
	}
	return mysql.Hidden
}

// forward passes on the client's login, once the session's opening is durable.
func (l *mysqlLogin) forward(ctx context.Context, g mysql.Greeting) (mysql.Login, *ending.Ending) {
	login, packet, next, end := l.read(g)
	if end != nil {
		return login, end
	}
	l.session.Asked(asked(login))
	insecure := l.client.lacksTLS()
	switch {
	case insecure != "":
		l.refuse(next, mysqlInsecure, insecure)
		return login, failed(insecure)
	case login.Compressed && !l.protocol.Compression:
		return login, l.reject(next, failed("the client insists on compression"))
	case login.Zstd:
		return login, l.reject(next, failed("the client insists on compression by zstd, and the service has zlib alone"))
	}
	l.common, l.collation = mysql.Common(packet, g), login.Collation
	l.session.Open(ctx, events.TypeClient)
	if err := l.session.WaitOpened(); err != nil {
		return login, l.refuseUnrecorded(next, err)
	}
	if err := l.secureServer(g, packet, login.Old); err != nil {
		end := l.serverTLSFailed(err)
		l.refuse(next, mysqlUnreachable, end.Description)
		return login, end
	}
	return login, l.handshake.toServer(packet)
}

// complete follows the authentication to its end.
func (l *mysqlLogin) complete(ctx context.Context, login mysql.Login) (*Established, *ending.Ending) {
	l.handshake.carryAnswers()
	packet, end := l.handshake.nextFromServer()
	if end != nil {
		return nil, end
	}
	reply, end := l.authenticate(packet, login.Plugin)
	if end != nil {
		return nil, end
	}
	gone := l.handshake.stopAnswers()
	if mysql.ReplyOf(reply) == mysql.ReplyError {
		e := mysql.ParseError(reply)
		l.client.refuse(reply)
		return nil, l.handshake.denied(e.String(), e.Unavailable())
	}
	return l.accept(ctx, login, reply, gone)
}

// authenticate passes packets of the authentication between the sides, beginning with the
// server's first, until the server's OK or error, which it returns.
func (l *mysqlLogin) authenticate(packet mysql.Packet, plugin string) (mysql.Packet, *ending.Ending) {
	for mysql.ReplyOf(packet) == mysql.ReplyMore {
		if switched := packet.Switched(); switched != "" {
			plugin = switched
		}
		if l.mismatched(packet, plugin) {
			return nil, l.refuseMismatch(packet, plugin)
		}
		if packet.AwaitsAnswer() {
			l.handshake.answers.asked(nil)
		}
		l.next.Store(uint32(packet.Sequence()) + 2)
		if end := l.handshake.toClient(packet); end != nil {
			return nil, end
		}
		var end *ending.Ending
		if packet, end = l.handshake.nextFromServer(); end != nil {
			return nil, end
		}
	}
	return packet, nil
}

// accept records that the login succeeded, and then passes the server's OK on. gone is how the
// session ends if the client has gone meanwhile, and nil otherwise.
func (l *mysqlLogin) accept(ctx context.Context, login mysql.Login, ok mysql.Packet, gone *ending.Ending) (*Established, *ending.Ending) {
	if err := l.session.Ready(ctx, asked(login), 0); err != nil {
		return nil, l.refuseUnrecorded(ok.Sequence(), err)
	}
	if gone != nil {
		return nil, gone
	}
	established := &Established{}
	if login.Compressed {
		traffic := newCompressedTraffic(ctx, l)
		established.Traffic, established.Close = traffic, traffic.Close
	} else {
		established.Traffic = newMySQLTraffic(l)
	}
	rest, end := l.handshake.finish(ok, established.Traffic)
	if end != nil {
		established.Release()
		return nil, end
	}
	established.Rest = rest
	if l.server.Account != nil {
		established.Canceller = mysqlKill{thread: l.thread, buffers: l.protocol.Buffers}
	}
	return established, nil
}

// asked returns what a login asks for, as the record has it.
func asked(login mysql.Login) events.SessionReady {
	return events.SessionReady{User: login.User, Database: login.Database, Program: login.Program}
}

// timeoutError returns the error for a client whose time is over.
func (l *mysqlLogin) timeoutError(message string) []byte {
	return refusal(events.ReasonLoginTimeout).mysql(byte(l.next.Load()), message)
}

// refuse refuses the client with an error of MySQL.
func (l *mysqlLogin) refuse(sequence byte, code uint16, message string) {
	l.client.refuse(protocolError{code: code, state: "HY000"}.mysql(sequence, message))
}

// refuseUnreachable refuses a client whose server cannot be had, before the greeting.
func (l *mysqlLogin) refuseUnreachable() {
	l.refuse(0, mysqlUnreachable, unreachable(&l.protocol.Service))
}

// reject refuses a client whose login will not do, unless it has gone, and returns end.
func (l *mysqlLogin) reject(sequence byte, end *ending.Ending) *ending.Ending {
	if end.Reason == events.ReasonAuthFailed {
		e := protocolError{code: mysqlBadHandshake, state: "08S01"}
		l.client.refuse(e.mysql(sequence, "Bad handshake: "+end.Description))
	}
	return end
}

// refuseUnrecorded refuses a client whose session cannot be recorded.
func (l *mysqlLogin) refuseUnrecorded(sequence byte, err error) *ending.Ending {
	l.refuse(sequence, mysqlUnknown, unrecorded)
	return ending.Unrecorded(err)
}
