package gateway

import (
	"testing"
	"time"

	"gatebook/events"
)

// TestIdleOwesNothing checks that a session whose server has yet to answer is not idle,
// however long that takes, and that one whose client was last to send, without an
// answer to come, is.
func TestIdleOwesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		protocol   Protocol
		serve      func(peer)
		logIn      func(peer)
		asks, ends string
	}{
		"mysql": {
			MySQL, func(p peer) {
				p.send(mysqlGreeting())
				p.packet()
				p.send(mysqlPacket(2, mysqlOK))
			}, peer.logIn,
			string(mysqlPacket(0, "\x03SELECT SLEEP(9999)")),
			string(mysqlPacket(0, "\x19\x01\x00\x00\x00")), // to close a statement
		},
		"postgres": {
			Postgres, func(p peer) {
				p.startup()
				p.send([]byte(pgWelcome()))
			}, func(p peer) {
				p.send(pgLogin())
				p.want(pgWelcome())
			},
			string(pgMessage('Q', "SELECT pg_sleep(9999)\x00")),
			string(pgMessage('d', "a piece of a copy")),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, answer := make(chan struct{}), make(chan struct{})
			r := newHarness(t, c.protocol, func(_ *harness, s *Service) { s.IdleTimeout = time.Hour }, newStubServer(t, func(p peer) {
				c.serve(p)
				p.read(len(c.asks))
				close(asked)
				<-answer
				p.send([]byte("the answer"))
				echo(p)
			}).address())
			client := r.dial()
			c.logIn(client)
			client.send([]byte(c.asks))
			<-asked
			s := r.only()
			late := func() time.Time { return time.Now().Add(2 * time.Hour) }
			if s.isIdle(late(), time.Hour) {
				t.Error("a session is idle whose server works")
			}
			r.endIdle(late())
			close(answer)
			client.want("the answer")
			if !s.isIdle(late(), time.Hour) {
				t.Error("a session is not idle whose server has answered")
			}
			client.send([]byte(c.ends))
			client.want(c.ends)
			client.send([]byte(c.ends[:4])) // the rest never comes
			client.want(c.ends[:4])
			r.endIdle(late())
			wantReason(t, r, 1, events.ReasonIdleTimeout)
		})
	}
}

// TestOwed checks that what the server does not answer leaves nothing owed.
func TestOwed(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, func(*harness, *Service) {}, newStubServer(t, mysqlServer).address())
	client := r.dial()
	client.logIn()
	client.send(mysqlPacket(0, "\x0e")) // a ping, which comes back
	client.read(5)
	s := r.only()
	for _, c := range []struct {
		name string
		sent []byte
		owed bool
	}{
		{"query", mysqlPacket(0, "\x03SELECT 1"), true},
		{"close of a statement", mysqlPacket(0, "\x19\x01\x00\x00\x00"), false},
		{"long data", mysqlPacket(0, "\x18\x01\x00\x00\x00\x00\x00abc"), false},
		{"query again", mysqlPacket(0, "\x03SELECT 1"), true},
		{"half a packet", []byte("\x09\x00\x00\x00\x03SEL"), false},
		{"its rest", []byte("ECT 1"), true},
	} {
		client.send(c.sent)
		client.want(string(c.sent))
		if got := s.activity.owed.Load(); got != c.owed {
			t.Errorf("%s: owed %v, want %v", c.name, got, c.owed)
		}
	}
}
