package gateway

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/events"
)

// TestRefusedLogins checks what the client gets and what is recorded of logins that
// fail, on either side.
func TestRefusedLogins(t *testing.T) {
	t.Parallel()
	deny := func(p peer) {
		p.send(mysqlGreeting())
		p.packet()
		p.send(mysqlPacket(2, mysqlDenied))
	}
	tests := map[string]struct {
		protocol Protocol
		server   func(p peer)
		client   func(p peer)
		reason   events.Reason
		user     string
		// description is a part of the one on the record.
		description string
	}{
		"mysql: the server denies": {
			MySQL, deny,
			func(p peer) {
				p.packet()
				p.send(mysqlLogin(usual, "jdoe", "shop", "till"))
				p.want(string(mysqlPacket(2, mysqlDenied)))
			},
			events.ReasonAuthFailed, "jdoe", "1045 (28000): Access denied",
		},
		"mysql: the server greets with an error": {
			MySQL, func(p peer) { p.send(mysqlPacket(0, "\xff\x10\x04Too many connections")) },
			func(p peer) { p.want(string(mysqlPacket(0, "\xff\x10\x04Too many connections"))) },
			events.ReasonServerClosed, "", "1040: Too many connections",
		},
		"mysql: the server has too many connections": {
			MySQL, func(p peer) {
				p.send(mysqlGreeting())
				p.packet()
				p.send(mysqlPacket(2, "\xff\x10\x04#08004Too many connections"))
			},
			func(p peer) {
				p.packet()
				p.send(mysqlLogin(usual, "jdoe", "shop", "till"))
				p.want(string(mysqlPacket(2, "\xff\x10\x04#08004Too many connections")))
			},
			events.ReasonServerClosed, "jdoe", "1040 (08004): Too many connections",
		},
		"mysql: the server hangs up": {
			MySQL, func(p peer) {},
			func(p peer) { wantMySQLError(p, 0, mysqlUnreachable) },
			events.ReasonConnectFailed, "", "no server of front answers: hung up without a greeting",
		},
		"mysql: the server speaks something else": {
			MySQL, func(p peer) { p.send(mysqlPacket(0, "\x09ancient")) },
			func(p peer) { wantMySQLError(p, 0, mysqlUnreachable) },
			events.ReasonError, "", "version 9",
		},
		"mysql: the client insists on TLS": {
			MySQL, mysqlServer,
			func(p peer) {
				p.packet()
				p.send(mysqlPacket(1, "\x00\x08\x00\x00"+strings.Repeat("\x00", 28)))
				p.send([]byte("\x16\x03\x01client hello"))
				wantMySQLError(p, 2, mysqlBadHandshake)
			},
			events.ReasonAuthFailed, "", "TLS",
		},
		"mysql: the client insists on compression": {
			MySQL, mysqlServer,
			func(p peer) {
				p.packet()
				p.send(mysqlLogin(usual|mysql.Compress, "jdoe", "shop", "till"))
				wantMySQLError(p, 2, mysqlBadHandshake)
			},
			events.ReasonAuthFailed, "jdoe", "compression",
		},
		"mysql: the client speaks HTTP": {
			MySQL, mysqlServer,
			func(p peer) {
				p.packet()
				p.send([]byte("GET / HTTP/1.1\r\n\r\n"))
				wantMySQLError(p, 2, mysqlBadHandshake)
			},
			events.ReasonAuthFailed, "", "not the MySQL protocol",
		},
		"mysql: the client goes": {
			MySQL, mysqlServer,
			func(p peer) { p.packet() },
			events.ReasonClientClosed, "", "",
		},
		"mysql: the client goes in the middle of an exchange": {
			MySQL, func(p peer) {
				p.send(mysqlGreeting())
				p.packet()
				p.send(mysqlPacket(2, "\xfeplugin\x00"))
				p.wantEnd()
			},
			func(p peer) {
				p.packet()
				p.send(mysqlLogin(usual, "jdoe", "shop", "till"))
				p.packet()
			},
			events.ReasonClientClosed, "jdoe", "",
		},
		"postgres: the server denies": {
			Postgres, func(p peer) {
				p.startup()
				p.send(postgres.AppendError(nil, postgres.Error{Severity: "FATAL", Code: "28P01", Message: "password authentication failed"}))
			},
			func(p peer) {
				p.send(pgLogin())
				wantPostgresError(p, "28P01")
			},
			events.ReasonAuthFailed, "jdoe", "28P01: password authentication failed",
		},
		"postgres: the database does not exist": {
			Postgres, func(p peer) {
				p.startup()
				p.send([]byte(pgOK))
				p.send(postgres.AppendError(nil, postgres.Error{Severity: "FATAL", Code: "3D000", Message: "no such database"}))
			},
			func(p peer) {
				p.send(pgLogin())
				p.want(pgOK)
				wantPostgresError(p, "3D000")
			},
			events.ReasonAuthFailed, "jdoe", "3D000",
		},
		"postgres: a client that wants TLS or nothing": {
			Postgres, pgServer,
			func(p peer) {
				p.send(pgStartup(pgTLS, ""))
				p.want("N")
			},
			events.ReasonClientClosed, "", "",
		},
		"postgres: a client that knocks": {
			Postgres, pgServer, func(peer) {}, events.ReasonClientClosed, "", "",
		},
		"postgres: a client that does not understand no": {
			Postgres, pgServer,
			func(p peer) {
				for range 3 {
					p.send(pgStartup(pgTLS, ""))
					p.want("N")
				}
				wantPostgresError(p, "08P01")
			},
			events.ReasonAuthFailed, "", "again and again",
		},
		"postgres: the client speaks HTTP": {
			Postgres, pgServer,
			func(p peer) {
				p.send([]byte("GET / HTTP/1.1\r\n\r\n"))
				wantPostgresError(p, "08P01")
			},
			events.ReasonAuthFailed, "", "not the PostgreSQL protocol",
		},
		"postgres: the server never comes to an end": {
			Postgres, func(p peer) {
				p.startup()
				p.send([]byte(pgOK))
				for range 10 {
					p.send(pgMessage('S', strings.Repeat("x", 60_000)))
				}
			},
			func(p peer) {
				p.send(pgLogin())
				p.wantEnd()
			},
			events.ReasonError, "jdoe", "before the first query",
		},
		"postgres: a key nobody was given": {
			Postgres, pgServer,
			func(p peer) {
				p.send(pgStartup(pgCancel, pgKey))
				p.wantEnd()
			},
			events.ReasonAuthFailed, "", "belongs to no session",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newHarness(t, test.protocol, nil, newStubServer(t, test.server).address())
			client := r.dial()
			test.client(client)
			client.Close()
			end := r.recorder.ended(t, 1)
			if end.Reason != test.reason || end.User != test.user || !strings.Contains(end.Description, test.description) {
				t.Errorf("got %v %q %q, want %v %q %q", end.Reason, end.User, end.Description, test.reason, test.user, test.description)
			}
			if ready := find[*events.SessionReady](r.recorder.await(t, 1, events.KindSessionClosed)); len(ready) > 0 {
				t.Error("the session was ready")
			}
		})
	}
}

