package gateway

import (
	"context"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/login"
	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/internal/certtest"
	"gatebook/events"
)

// TestLoginAtItsLimit lets logins end at the time at which their limit ends them. Each
// must have one outcome: a client that gets the welcome goes on undisturbed, any other
// gets the error.
func TestLoginAtItsLimit(t *testing.T) {
	t.Parallel()
	const limit, logins = 10 * time.Millisecond, 150
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	authority := certtest.NewAuthority(t, "authority")
	trusting := &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"}
	var begun, spread atomic.Int64 // when the server saw the login, and where to end it
	r := newHarness(t, Postgres, func(r *harness, s *Service) {
		s.TLS, s.LoginTimeout = files(t, authority.Issue(t, "front")), limit
		r.recorder.before = func(_ uint64, e events.Event) error {
			if e.Kind() == events.KindSessionReady {
				for time.Now().UnixNano() < begun.Load()+int64(limit)+spread.Load() {
					runtime.Gosched()
				}
			}
			return nil
		}
	}, newStubServer(t, func(p peer) {
		p.startup()
		begun.Store(time.Now().UnixNano())
		p.send([]byte(pgWelcome()))
		echo(p)
	}).address())
	in := 0
	for range logins {
		spread.Store(random.Int64N(int64(400*time.Microsecond)) - int64(350*time.Microsecond))
		if logInAtLimit(t, r, trusting) {
			in++
		}
	}
	r.await(t, "all sessions have ended", func() bool { return len(r.sessions.index.all()) == 0 })
	r.close()
	timedOut := 0
	for id, list := range r.recorder.sessions {
		ends := find[*events.SessionClosed](list)
		if len(ends) != 1 {
			t.Fatalf("session %d has %d ends", id+1, len(ends))
		}
		switch ends[0].Reason {
		case events.ReasonLoginTimeout:
			timedOut++
		case events.ReasonClientClosed:
		default:
			t.Errorf("session %d ended with %v %q", id+1, ends[0].Reason, ends[0].Description)
		}
	}
	t.Logf("%d of %d logged in", in, logins)
	if in+timedOut != len(r.recorder.sessions) {
		t.Errorf("%d logged in and %d took too long, of %d", in, timedOut, len(r.recorder.sessions))
	}
}

// logInAtLimit logs a client in, and reports whether it is in. It checks that one that is
// in is not disturbed.
func logInAtLimit(t *testing.T, r *harness, trusting *tls.Config) bool {
	t.Helper()
	conn := r.dial()
	defer conn.Close()
	conn.send(pgStartup(pgTLS, ""))
	if answer := make([]byte, 1); !readAll(conn, answer) || answer[0] != 'S' {
		return false
	}
	client := tls.Client(conn, trusting)
	if _, err := client.Write(pgLogin()); err != nil {
		return false
	}
	welcome := make([]byte, len(pgWelcome()))
	switch _, err := io.ReadFull(client, welcome[:1]); {
	case err != nil:
		return false
	case welcome[0] == 'E':
		_, _ = io.Copy(io.Discard, client)
		return false
	}
	if !readAll(client, welcome[1:]) || string(welcome) != pgWelcome() {
		t.Errorf("a client that is in got %q", welcome)
		return true
	}
	question := []byte("a question that comes back")
	_, _ = client.Write(question)
	if got := make([]byte, len(question)); !readAll(client, got) || string(got) != string(question) {
		t.Errorf("a client that is in got %q instead of its answer", got)
	}
	return true
}

// readAll fills b, and reports whether it could.
func readAll(r io.Reader, b []byte) bool {
	_, err := io.ReadFull(r, b)
	return err == nil
}

