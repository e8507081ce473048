package gateway

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"gatebook/cmd/gatebook/gateway/login"
	"gatebook/cmd/gatebook/gateway/relay"
)

// connect makes one attempt to reach a server, and does what comes before its
// protocol: it sends the client's address, and then what [login.Protocol.Prepare] does.
func (s *session) connect(ctx context.Context, server *Server) (*login.Server, error) {
	deadline := time.Now().Add(s.service.ConnectTimeout)
	conn, err := dial(ctx, server, s.service.ConnectTimeout)
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
	return c
}

// prepare makes a fresh connection ready for a login.
func (s *session) prepare(connected *login.Server, server *Server, deadline time.Time) error {
	if server.ProxyProtocol {
		header, err := s.origin.forServer()
		if err != nil {
			return fmt.Errorf("write header of the PROXY protocol: %w", err)
		}
		if _, err := connected.Conn.Write(header); err != nil {
			return err
		}
	}
	return s.service.protocol.Prepare(connected, deadline)
}

// dial makes one attempt to connect to a server.
func dial(ctx context.Context, server *Server, limit time.Duration) (*relay.Conn, error) {
	dialer := net.Dialer{Timeout: limit, KeepAliveConfig: keepAlive()}
	conn, err := dialer.DialContext(ctx, "tcp", server.Address)
	if err != nil {
		return nil, err
	}
	return relay.NewConn(conn.(*net.TCPConn))
}

// keepAlive finds out, within two minutes, that a peer has gone without a word.
func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4}
}
