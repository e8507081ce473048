package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/events"
)

// TestEndReasons checks the reason of an end by the side that closed or broke.
func TestEndReasons(t *testing.T) {
	t.Parallel()
	ping, goodbye := mysqlPacket(0, "\x0e"), mysqlPacket(0, "\x01")
	tests := map[string]struct {
		// server is what the server does after the login.
		server func(p peer)
		client func(p peer)
		reason events.Reason
	}{
		"client closes": {echo, func(p peer) { p.Close() }, events.ReasonClientClosed},
		"client resets": {
			echo, func(p peer) {
				p.SetLinger(0)
				p.Close()
			},
			events.ReasonNetworkError,
		},
		"server closes": {func(peer) {}, func(p peer) { p.wantEnd() }, events.ReasonServerClosed},
		"server resets": {func(p peer) { p.SetLinger(0) }, func(p peer) { p.wantEnd() }, events.ReasonNetworkError},
		"client says goodbye, server closes": {
			func(p peer) { p.want(string(goodbye)) },
			func(p peer) {
				p.send(goodbye)
				p.wantEnd()
			},
			events.ReasonClientClosed,
		},
		"client says goodbye, server resets": {
			func(p peer) {
				p.want(string(goodbye))
				p.SetLinger(0)
			},
			func(p peer) {
				p.send(goodbye[:4])
				p.send(goodbye[4:])
				p.wantEnd()
			},
			events.ReasonClientClosed,
		},
		"client says something after goodbye": {
			func(p peer) { p.want(string(goodbye) + "\x00") },
			func(p peer) {
				p.send(append(goodbye, 0))
				p.wantEnd()
			},
			events.ReasonServerClosed,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newHarness(t, MySQL, nil, newStubServer(t, func(p peer) {
				p.send(mysqlGreeting())
				p.packet()
				p.send(mysqlPacket(2, mysqlOK))
				p.want(string(ping))
				test.server(p)
			}).address())
			client := r.dial()
			client.logIn()
			client.send(ping)
			test.client(client)
			client.Close()
			if end := r.recorder.ended(t, 1); end.Reason != test.reason {
				t.Errorf("got %v %q, want %v", end.Reason, end.Description, test.reason)
			}
		})
	}
}

// TestIdleClientOfGoneServer checks that a client which does not notice the end of its
// server does not keep its session alive.
func TestIdleClientOfGoneServer(t *testing.T) {
	t.Parallel()
	r := newHarness(t, Postgres, nil, newStubServer(t, func(p peer) {
		p.startup()
		p.send([]byte(pgWelcome()))
	}).address())
	client := r.dial()
	client.send(pgLogin())
	client.want(pgWelcome())
	if end := r.recorder.ended(t, 1); end.Reason != events.ReasonServerClosed {
		t.Errorf("got %+v", end)
	}
}

// TestKill checks that both sides are closed at once, and that the end is then on the
// record.
func TestKill(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	r := newHarness(t, MySQL, nil, newStubServer(t, func(p peer) {
		defer close(gone)
		mysqlServer(p)
	}).address())
	client := r.dial()
	client.logIn()
	r.awaitRelay(t, 1)
	r.recorder.kills <- []uint64{1, 99}
	wantMySQLError(client, 1, 1927)
	<-gone
	if end := r.recorder.ended(t, 1); end.Reason != events.ReasonKilled || end.By != "" || len(end.Finals) != 2 {
		t.Errorf("got %+v", end)
	}
}

// TestKillBeforeLogin checks that a session can be killed as soon as it has an id.
func TestKillBeforeLogin(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, nil, newStubServer(t, mysqlServer).address())
	client := r.dial()
	client.packet()
	r.recorder.await(t, 1, events.KindSessionOpened)
	r.recorder.kills <- []uint64{1}
	client.wantEnd()
	if end := r.recorder.ended(t, 1); end.Reason != events.ReasonKilled {
		t.Errorf("got %+v", end)
	}
}

