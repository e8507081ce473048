package gateway

import (
	"net/netip"
	"testing"
	"time"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/events"
)

// TestSessionLimit checks that one session too many is refused with an error of its
// protocol, and that there is room again when one has ended.
func TestSessionLimit(t *testing.T) {
	t.Parallel()
	one := func(_ *harness, s *Service) { s.MaxSessions = 1 }
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		r := newHarness(t, MySQL, one, newStubServer(t, mysqlServer).address())
		first := r.dial()
		first.logIn()
		wantMySQLError(r.dial(), 0, 1040)
		wantReason(t, r, 2, events.ReasonLimit)
		first.Close()
		wantReason(t, r, 1, events.ReasonClientClosed)
		r.dial().logIn()
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		r := newHarness(t, Postgres, one, newStubServer(t, pgServer).address())
		first := r.dial()
		first.send(pgLogin())
		first.want(pgWelcome())
		second := r.dial()
		second.send(pgStartup(pgTLS, ""))
		second.want("N")
		second.send(pgLogin())
		wantPostgresError(second, "53300")
		wantReason(t, r, 2, events.ReasonLimit)
		// To cancel a query takes no room.
		third := r.dial()
		third.send(pgStartup(pgCancel, pgKey))
		r.recorder.await(t, 3, events.KindConnectionOpened)
	})
	t.Run("tcp", func(t *testing.T) {
		t.Parallel()
		r := newHarness(t, TCP, func(_ *harness, s *Service) { s.MaxSessions = 3 }, newStubServer(t, echo).address())
		for range 3 {
			client := r.dial()
			client.send([]byte("hello"))
			client.want("hello")
		}
		r.dial().wantEnd()
		wantReason(t, r, 4, events.ReasonLimit)
	})
}

func wantReason(t *testing.T, r *harness, id uint64, want events.Reason) {
	t.Helper()
	if end := r.recorder.ended(t, id); end.Reason != want {
		t.Errorf("session %d ended with %v %q, want %v", id, end.Reason, end.Description, want)
	}
}

// TestIdleTimeout checks that a session on which nothing moves is ended with an error,
// and that another goes on.
func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	idle := func(_ *harness, s *Service) { s.IdleTimeout = time.Hour }
	// What comes back, and is as good as an answer.
	said := map[Protocol][]byte{MySQL: mysqlPacket(0, "\x0e"), Postgres: []byte(pgReady), TCP: []byte("hello")}
	for protocol, server := range map[Protocol]func(peer){MySQL: mysqlServer, Postgres: pgServer, TCP: echo} {
		t.Run(string(protocol), func(t *testing.T) {
			t.Parallel()
			r := newHarness(t, protocol, idle, newStubServer(t, server).address())
			client := r.dial()
			r.logIn(client)
			client.send(said[protocol])
			client.want(string(said[protocol]))
			s := r.only()
			moved := s.activity.lastMoved(s.client, s.server)
			r.endIdle(moved.Add(time.Hour - time.Millisecond))
			client.send(said[protocol])
			client.want(string(said[protocol]))
			r.endIdle(time.Now().Add(time.Hour))
			switch protocol {
			case MySQL:
				wantMySQLError(client, 1, 4031)
			case Postgres:
				wantPostgresError(client, "57P05")
			case TCP:
				client.wantEnd()
			}
			client.Close()
			wantReason(t, r, 1, events.ReasonIdleTimeout)
		})
	}
}

// TestIdlePause checks how often idle sessions are looked for.
func TestIdlePause(t *testing.T) {
	t.Parallel()
	for limit, want := range map[time.Duration]time.Duration{
		0: 10 * time.Second, time.Hour: 10 * time.Second, 30 * time.Second: 3 * time.Second, 5 * time.Second: time.Second,
	} {
		all := &sessions{backends: newBackends(nil, nil)}
		g := &Gateway{services: []*service{all.newService(Service{IdleTimeout: limit})}}
		if got := g.idlePause(); got != want {
			t.Errorf("with a timeout of %s: %s, want %s", limit, got, want)
		}
	}
}