func wantMySQLError(p peer, sequence byte, code uint16) {
	p.t.Helper()
	packet := p.packet()
	if e := mysql.ParseError(packet); mysql.ReplyOf(packet) != mysql.ReplyError || packet.Sequence() != sequence || e.Code != code {
		p.t.Errorf("got %q, want error %d", packet, code)
	}
	p.wantEnd()
}

func wantPostgresError(p peer, code string) {
	p.t.Helper()
	m := p.message()
	if e := postgres.ParseError(m); m.Type() != postgres.TypeError || e.Severity != "FATAL" || e.Code != code {
		p.t.Errorf("got %q, want error %s", m, code)
	}
	p.wantEnd()
}

// TestDeadServerIsSkipped checks that the failed attempt is recorded, and that the next
// server gets the session.
func TestDeadServerIsSkipped(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, nil, deadAddress(t), newStubServer(t, mysqlServer).address())
	for id := range uint64(2) {
		client := r.dial()
		client.logIn()
		client.Close()
		r.recorder.ended(t, id+1)
	}
	list := r.recorder.await(t, 1, events.KindSessionClosed)
	wantKinds(t, list, events.KindSessionOpened, events.KindConnectionFailed, events.KindConnectionOpened,
		events.KindSessionReady, events.KindSessionClosed)
	failed, opened := find[*events.ConnectionFailed](list)[0], find[*events.ConnectionOpened](list)[0]
	if *failed != (events.ConnectionFailed{Connection: 1, Server: "db1", Cause: "connection refused"}) {
		t.Errorf("failed: %+v", failed)
	}
	if opened.Connection != 2 || opened.Server != "db2" {
		t.Errorf("opened: %+v", opened)
	}
	if finals := find[*events.SessionClosed](list)[0].Finals; len(finals) != 2 || finals[1].Connection != 2 {
		t.Errorf("finals: %+v", finals)
	}
	// The second session's turn is the second server's.
	list = r.recorder.await(t, 2, events.KindSessionClosed)
	if len(find[*events.ConnectionFailed](list)) != 0 {
		t.Errorf("second session: %v", kindsOf(list))
	}
}

