package gateway

import (
	"errors"
	"os"
	"sync"
	"time"

	"gatebook/cmd/gatebook/gateway/relay"
)

// exchange is a login under way between a client and a server. Its streams belong
// to the session's goroutine, but for the client's between listen and settle.
type exchange struct {
	session        *session
	client, server *stream
	// headSize is how much of a client's packet belongs looks at. One that does
	// not belong to the login stays where it is until the login is over, so that
	// no command reaches a server before its session is on the record.
	headSize int
	belongs  func(head []byte) bool

	// answers is the goroutine that carries the client's answers, once there is
	// one; err is how it ended.
	answers   sync.WaitGroup
	listening bool
	err       error
}

// stream reads the packets of one side of the session.
func (s *session) stream(conn *relay.Conn, frame func([]byte) (int, error)) *stream {
	return &stream{conn: conn, frame: frame, buffers: &s.sessions.buffers}
}

// listen begins to carry the client's answers to the server. It may be called
// again.
func (x *exchange) listen() {
	if !x.listening {
		x.listening = true
		x.answers.Go(func() {
			if err := x.session.Guard(func() error { x.carry(); return nil }); err != nil {
				x.err = err
			}
		})
	}
}

// carry passes on what belongs to the login until something comes that does not.
// When the client is gone it closes the server's connection as well, so that who
// waits for the server waits no longer.
func (x *exchange) carry() {
	for {
		head, err := x.client.head(x.headSize)
		if err == nil && !x.belongs(head) {
			return
		}
		var packet []byte
		if err == nil {
			packet, err = x.client.next()
		}
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				x.err = err
				_ = x.server.conn.Close()
			}
			return
		}
		if _, err := x.server.conn.Write(packet); err != nil {
			return // who reads from the server finds the same
		}
	}
}

// settle ends the carrying, and returns what was wrong with the client.
func (x *exchange) settle() error {
	if !x.listening {
		return nil
	}
	_ = x.client.conn.SetReadDeadline(time.Unix(1, 0)) // wakes a read that waits
	x.answers.Wait()
	x.listening = false
	_ = x.client.conn.SetReadDeadline(time.Time{})
	return x.err
}

// reply waits for the server's next packet.
func (x *exchange) reply() ([]byte, *ending) {
	packet, err := x.server.next()
	if err == nil {
		return packet, nil
	}
	if err := x.settle(); err != nil {
		return nil, lost(relay.Client, err)
	}
	return nil, lost(relay.Server, err)
}

// pass writes a server's packet to the client.
func (x *exchange) pass(packet []byte) *ending {
	if _, err := x.client.conn.Write(packet); err != nil {
		return lost(relay.Client, err)
	}
	return nil
}

// open ends a login that succeeded: the client gets the words that say so, and
// both sides what the other has sent meanwhile. Who follows them learns of that. When
// the time of the login was over before, the client has been told so and gets nothing.
func (x *exchange) open(words []byte, f follower, heard frames) *ending {
	if !x.session.inTime() {
		return &ending{} // stopped, which has its own reason
	}
	// The time of the login is over, and a side that takes nothing has no other limit.
	until := x.session.replyDeadline()
	for _, conn := range []*relay.Conn{x.client.conn, x.server.conn} {
		_ = conn.SetWriteDeadline(until)
	}
	if end := x.passAll(words, f, heard); end != nil {
		return end
	}
	for _, conn := range []*relay.Conn{x.client.conn, x.server.conn} {
		_ = conn.SetWriteDeadline(time.Time{})
	}
	return nil
}

// passAll writes what open passes on.
func (x *exchange) passAll(words []byte, f follower, heard frames) *ending {
	said := x.server.rest()
	if end := x.pass(append(words, said...)); end != nil {
		return end
	}
	if heard != nil {
		heard.Follow(said)
	}
	rest := x.client.rest()
	if len(rest) == 0 {
		return nil
	}
	if f != nil {
		f.Follow(rest)
	}
	if c, ok := f.(*commands); ok && c.stopped() {
		return tooEarly()
	}
	if _, err := x.server.conn.Write(rest); err != nil {
		return lost(relay.Server, err)
	}
	return nil
}

// release gives back what the exchange has borrowed. If the client's answers are still
// carried the login has failed, and what the server does not take is given up.
func (x *exchange) release() {
	if x.listening {
		_ = x.server.conn.SetWriteDeadline(time.Unix(1, 0)) // wakes a write that waits
	}
	_ = x.settle()
	x.client.release()
	x.server.release()
}
