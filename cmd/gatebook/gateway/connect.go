package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/cmd/gatebook/gateway/relay"
)

// connect makes one attempt to reach a server, and does what comes before its
// protocol: it tells of the client, and begins TLS where that is the first thing.
// In MySQL it is not, see secureMySQL, but the server greets first: one that hangs
// still has its connections accepted, by its machine, so until it greets it has not
// answered.
func (s *session) connect(ctx context.Context, server *Server) (*relay.Conn, error) {
	begun := time.Now()
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
	_ = conn.SetReadDeadline(begun.Add(s.service.ConnectTimeout))
	stop := context.AfterFunc(ctx, func() { _ = s.Guard(conn.Close) })
	defer stop()
	err = s.prepare(conn, server)
	if err == nil && s.service.Protocol == MySQL {
		err = greeted(conn, time.Until(begun.Add(s.service.ConnectTimeout)))
	}
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
	return conn, nil
}

// greeted waits until a server has begun to speak.
func greeted(conn *relay.Conn, limit time.Duration) error {
	switch err := conn.Await(limit); {
	case errors.Is(err, io.EOF):
		return errors.New("hung up without a greeting")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("no greeting in connect_timeout")
	default:
		return err
	}
}

// prepare makes a fresh connection ready for the server's protocol.
func (s *session) prepare(conn *relay.Conn, server *Server) error {
	if server.ProxyProtocol {
		header, err := s.header()
		if err != nil {
			return fmt.Errorf("write header of the PROXY protocol: %w", err)
		}
		if _, err := conn.Write(header); err != nil {
			return err
		}
	}
	if !server.speaksTLS() {
		return nil
	}
	switch s.service.Protocol {
	case Postgres:
		return s.sessions.securePostgres(conn, server)
	case TCP:
		return s.sessions.secureServer(conn, server)
	}
	return nil
}

// securePostgres asks a server of PostgreSQL for TLS and begins it.
func (all *sessions) securePostgres(conn *relay.Conn, server *Server) error {
	if _, err := conn.Write(postgres.AppendTLSRequest(nil)); err != nil {
		return err
	}
	var answer [1]byte // and nothing more: the rest has to come through TLS
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return err
	}
	switch {
	case answer[0] == 'S':
		return all.secureServer(conn, server)
	case answer[0] == 'N' && server.TLS == TLSPrefer:
		return nil
	case answer[0] == 'N':
		return errors.New("the server offers no TLS")
	}
	return fmt.Errorf("%w: %q in answer to a request for TLS", postgres.ErrMalformed, answer[0])
}
