package login

import (
	"context"
	"fmt"
	"io"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/postgres"
)

// forwardCancel takes a client's cancel request to the server that has issued its key. The
// session's relay then waits for the server to close the connection, which is its answer.
func (l *postgresLogin) forwardCancel(ctx context.Context, key postgres.Key, packet []byte) (*Established, *ending.Ending) {
	server, end := l.session.ReachIssuer(ctx, key)
	if end != nil {
		return nil, end
	}
	l.session.Connected(0)
	if err := l.session.WaitOpened(); err != nil {
		return nil, ending.Unrecorded(err)
	}
	l.handshake.reach(server)
	if end := l.handshake.toServer(packet); end != nil {
		return nil, end
	}
	return &Established{Traffic: opaque{owed: true}}, nil
}

// postgresCancel cancels what the connection of a key is doing.
type postgresCancel struct{ key postgres.Key }

// Cancel sends the server a cancel request and waits until it closes the connection.
func (c postgresCancel) Cancel(server *Server) error {
	if _, err := server.Conn.Write(postgres.AppendCancel(nil, c.key)); err != nil {
		return fmt.Errorf("send cancel request: %w", err)
	}
	_, _ = io.Copy(io.Discard, server.Conn) // the server answers by closing
	return nil
}
