package login

import (
	"context"
	"crypto/tls"
	"time"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// Protocol is what differs between the protocols that clients and servers speak. One serves
// all sessions of a service, at the same time.
type Protocol interface {
	// Prepare does what comes before the login on a fresh connection to a server, until
	// the deadline: it begins TLS, or waits until the server has greeted. An error means
	// that the server has not answered.
	Prepare(server *Server, deadline time.Time) error
	// LogIn carries a client's login to a server. It returns the session when that is
	// established and on the record, or else how it ends. ctx is that of recording.
	LogIn(ctx context.Context, s Session) (*Established, *ending.Ending)
	// ClientFirst reports whether a client sends something before a server does.
	ClientFirst() bool
	// HalfClose reports whether one side of an established session may close while the
	// other goes on.
	HalfClose() bool
}

// Session is what a login needs of the session that it belongs to.
type Session interface {
	Recording
	Servers
	// Client returns the client's connection.
	Client() *relay.Conn
	// Stop ends the session for a reason that is not the login's outcome. Any goroutine
	// may call it.
	Stop(reason events.Reason)
	// Guard calls f and returns its error. A panic in f ends the session, and is returned
	// as an error. Any goroutine may call it.
	Guard(f func() error) error
}

// Recording records what a login finds out.
type Recording interface {
	// Arrived begins to record the session of a client that has not begun its login, and
	// reports whether it does. It does not for a client that may be a probe.
	Arrived(ctx context.Context) bool
	// Spoke notes that the client has begun its login.
	Spoke()
	// Open begins to record the session. Only the first call counts.
	Open(ctx context.Context, kind events.SessionType)
	// WaitOpened blocks until session_opened is durable, and returns why it is not. With
	// best effort it returns nil at once.
	WaitOpened() error
	// Asked notes what the client asks for. If the login fails that is on the record.
	Asked(login events.SessionReady)
	// Connected records the server that was reached, with the server's own id for the
	// connection; 0 where it is not known yet.
	Connected(serverID uint64)
	// Ready records that the login succeeded. serverID is the server's id for the
	// connection if it has become known since Connected, and 0 otherwise.
	Ready(ctx context.Context, login events.SessionReady, serverID uint64) error
	// Record records another event of an established session.
	Record(ctx context.Context, e events.Event) error
}

// Servers lets a session in and connects it to a server.
type Servers interface {
	// Admit counts the session toward the limits of its service, or returns how it ends.
	Admit() *ending.Ending
	// Reach connects the session to the first server of its service that answers.
	Reach(ctx context.Context) (*Server, *ending.Ending)
	// ReachIssuer connects the session to the server that has issued a key.
	ReachIssuer(ctx context.Context, key postgres.Key) (*Server, *ending.Ending)
	// Issued notes the key that the session's server has issued.
	Issued(key postgres.Key)
}

// Server is a server with the connection that a session has to it.
type Server struct {
	Name string
	Conn *relay.Conn
	// TLS returns with what to begin TLS, as of now. It is nil where the gateway speaks no
	// TLS to the server.
	TLS func() *tls.Config
	// RequireTLS: the server is not used if it offers no TLS.
	RequireTLS bool
	// Account returns the account by which the gateway ends connections, as of now. It is
	// nil where the server has none.
	Account func() Account
}

// Account is with what the gateway itself logs in to a server.
type Account struct{ User, Password string }

// account returns the account by which the gateway ends connections, if there is one.
func (s *Server) account() (Account, bool) {
	if s.Account == nil {
		return Account{}, false
	}
	return s.Account(), true
}

// startTLS begins TLS with a server that has agreed to it.
func (s *Server) startTLS(buffers *relay.Buffers) error {
	return s.Conn.StartTLS(tls.Client, s.TLS(), nil, buffers)
}

// Service is what logins need to know of the service that clients connect to.
type Service struct {
	Name string
	// LoginTimeout limits a login.
	LoginTimeout time.Duration
	// TLS returns with what to begin TLS with a client, as of now. It is nil where the
	// service has no certificate.
	TLS func() *tls.Config
	// TLSRequired: only clients that use TLS are let in. Cancel requests need none.
	TLSRequired bool
	// ClientCertificates: only clients with a certificate are let in, which takes TLS.
	ClientCertificates bool
	// Buffers is shared by all sessions.
	Buffers *relay.Buffers
}

// endsTLS reports whether the service offers TLS to its clients.
func (s *Service) endsTLS() bool { return s.TLS != nil }

// Established is a session whose login has succeeded.
type Established struct {
	// Traffic follows what both sides send.
	Traffic Traffic
	// Rest is what the client has sent and Traffic has not let pass: Resume is to be called
	// with it before the first relay, unless it is "".
	Rest string
	// Canceller stops what the server does for the session; nil where nothing can.
	Canceller Canceller
	// Close releases what Traffic holds; nil where that is nothing.
	Close func()
}

// Release releases what the session's traffic holds, which is not used then.
func (e *Established) Release() {
	if e.Close != nil {
		e.Close()
	}
}

// Traffic follows the bytes of an established session. FromClient and FromServer are called
// by different goroutines; the other methods when neither is, but for Waiting, which any
// goroutine may call.
type Traffic interface {
	// FromClient sees what the client sent, and returns how many of these bytes may be
	// passed on. Where that is not all of them, Resume is called with the rest.
	FromClient(p []byte) int
	// FromServer sees what the server sent.
	FromServer(p []byte)
	// Waiting returns whether the server owes an answer, as far as the protocol shows.
	Waiting() Waiting
	// Parted reports whether the client has said goodbye and is owed nothing, so that its server
	// closes at once. The goroutine that calls FromClient calls it.
	Parted() bool
	// Ended returns how the session ended, whose relay has ended.
	Ended(end relay.End) *ending.Ending
	// EndNotice returns what a client is sent when its session ends for that reason. It
	// returns nil where that would land within a message of the server's, and where the
	// protocol has no such message.
	EndNotice(reason events.Reason, message string) []byte
	// Resume goes on after the relay has paused, with what FromClient has not let pass. It
	// returns nil when a relay is to begin again. ctx is that of recording.
	Resume(ctx context.Context, rest string) *ending.Ending
}

// Canceller stops what a server still does for a session that has ended.
type Canceller interface {
	// Cancel asks the server for it, over another connection, and blocks until the server
	// has taken note. The session's own connection is open still.
	Cancel(server *Server) error
}
