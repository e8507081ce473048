package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"iter"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/login"
	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// Admit counts the session toward the limit of its service, or returns how it ends.
func (s *session) Admit() *ending.Ending {
	a := s.service.admission
	if a.stopped.Load() {
		return &ending.Ending{Reason: events.ReasonShutdown, Description: fmt.Sprintf("service %s is stopped", s.service.Name)}
	}
	limit := int64(s.service.MaxSessions)
	if n := a.sessions.Add(1); limit > 0 && n > limit {
		a.sessions.Add(-1)
		return &ending.Ending{
			Reason:      events.ReasonLimit,
			Description: fmt.Sprintf("Too many connections: service %s takes %d sessions", s.service.Name, limit),
		}
	}
	s.slots.take(&a.sessions)
	return nil
}

// Reach connects the session to the first server of its service that answers.
func (s *session) Reach(ctx context.Context) (*login.Server, *ending.Ending) {
	return s.reach(ctx, s.service.router.candidates(), s.service.protocol.HalfClose())
}

// ReachIssuer connects the session to the server that has issued a key.
func (s *session) ReachIssuer(ctx context.Context, key postgres.Key) (*login.Server, *ending.Ending) {
	by, ok := s.sessions.keys.issuer(key)
	if !ok {
		return nil, &ending.Ending{Reason: events.ReasonAuthFailed, Description: "the key to cancel with belongs to no session"}
	}
	s.target, s.cancels = by.address, by.session.record.ID()
	// A client may hang up behind its request, which is to arrive all the same.
	return s.reach(ctx, slices.Values([]*backend{by.server}), true)
}

// Issued notes the key that the session's server has issued.
func (s *session) Issued(key postgres.Key) {
	s.key = key
	s.sessions.keys.add(key, issuer{session: s, server: s.backend, address: s.server.RemoteAddr().String()})
}

// reach connects the session to the first of the servers that answers. Each that
// does not is recorded. halfClose is whether a client stays that will send no more.
func (s *session) reach(ctx context.Context, servers iter.Seq[*backend], halfClose bool) (*login.Server, *ending.Ending) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if !s.beginAttempt(cancel, halfClose) {
		return nil, ending.Stopped()
	}
	defer s.endAttempt()
	last := "all are drained"
	for server := range servers {
		s.number++
		reached, err := s.attempt(ctx, server)
		if err == nil {
			return reached, nil
		}
		if ctx.Err() != nil || errors.Is(err, errStopped) {
			return nil, abandoned(ctx)
		}
		last = ending.Cause(err)
		s.record.Attempted(&events.ConnectionFailed{Connection: s.number, Server: server.Name, Cause: last})
	}
	return nil, &ending.Ending{
		Reason:      events.ReasonConnectFailed,
		Description: fmt.Sprintf("no server of %s answers: %s", s.service.Name, last),
	}
}

// abandoned returns the ending of a session whose attempt to reach a server was given up:
// its client has gone, or the session was stopped.
func abandoned(ctx context.Context) *ending.Ending {
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return ending.Lost(relay.Client, cause)
	}
	return ending.Stopped()
}

// errStopped is the error of an attempt whose session was stopped meanwhile.
var errStopped = errors.New("the session was stopped")

// attempt makes one attempt to connect the session to a server, and notes what that
// shows about the server. An attempt that shows nothing leaves no trace.
func (s *session) attempt(ctx context.Context, server *backend) (*login.Server, error) {
	server.connections.Add(1)
	reached, shown := false, false
	defer func() {
		if !reached {
			server.connections.Add(-1)
		}
		if !shown {
			server.abandoned()
		}
	}()
	began := s.sessions.backends.now()
	connected, err := s.connect(ctx, server.Server)
	if err == nil && !s.attach(connected.Conn) {
		err = errStopped
	}
	switch {
	case err == nil:
		s.backend = server
		s.slots.take(&server.connections)
		reached, shown = true, true
		s.sessions.backends.answered(server)
	case isTimeout(err) && server.answeredSince(began): // it is busy: others found it running
	case ctx.Err() == nil && !errors.Is(err, errStopped) && !isLocal(err):
		shown = true
		s.sessions.backends.failed(server, ending.Cause(err))
	}
	return connected, err
}

// isTimeout reports whether an attempt failed because the server did not answer in time. It does
// that too when more clients come at once than it takes in.
func isTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT) || errors.Is(err, login.ErrNoGreeting)
}

// isLocal reports whether an attempt failed for want of something on this side, a
// descriptor or a port for example. It shows nothing about the server.
func isLocal(err error) bool {
	for _, number := range []syscall.Errno{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL,
	} {
		if errors.Is(err, number) {
			return true
		}
	}
	return false
}

// connect makes one attempt to reach a server, and does what comes before its
// protocol: it sends the client's address, and then what [login.Protocol.Prepare] does.
func (s *session) connect(ctx context.Context, server *Server) (*login.Server, error) {
	deadline := time.Now().Add(s.service.ConnectTimeout)
	conn, err := dial(ctx, cmp.Or(s.target, server.Address), s.service.ConnectTimeout)
	if err != nil {
		return nil, err
	}
	ready := false
	defer func() {
		if !ready {
			_ = conn.Close()
		}
	}()
	_ = conn.SetReadDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = s.Guard(conn.Close) })
	defer stop()
	connected := s.sessions.connected(server, conn)
	err = s.prepare(connected, server, deadline)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = conn.SetReadDeadline(time.Time{})
	}
	if err != nil {
		return nil, err
	}
	ready = true
	return connected, nil
}

// connected returns a server with a connection to it, as logins see it.
func (all *sessions) connected(server *Server, conn *relay.Conn) *login.Server {
	c := &login.Server{Name: server.Name, Conn: conn, RequireTLS: server.TLS == TLSRequire}
	if server.speaksTLS() {
		c.TLS = func() *tls.Config { return all.credentials.Load().servers[server.Name] }
	}
	if server.KillUser != "" {
		c.Account = func() login.Account { return all.credentials.Load().accounts[server.Name] }
	}
	return c
}

// prepare makes a fresh connection ready for a login.
func (s *session) prepare(connected *login.Server, server *Server, deadline time.Time) error {
	if server.ProxyProtocol {
		from := &s.origin
		if s.own {
			from = &origin{conn: connected.Conn}
		}
		header, err := from.forServer(s.own)
		if err != nil {
			return fmt.Errorf("write header of the PROXY protocol: %w", err)
		}
		if _, err := connected.Conn.Write(header); err != nil {
			return err
		}
	}
	return s.service.protocol.Prepare(connected, deadline)
}

// dial makes one attempt to connect to an address.
func dial(ctx context.Context, address string, limit time.Duration) (*relay.Conn, error) {
	dialer := net.Dialer{Timeout: limit, KeepAliveConfig: keepAlive()}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return relay.NewConn(conn.(*net.TCPConn))
}
