package login

import (
	"errors"
	"os"
	"sync"
	"time"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/relay"
)

// dialect is what the packets of a protocol look like.
type dialect struct {
	// frame returns the size of the packet at the head of b, or 0 when b is too short for
	// that. It limits the size.
	frame func(b []byte) (int, error)
	// belongs reports whether a client's packet is an answer within a login. It looks at
	// the first headSize bytes.
	belongs  func(head []byte) bool
	headSize int
	// malformed is the cause of the errors of bytes that are not the protocol's.
	malformed error
}

// handshake is a login under way between a client and a server: all that a login reads and
// writes goes through it. It belongs to the session's goroutine, but for the client's
// packets between carryAnswers and stopAnswers.
type handshake struct {
	dialect
	client *client
	// fromClient and fromServer are what the sides send. fromServer is nil until a server
	// was reached. A client's packet that does not belong to the login stays where it is
	// until the login is over, so that no command reaches a server before its session is
	// on the record.
	fromClient, fromServer *packets

	// answers is the goroutine that carries the client's answers. carrying: there is one.
	// err is how it ended, valid when it was waited for.
	answers  sync.WaitGroup
	carrying bool
	err      error
}

// newHandshake begins a handshake with a client.
func newHandshake(c *client, d dialect) *handshake {
	h := &handshake{dialect: d, client: c}
	h.fromClient = h.packets(c.conn)
	return h
}

// reach gives the handshake its server.
func (h *handshake) reach(server *Server) { h.fromServer = h.packets(server.Conn) }

// packets returns the packets that a side sends.
func (h *handshake) packets(conn *relay.Conn) *packets {
	return &packets{conn: conn, frame: h.frame, buffers: h.client.service.Buffers}
}

// nextFromClient blocks until the client's next packet is there. It must not be called
// while answers are carried.
func (h *handshake) nextFromClient() ([]byte, error) { return h.fromClient.next() }

// nextFromServer blocks until the server's next packet is there.
func (h *handshake) nextFromServer() ([]byte, *ending.Ending) {
	packet, err := h.fromServer.next()
	if err == nil {
		return packet, nil
	}
	if err := h.stopAnswers(); err != nil {
		return nil, h.clientLost(err)
	}
	return nil, h.serverLost(err)
}

// toClient writes a packet to the client.
func (h *handshake) toClient(packet []byte) *ending.Ending {
	if _, err := h.client.conn.Write(packet); err != nil {
		return h.clientLost(err)
	}
	return nil
}

// toServer writes a packet to the server.
func (h *handshake) toServer(packet []byte) *ending.Ending {
	if _, err := h.fromServer.conn.Write(packet); err != nil {
		return h.serverLost(err)
	}
	return nil
}

// carryAnswers begins to carry the client's answers to the server. Calling it again changes
// nothing.
func (h *handshake) carryAnswers() {
	if h.carrying {
		return
	}
	h.carrying = true
	h.answers.Go(func() {
		if err := h.client.session.Guard(func() error { h.carry(); return nil }); err != nil {
			h.err = err
		}
	})
}

// carry passes on what belongs to the login until something comes that does not. When the
// client is gone it closes the server's connection as well, which ends a wait for the
// server.
func (h *handshake) carry() {
	for {
		head, err := h.fromClient.head(h.headSize)
		if err == nil && !h.belongs(head) {
			return
		}
		var packet []byte
		if err == nil {
			packet, err = h.fromClient.next()
		}
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				h.err = err
				_ = h.fromServer.conn.Close()
			}
			return
		}
		if _, err := h.fromServer.conn.Write(packet); err != nil {
			return // the session's goroutine reads from the server and finds the same
		}
	}
}

// stopAnswers ends the carrying, and returns what was wrong with the client.
func (h *handshake) stopAnswers() error {
	if !h.carrying {
		return nil
	}
	_ = h.client.conn.SetReadDeadline(time.Unix(1, 0)) // wakes a read that waits
	h.answers.Wait()
	h.carrying = false
	_ = h.client.conn.SetReadDeadline(time.Time{})
	return h.err
}

// finish ends a login that succeeded: the client gets the server's reply, and both sides get
// what the other has sent meanwhile, which the traffic sees. When the time of the
// login was over before, the client was sent an error and gets nothing.
func (h *handshake) finish(reply []byte, t Traffic) *ending.Ending {
	if !h.client.stopTimer() {
		return ending.Stopped()
	}
	// The time of the login is over, and a side that takes nothing has no other limit.
	until := h.client.replyDeadline()
	for _, conn := range []*relay.Conn{h.client.conn, h.fromServer.conn} {
		_ = conn.SetWriteDeadline(until)
	}
	if end := h.passRest(reply, t); end != nil {
		return end
	}
	for _, conn := range []*relay.Conn{h.client.conn, h.fromServer.conn} {
		_ = conn.SetWriteDeadline(time.Time{})
	}
	return nil
}

// passRest writes what finish passes on.
func (h *handshake) passRest(reply []byte, t Traffic) *ending.Ending {
	said := h.fromServer.rest()
	if end := h.toClient(append(reply, said...)); end != nil {
		return end
	}
	t.FromServer(said)
	rest := h.fromClient.rest()
	if len(rest) == 0 {
		return nil
	}
	if t.FromClient(rest) < len(rest) {
		return changedTooEarly()
	}
	return h.toServer(rest)
}

// release gives back what the handshake has borrowed. If the client's answers are still
// carried the login has failed, and what the server does not take is given up.
func (h *handshake) release() {
	if h.carrying {
		_ = h.fromServer.conn.SetWriteDeadline(time.Unix(1, 0)) // wakes a write that waits
	}
	_ = h.stopAnswers()
	h.fromClient.release()
	if h.fromServer != nil {
		h.fromServer.release()
	}
}

// lost returns the ending of a session whose login was cut short by an error of one side.
// A side that does not speak the protocol is a client that could not log in, or an error
// of the server's.
func (h *handshake) lost(side relay.Side, err error) *ending.Ending {
	switch {
	case !errors.Is(err, h.malformed):
		return ending.Lost(side, err)
	case side == relay.Client:
		return failed(err.Error())
	}
	return serverFailed(err.Error())
}

// clientLost returns the ending after an error of the client.
func (h *handshake) clientLost(err error) *ending.Ending { return h.lost(relay.Client, err) }

// serverLost returns the ending after an error of the server.
func (h *handshake) serverLost(err error) *ending.Ending { return h.lost(relay.Server, err) }