// TestIdleTimeoutOfDeafClient checks that a client which takes nothing does not keep
// its session alive.
func TestIdleTimeoutOfDeafClient(t *testing.T) {
	t.Parallel()
	r := newHarness(t, TCP, func(_ *harness, s *Service) { s.IdleTimeout = time.Hour }, newStubServer(t, func(p peer) {
		for {
			p.send(make([]byte, 64<<10))
		}
	}).address())
	r.dial()
	r.await(t, "it is accepted", func() bool { return len(r.sessions.index.all()) == 1 })
	r.await(t, "the queue is full", func() bool {
		s := r.only()
		return s.relaying.Load() && s.client.Counters().HighWaterEvents > 0
	})
	r.endIdle(time.Now().Add(time.Hour))
	wantReason(t, r, 1, events.ReasonIdleTimeout)
}

// TestLoginTimeoutIsSent checks that a client whose login takes too long is sent an
// error.
func TestLoginTimeoutIsSent(t *testing.T) {
	t.Parallel()
	soon := func(_ *harness, s *Service) { s.LoginTimeout = 50 * time.Millisecond }
	t.Run("mysql: silent client", func(t *testing.T) {
		t.Parallel()
		r := newHarness(t, MySQL, soon, newStubServer(t, mysqlServer).address())
		client := r.dial()
		client.packet()
		wantMySQLError(client, 2, 1159)
		wantReason(t, r, 1, events.ReasonLoginTimeout)
	})
	t.Run("mysql: silent server", func(t *testing.T) {
		t.Parallel()
		r := newHarness(t, MySQL, soon, newStubServer(t, func(p peer) {
			p.send(mysqlGreeting()[:20])
			p.wantEnd()
		}).address())
		wantMySQLError(r.dial(), 0, 1159)
		wantReason(t, r, 1, events.ReasonLoginTimeout)
	})
	t.Run("postgres: silent server", func(t *testing.T) {
		t.Parallel()
		r := newHarness(t, Postgres, soon, newStubServer(t, func(p peer) {
			p.startup()
			p.wantEnd()
		}).address())
		client := r.dial()
		client.send(pgLogin())
		wantPostgresError(client, "57014")
		wantReason(t, r, 1, events.ReasonLoginTimeout)
	})
}

// TestProbes checks that connections without a byte from networks of probes are counted
// and not recorded, and reach no server. Others are sessions.
func TestProbes(t *testing.T) {
	t.Parallel()
	for protocol, server := range map[Protocol]func(peer){MySQL: mysqlServer, Postgres: pgServer, TCP: echo} {
		t.Run(string(protocol), func(t *testing.T) {
			t.Parallel()
			r := newHarness(t, protocol, func(_ *harness, s *Service) {
				s.Probes = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			}, newStubServer(t, server).address())
			r.dial().Close()
			reset := r.dial()
			reset.SetLinger(0)
			reset.Close()
			r.await(t, "both are counted", func() bool { return r.Probes() == 2 })
			client := r.dial()
			r.logIn(client)
			if r.services[0].Protocol == TCP {
				client.send([]byte("hello"))
				client.want("hello")
			}
			client.Close()
			wantReason(t, r, 1, events.ReasonClientClosed)
			if n := r.Probes(); n != 2 {
				t.Errorf("counted %d", n)
			}
		})
	}
}

// TestProbeAtShutdown checks that a connection which has not sent a byte does not hold
// up Close.
func TestProbeAtShutdown(t *testing.T) {
	t.Parallel()
	r := newHarness(t, Postgres, func(_ *harness, s *Service) {
		s.Probes = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}, newStubServer(t, pgServer).address())
	client := r.dial()
	r.await(t, "it is accepted", func() bool { return len(r.sessions.index.all()) == 1 })
	r.close()
	client.wantEnd()
	if n := len(r.recorder.sessions); n != 0 || r.Probes() != 0 {
		t.Errorf("%d sessions, %d probes", n, r.Probes())
	}
}

// TestCompression checks that a client which compresses is let in where the service
// allows it.
func TestCompression(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, func(_ *harness, s *Service) { s.Compression = true }, newStubServer(t, mysqlServer).address())
	client := r.dial()
	greeting, err := mysql.ParseGreeting(client.packet())
	if err != nil || greeting.Capabilities&mysql.Compress == 0 || greeting.Capabilities&mysql.TLS != 0 {
		t.Fatalf("greeting %+v, %v", greeting, err)
	}
	client.send(mysqlLogin(usual|mysql.Compress, "jdoe", "shop", "till"))
	client.want(string(mysqlPacket(2, mysqlOK)))
	client.send([]byte("\x05\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x11"))
	client.want("\x05\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x11")
	client.Close()
	wantReason(t, r, 1, events.ReasonClientClosed)
}
