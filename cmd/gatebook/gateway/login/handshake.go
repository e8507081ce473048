package login

import (
	"errors"
	"time"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/proxy"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
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
	// goodbyePacket is the packet by which a client ends its session.
	goodbyePacket []byte
	// malformed is the cause of the errors of bytes that are not the protocol's.
	malformed error
}

// handshake is a login under way between a client and a server: all that a login reads and
// writes goes through it. Both sides are read from the client's login on. It belongs to the
// session's goroutine, but for the client's packets between carryAnswers and stopAnswers.
type handshake struct {
	dialect
	client *client
	// fromClient and fromServer are what the sides send. fromServer is nil until a server
	// was reached.
	fromClient, fromServer *packets
	// answers carries the client's packets; nil until a server was reached. carrying: it does.
	answers  *answers
	carrying bool
}

// newHandshake begins a handshake with a client.
func newHandshake(c *client, d dialect) *handshake {
	h := &handshake{dialect: d, client: c}
	h.fromClient = h.packets(c.conn)
	return h
}

// reach gives the handshake its server.
func (h *handshake) reach(server *Server) {
	h.fromServer = h.packets(server.Conn)
	h.answers = newAnswers(h.dialect, h.fromClient, server)
}

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
	if end := h.stopAnswers(); end != nil {
		return nil, end
	}
	if said, _ := h.answers.saidGoodbye(); said {
		return nil, ending.ClosedBy(relay.Client)
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

// carryAnswers begins to carry the client's packets to the server.
func (h *handshake) carryAnswers() {
	h.carrying = true
	h.answers.start(h.client.session)
}

// stopAnswers ends the carrying, and returns how the session ends if something was wrong with
// the client.
func (h *handshake) stopAnswers() *ending.Ending {
	if !h.carrying {
		return nil
	}
	h.answers.stop()
	h.carrying = false
	_ = h.fromServer.conn.SetReadDeadline(time.Time{})
	refused, err := h.answers.outcome()
	said, _ := h.answers.saidGoodbye()
	switch {
	case refused != nil:
		return refused
	case err == nil:
		return nil
	case said:
		return ending.ClosedBy(relay.Client)
	}
	return h.clientLost(err)
}

// denied returns how the session ends whose login the server has refused: if the client has
// said goodbye instead of answering, that was the end. A server that is unavailable has
// closed.
func (h *handshake) denied(why string, unavailable bool) *ending.Ending {
	if _, abandoned := h.answers.saidGoodbye(); abandoned {
		return ending.ClosedBy(relay.Client)
	}
	if unavailable {
		return &ending.Ending{Reason: events.ReasonServerClosed, Description: why}
	}
	return failed(why)
}

// finish ends a login that succeeded: the client gets the server's reply, and both sides get
// what the other has sent meanwhile, which the traffic sees. It returns what the traffic
// has not let pass. When the time of the login was over before, the client was sent an error and
// gets nothing.
func (h *handshake) finish(reply []byte, t Traffic) (rest string, end *ending.Ending) {
	if !h.client.stopTimer() {
		return "", ending.Stopped()
	}
	// The time of the login is over, and a side that takes nothing has no other limit.
	until := h.client.replyDeadline()
	for _, conn := range []*relay.Conn{h.client.conn, h.fromServer.conn} {
		_ = conn.SetWriteDeadline(until)
	}
	if rest, end = h.passRest(reply, t); end != nil {
		return "", end
	}
	for _, conn := range []*relay.Conn{h.client.conn, h.fromServer.conn} {
		_ = conn.SetWriteDeadline(time.Time{})
	}
	return rest, nil
}

// passRest writes what finish passes on, and returns what is not to pass.
func (h *handshake) passRest(reply []byte, t Traffic) (string, *ending.Ending) {
	said := h.fromServer.rest()
	if end := h.toClient(append(reply, said...)); end != nil {
		return "", end
	}
	t.FromServer(said)
	if said, _ := h.answers.saidGoodbye(); said { // the server has it already
		t.FromClient(h.goodbyePacket)
	}
	rest := h.fromClient.rest()
	n := 0
	if len(rest) > 0 {
		n = t.FromClient(rest)
	}
	if n > 0 {
		if end := h.toServer(rest[:n]); end != nil {
			return "", end
		}
	}
	return string(rest[n:]), nil
}

// release gives back what the handshake has borrowed. If the client's answers are still
// carried the login has failed, and what the server does not take is given up.
func (h *handshake) release() {
	if h.carrying {
		_ = h.fromServer.conn.SetWriteDeadline(time.Unix(1, 0)) // wakes a write that waits
	}
	h.stopAnswers()
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
func (h *handshake) clientLost(err error) *ending.Ending {
	if h.fromClient.size() > 0 { // a login that is cut short
		h.client.session.Spoke()
	}
	if errors.Is(err, h.malformed) && proxy.Begins(h.fromClient.unread()) {
		return failed(unexpectedHeader(h.client.service))
	}
	return h.lost(relay.Client, err)
}

// serverLost returns the ending after an error of the server.
func (h *handshake) serverLost(err error) *ending.Ending { return h.lost(relay.Server, err) }