// TestTimeoutInHandshake checks that a client which stops in the handshake of TLS gets
// nothing that is no TLS when its time is over.
func TestTimeoutInHandshake(t *testing.T) {
	t.Parallel()
	front := files(t, certtest.NewAuthority(t, "authority").Issue(t, "front"))
	const half = "\x16\x03\x01\x01\x00\x01"
	for name, test := range map[string]struct {
		protocol Protocol
		server   func(peer)
		begin    func(peer)
	}{
		"mysql": {MySQL, mysqlServer, func(p peer) {
			p.packet()
			p.send(append(mysqlPacket(1, "\x00\x0a\x00\x00"+strings.Repeat("\x00", 28)), half...))
		}},
		"postgres": {Postgres, pgServer, func(p peer) {
			p.send(pgStartup(pgTLS, ""))
			p.want("S")
			p.send([]byte(half))
		}},
		"postgres at once": {Postgres, pgServer, func(p peer) { p.send([]byte(half)) }},
		"tcp":              {TCP, echo, func(p peer) { p.send([]byte(half)) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, test.protocol, Server{Address: newStubServer(t, test.server).address()},
				Service{TLS: front, LoginTimeout: 50 * time.Millisecond})
			client := r.dial()
			test.begin(client)
			if got, _ := io.ReadAll(client); len(got) > 0 {
				t.Errorf("in its handshake the client got %q", got)
			}
			wantReason(t, r, 1, events.ReasonLoginTimeout)
		})
	}
}

// TestTimerFirst checks that a login which succeeds after its time is over is not passed
// on: nothing follows the error that the client was sent.
func TestTimerFirst(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, func(r *harness, s *Service) {
		s.LoginTimeout = 50 * time.Millisecond
		r.recorder.before = func(_ uint64, e events.Event) error {
			if e.Kind() == events.KindSessionReady {
				r.await(t, "the time is over", func() bool { // in the session's own goroutine
					s := r.only()
					s.mu.Lock()
					defer s.mu.Unlock()
					return s.stopped == events.ReasonLoginTimeout
				})
			}
			return nil
		}
	}, newStubServer(t, mysqlServer).address())
	client := r.dial()
	client.packet()
	client.send(mysqlLogin(usual, "jdoe", "shop", "till"))
	wantMySQLError(client, 2, 1159)
	wantReason(t, r, 1, events.ReasonLoginTimeout)
}

// TestRefusalFirst checks that a client which is refused in time gets no error of a
// time that is over meanwhile.
func TestRefusalFirst(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, func(_ *harness, s *Service) { s.LoginTimeout = 300 * time.Millisecond },
		newStubServer(t, func(p peer) {
			p.send(mysqlGreeting())
			p.packet()
			p.send(mysqlPacket(2, mysqlDenied))
		}).address())
	client := r.dial()
	client.packet()
	client.send(mysqlLogin(usual, "jdoe", "shop", "till"))
	if e := mysql.ParseError(client.packet()); e.Code != 1045 {
		t.Errorf("got %v", e)
	}
	client.wantEnd() // the gateway waits for the client to hang up, for longer than the login has time
	wantReason(t, r, 1, events.ReasonAuthFailed)
}

// TestDeafClientOfLogin checks that a client which does not take the reply to its login
// does not keep its session.
func TestDeafClientOfLogin(t *testing.T) {
	t.Parallel()
	r := newHarness(t, Postgres, func(_ *harness, s *Service) { s.LoginTimeout = 200 * time.Millisecond },
		newStubServer(t, func(p peer) {
			p.startup()
			p.send([]byte(pgOK))
			for range 4 {
				p.send(pgMessage('S', strings.Repeat("x", 60_000)))
			}
			p.send([]byte(pgReady))
			p.wantEnd()
		}).address())
	r.setLogin(func(usual logIn) logIn {
		return func(ctx context.Context, s *session) (*login.Established, *ending.Ending) {
			_ = syscall.SetsockoptInt(socketOf(t, s.client), syscall.SOL_SOCKET, syscall.SO_SNDBUF, 1)
			return usual(ctx, s)
		}
	})
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 1) })
	}}
	conn, err := dialer.Dial("tcp", r.Addresses("front")[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	peer{conn.(*net.TCPConn), t, false}.send(pgLogin())
	if end := r.recorder.ended(t, 1); end.Reason != events.ReasonNetworkError || end.Description != "client: connection timed out" {
		t.Errorf("ended with %v %q", end.Reason, end.Description)
	}
}