// TestServerThatDoesNotGreetIsSkipped checks that a server of MySQL which accepts a
// connection and hangs, or hangs up, is skipped.
func TestServerThatDoesNotGreetIsSkipped(t *testing.T) {
	t.Parallel()
	hangs := newStubServer(t, func(p peer) { _, _ = io.Copy(io.Discard, p) }).address()
	closes := newStubServer(t, func(peer) {}).address()
	r := newHarness(t, MySQL, func(_ *harness, s *Service) {
		s.Router, s.ConnectTimeout = Priority, 250*time.Millisecond
	}, hangs, closes, newStubServer(t, mysqlServer).address())
	client := r.dial()
	client.logIn()
	client.Close()
	r.recorder.ended(t, 1)
	failed := find[*events.ConnectionFailed](r.recorder.await(t, 1, events.KindSessionClosed))
	want := []events.ConnectionFailed{
		{Connection: 1, Server: "db1", Cause: "no greeting in connect_timeout"},
		{Connection: 2, Server: "db2", Cause: "hung up without a greeting"},
	}
	if len(failed) != len(want) || *failed[0] != want[0] || *failed[1] != want[1] {
		t.Errorf("attempts that failed: %+v, want %+v", failed, want)
	}
	for name, state := range map[string]events.ServerState{
		"db1": events.ServerDown, "db2": events.ServerDown, "db3": events.ServerRunning,
	} {
		r.await(t, "the state of "+name+" is known", func() bool { return slices.Equal(r.recorder.statesOf(name), []events.ServerState{state}) })
	}
}

// TestAllServersDown checks that the client gets an error of its protocol.
func TestAllServersDown(t *testing.T) {
	t.Parallel()
	for _, protocol := range []Protocol{MySQL, Postgres, TCP} {
		r := newHarness(t, protocol, nil, deadAddress(t), deadAddress(t))
		client := r.dial()
		switch protocol {
		case MySQL:
			wantMySQLError(client, 0, mysqlUnreachable)
		case Postgres:
			client.send(pgLogin())
			wantPostgresError(client, "08001")
		case TCP:
			client.wantEnd()
		}
		client.Close()
		end := r.recorder.ended(t, 1)
		if end.Reason != events.ReasonConnectFailed || !strings.Contains(end.Description, "connection refused") {
			t.Errorf("%s: %+v", protocol, end)
		}
		wantKinds(t, r.recorder.await(t, 1, events.KindSessionClosed), events.KindSessionOpened,
			events.KindConnectionFailed, events.KindConnectionFailed, events.KindSessionClosed)
	}
}