// TestKillWhileOpening checks that a session is killed whose id the recorder has and
// the gateway does not have yet.
func TestKillWhileOpening(t *testing.T) {
	t.Parallel()
	opening, heard := make(chan struct{}), make(chan struct{})
	r := newHarness(t, MySQL, func(r *harness, _ *Service) {
		r.recorder.before = func(_ uint64, e events.Event) error {
			if e.Kind() == events.KindSessionOpened {
				close(opening)
				<-heard
			}
			return nil
		}
	}, newStubServer(t, mysqlServer).address())
	client := r.dial()
	<-opening
	r.recorder.kills <- []uint64{1}
	r.recorder.kills <- nil // taken only when the first was dealt with
	r.recorder.kills <- nil
	close(heard)
	if end := r.recorder.ended(t, 1); end.Reason != events.ReasonKilled {
		t.Errorf("got %+v", end)
	}
	client.Close()
}

// TestKillCancelsQuery checks that the key of a killed session of PostgreSQL is sent to
// its server, which works for it.
func TestKillCancelsQuery(t *testing.T) {
	t.Parallel()
	cancelled := make(chan []byte, 1)
	r := newHarness(t, Postgres, nil, newStubServer(t, func(p peer) {
		first := p.startup()
		if s, err := postgres.ParseStartup(first); err == nil && s.Request == postgres.RequestCancel {
			cancelled <- first
			return
		}
		p.send([]byte(pgWelcome()))
		_, _ = io.Copy(io.Discard, p)
	}).address())
	client := r.dial()
	client.send(pgLogin())
	client.want(pgWelcome())
	client.send(pgMessage('Q', "SELECT pg_sleep(9999)\x00"))
	r.await(t, "its server works", func() bool { return r.only().activity.waiting().Owed })
	r.recorder.kills <- []uint64{1}
	wantPostgresError(client, "57P01")
	if end := r.recorder.ended(t, 1); end.Reason != events.ReasonKilled {
		t.Errorf("got %+v", end)
	}
	if got := <-cancelled; string(got) != string(pgStartup(pgCancel, pgKey)) {
		t.Errorf("the server got %q", got)
	}
}

// TestCancelReachesItsServer checks that a cancel request goes to the server that
// issued its key, whatever the router would choose, and is a session of its own type.
func TestCancelReachesItsServer(t *testing.T) {
	t.Parallel()
	cancelled := make(chan string, 1)
	serve := func(name, key string) func(peer) {
		return func(p peer) {
			if s, err := postgres.ParseStartup(p.startup()); err == nil && s.Request == postgres.RequestCancel {
				cancelled <- name
				return
			}
			p.send([]byte(pgOK + string(pgMessage('K', key)) + pgReady))
			echo(p)
		}
	}
	r := newHarness(t, Postgres, nil,
		newStubServer(t, serve("db1", "\x00\x00\x00\x01aaaa")).address(),
		newStubServer(t, serve("db2", "\x00\x00\x00\x01bbbb")).address())
	for range 2 {
		client := r.dial()
		client.send(pgLogin())
		client.read(len(pgOK+pgReady) + len(pgMessage('K', pgKey)))
	}
	for i, test := range []struct{ key, server string }{
		{"\x00\x00\x00\x01bbbb", "db2"}, {"\x00\x00\x00\x01bbbb", "db2"}, {"\x00\x00\x00\x01aaaa", "db1"},
	} {
		client := r.dial()
		client.send(pgStartup(pgTLS, ""))
		client.want("N")
		client.send(pgStartup(pgCancel, test.key))
		client.wantEnd()
		client.Close()
		if got := <-cancelled; got != test.server {
			t.Errorf("reached %s, want %s", got, test.server)
		}
		id := uint64(3 + i)
		if end := r.recorder.ended(t, id); end.Reason != events.ReasonServerClosed {
			t.Errorf("got %+v", end)
		}
		list := r.recorder.await(t, id, events.KindSessionClosed)
		wantKinds(t, list, events.KindSessionOpened, events.KindConnectionOpened, events.KindSessionClosed)
		if got := find[*events.SessionOpened](list)[0].Type; got != events.TypeCancel {
			t.Errorf("type is %v", got)
		}
	}
}

