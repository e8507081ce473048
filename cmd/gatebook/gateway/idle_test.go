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
		protocol Protocol
		serve    func(peer)
		logIn    func(peer)
		// asks is owed an answer, which begins and ends; ends is owed none.
		asks, begins, answer, ends string
	}{
		"mysql": {
			MySQL, func(p peer) {
				p.send(mysqlGreeting())
				p.packet()
				p.send(mysqlPacket(2, mysqlOK))
			}, peer.logIn,
			string(mysqlPacket(0, "\x03SELECT SLEEP(9999)")),
			string(mysqlPacket(1, "\x01")) + string(mysqlPacket(2, "\x03def the column")) + string(mysqlPacket(3, "\xfe\x00\x00\x02\x00")) + string(mysqlPacket(4, "\x00")),
			string(mysqlPacket(5, "\xfe\x00\x00\x02\x00")),
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
			string(pgMessage('N', "SNOTICE\x00\x00")) + string(pgMessage('T', "\x00\x01")) + string(pgMessage('C', "SELECT 0\x00")),
			pgReady,
			string(pgMessage('P', "\x00\x00\x00")), // to be answered when there is a Sync
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := make(chan struct{})
			r := newHarness(t, c.protocol, func(_ *harness, s *Service) { s.IdleTimeout = time.Hour }, newStubServer(t, func(p peer) {
				c.serve(p)
				p.read(len(c.asks))
				p.send([]byte(c.begins))
				<-answer
				p.send([]byte(c.answer))
				echo(p)
			}).address())
			client := r.dial()
			c.logIn(client)
			client.send([]byte(c.asks))
			client.want(c.begins)
			s := r.only()
			late := func() time.Time { return time.Now().Add(2 * time.Hour) }
			if s.isIdle(late(), time.Hour) {
				t.Error("a session is idle whose server works")
			}
			r.endIdle(late())
			close(answer)
			client.want(c.answer)
			if !s.isIdle(late(), time.Hour) {
				t.Error("a session is not idle whose server has answered")
			}
			client.send([]byte(c.ends))
			client.want(c.ends)
			client.send([]byte(c.asks[:4])) // the rest never comes
			client.want(c.asks[:4])
			r.endIdle(late())
			wantReason(t, r, 1, events.ReasonIdleTimeout)
		})
	}
}

// TestOwed checks that what the server does not answer leaves nothing owed, and that what
// was owed before stays so.
func TestOwed(t *testing.T) {
	t.Parallel()
	ok := string(mysqlPacket(1, mysqlOK))
	answers := make(chan string)
	r := newHarness(t, MySQL, nil, newStubServer(t, func(p peer) {
		p.send(mysqlGreeting())
		p.packet()
		p.send(mysqlPacket(2, mysqlOK))
		for answer := range answers {
			p.send([]byte(answer))
		}
	}).address())
	defer close(answers)
	client := r.dial()
	client.logIn()
	r.awaitRelay(t, 1)
	s := r.only()
	before := s.server.Counters().BytesWritten
	for _, c := range []struct {
		name         string
		sent, answer string
		owed         bool
	}{
		{"query", string(mysqlPacket(0, "\x03SELECT 1")), "", true},
		{"close of a statement behind it", string(mysqlPacket(0, "\x19\x01\x00\x00\x00")), "", true},
		{"its answer", "", ok, false},
		{"close of a statement", string(mysqlPacket(0, "\x19\x01\x00\x00\x00")), "", false},
		{"long data", string(mysqlPacket(0, "\x18\x01\x00\x00\x00\x00\x00abc")), "", false},
		{"two queries", string(mysqlPacket(0, "\x03DO 1")) + string(mysqlPacket(0, "\x03DO 2")), "", true},
		{"an answer", "", ok, true},
		{"the other answer", "", ok, false},
		{"half a packet", "\x09\x00\x00\x00\x03SEL", "", false},
		{"its rest", "ECT 1", "", true},
	} {
		if c.answer != "" {
			answers <- c.answer
			client.want(c.answer)
		}
		client.send([]byte(c.sent))
		before += uint64(len(c.sent))
		r.await(t, c.name+" has gone through", func() bool { return s.server.Counters().BytesWritten == before })
		if got := s.activity.waiting().Owed; got != c.owed {
			t.Errorf("%s: owed %v, want %v", c.name, got, c.owed)
		}
	}
}

// TestIdleTimeoutSparesSlowReader checks that a client which takes something now and then of
// what its server has sent long ago is not idle, and that one which stops is.
func TestIdleTimeoutSparesSlowReader(t *testing.T) {
	t.Parallel()
	// A read makes no room until much is read, for which the stall must not end it.
	r := newHarness(t, TCP, func(_ *harness, s *Service) { s.IdleTimeout, s.StallTimeout = time.Hour, 24*time.Hour }, newStubServer(t, func(p peer) {
		p.send(make([]byte, 8<<20))
		p.wantEnd()
	}).address())
	client := r.dial()
	r.awaitRelay(t, 1)
	s := r.only()
	r.await(t, "its queue is full", func() bool { return s.client.Counters().HighWaterEvents > 0 })
	now := time.Now().Add(2 * time.Hour)
	r.endGone(now)
	now = now.Add(59 * time.Minute)
	for s.client.Taken() != events.TimeOf(now) {
		client.read(16 << 10)
		r.endGone(now)
	}
	now = now.Add(59 * time.Minute)
	r.endIdle(now)
	if got := s.stoppedBy(); got != events.ReasonNone {
		t.Fatalf("a client that reads was ended with %v", got)
	}
	r.endIdle(now.Add(time.Minute))
	wantReason(t, r, 1, events.ReasonIdleTimeout)
}
