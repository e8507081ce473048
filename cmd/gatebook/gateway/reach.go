package gateway

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"syscall"
	"time"

	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// keepAlive finds out, within two minutes, that a peer has gone without a word.
func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4}
}

// reach connects the session to the first of the servers that answers. Each that
// does not is noted for the book.
func (s *session) reach(ctx context.Context, servers iter.Seq[*backend]) *ending {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !s.beginAttempt(cancel) {
		return &ending{} // stopped from outside, which has its own reason
	}
	last := "all are drained"
	for server := range servers {
		s.number++
		err := s.attempt(ctx, server)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || errors.Is(err, errStopped) {
			return &ending{}
		}
		last = cause(err)
		s.record.Attempted(&events.ConnectionFailed{Connection: s.number, Server: server.Name, Cause: last})
	}
	return &ending{reason: events.ReasonConnectFailed, description: fmt.Sprintf("no server of %s answers: %s", s.service.Name, last)}
}

// errStopped is the error of an attempt whose session was stopped meanwhile.
var errStopped = errors.New("the session was stopped")

// attempt makes one attempt to connect the session to a server, and notes what that
// shows about the server. An attempt that shows nothing leaves no trace.
func (s *session) attempt(ctx context.Context, server *backend) error {
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
	conn, err := s.connect(ctx, server.Server)
	if err == nil && !s.attach(conn) {
		err = errStopped
	}
	switch {
	case err == nil:
		s.target = server
		s.slots.take(&server.connections)
		reached, shown = true, true
		s.sessions.backends.answered(server)
	case ctx.Err() == nil && !errors.Is(err, errStopped) && !ours(err):
		shown = true
		s.sessions.backends.failed(server, cause(err))
	}
	return err
}

// ours tells whether an attempt failed for want of something on this side, a
// descriptor or a port for example. That says nothing about the server.
func ours(err error) bool {
	for _, number := range []syscall.Errno{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL,
	} {
		if errors.Is(err, number) {
			return true
		}
	}
	return false
}

// dial makes one attempt to reach a server.
func dial(ctx context.Context, server *Server, limit time.Duration) (*relay.Conn, error) {
	dialer := net.Dialer{Timeout: limit, KeepAliveConfig: keepAlive()}
	conn, err := dialer.DialContext(ctx, "tcp", server.Address)
	if err != nil {
		return nil, err
	}
	return relay.NewConn(conn.(*net.TCPConn))
}

// farewell limits how long a refused client may take to hang up, and how much it
// may say meanwhile.
const (
	farewellTime  = time.Second
	farewellReads = 16
)

// refuse tells the client why it is not let in and waits a moment for it to hang
// up: closing while something it has sent is unread would take the words away. A client
// whose login has taken too long was told so, and hears nothing else.
func (s *session) refuse(words []byte) {
	if !s.inTime() {
		return
	}
	_ = s.client.SetWriteDeadline(s.replyDeadline())
	if _, err := s.client.Write(words); err != nil {
		return
	}
	s.partWith()
}

// replyDeadline returns the time until which a client may take the reply to its login.
// It has as long again as the login, and on a busy machine at least farewellTime.
func (s *session) replyDeadline() time.Time {
	return time.Now().Add(max(s.service.LoginTimeout, farewellTime))
}

// partWith waits for a client to hang up that has been told why it should.
func (s *session) partWith() {
	if !s.inTime() {
		return
	}
	_ = s.client.CloseWrite()
	_ = s.client.SetReadDeadline(time.Now().Add(farewellTime))
	var discarded [512]byte
	for range farewellReads {
		if _, err := s.client.Read(discarded[:]); err != nil {
			return
		}
	}
}