// TestCancelNamesItsSession checks that a cancel request is a session of its own type that
// names the session it is for, also when it comes so late that its session was opened as an
// ordinary one.
func TestCancelNamesItsSession(t *testing.T) {
	t.Parallel()
	r := newHarness(t, Postgres, nil, newStubServer(t, func(p peer) {
		if s, err := postgres.ParseStartup(p.startup()); err == nil && s.Request == postgres.RequestCancel {
			return
		}
		p.send([]byte(pgWelcome()))
		echo(p)
	}).address())
	r.logIn(r.dial())
	late := r.dial()
	r.recorder.await(t, 2, events.KindSessionOpened)
	late.send(pgStartup(pgCancel, pgKey))
	late.wantEnd()
	early := r.dial()
	early.send(pgStartup(pgCancel, pgKey))
	early.wantEnd()
	for id := uint64(2); id <= 3; id++ {
		if end := r.recorder.ended(t, id); end.Type != events.TypeCancel || end.Description != "asked to cancel a query of session 1" {
			t.Errorf("session %d ended as %v, %q", id, end.Type, end.Description)
		}
	}
	r.only().stop(events.ReasonKilled)
	if end := r.recorder.ended(t, 1); end.Type != events.TypeClient {
		t.Errorf("an ordinary session ended as %v", end.Type)
	}
}

// TestSilentPostgresClientIsShown checks that a client which sends nothing is recorded,
// although it may turn out to send a cancel request.
func TestSilentPostgresClientIsShown(t *testing.T) {
	t.Parallel()
	r := newHarness(t, Postgres, nil, newStubServer(t, pgServer).address())
	client := r.dial()
	r.recorder.await(t, 1, events.KindSessionOpened)
	client.send(pgLogin())
	client.want(pgWelcome())
	client.Close()
	r.recorder.ended(t, 1)
}

// TestClose checks that all sessions end with reason shutdown, at every stage, and that
// this is on the record when Close returns.
func TestClose(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, nil, newStubServer(t, mysqlServer).address())
	ready := r.dial()
	ready.logIn()
	r.awaitRelay(t, 1)
	waiting := r.dial()
	waiting.packet()
	r.recorder.await(t, 2, events.KindSessionOpened)
	r.close()
	wantMySQLError(ready, 1, 1053)
	waiting.wantEnd()
	for id := range uint64(2) {
		if end := r.recorder.ended(t, id+1); end.Reason != events.ReasonShutdown {
			t.Errorf("got %+v", end)
		}
	}
	if !r.recorder.stopped {
		t.Error("the book was not stopped")
	}
	if _, err := net.Dial("tcp", r.Addresses("front")[0].String()); err == nil {
		t.Error("somebody still listens")
	}
}

// TestCloseGivesUp checks that a recorder which does not answer holds up Close only
// until its context ends.
func TestCloseGivesUp(t *testing.T) {
	t.Parallel()
	recorder := stuckRecorder{newRecorderStub(), make(chan error, 1)}
	backend := newStubServer(t, mysqlServer)
	g, err := Start(t.Context(), Config{
		Servers:  []Server{{Name: "db1", Address: backend.address()}},
		Services: []Service{{Name: "front", Protocol: MySQL, Listen: []string{"127.0.0.1:0"}, Servers: []string{"db1"}}},
	}, recorder, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", g.Addresses("front")[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := g.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	// Else it was recordPatience that ended the wait, as long as that is.
	if err := <-recorder.gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("the book was given up because of %v", err)
	}
}

// stuckRecorder records nothing until it is given up, and then returns why it was.
type stuckRecorder struct {
	*recorderStub
	gaveUp chan error
}

func (b stuckRecorder) OpenSince(ctx context.Context, _ time.Time, _ events.SessionOpened) (uint64, error) {
	<-ctx.Done()
	b.gaveUp <- ctx.Err()
	return 0, ctx.Err()
}
