package gateway

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"testing"
	"time"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/events"
)

func TestMySQLSession(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, nil, newStubServer(t, mysqlServer).address())
	client := r.dial()
	greeting, err := mysql.ParseGreeting(client.packet())
	if err != nil || greeting.Capabilities != offered&^mysql.Hidden || greeting.ThreadID != threadID {
		t.Fatalf("greeting %+v, %v", greeting, err)
	}
	client.send(mysqlLogin(usual, "jdoe", "shop", "till"))
	client.want(string(mysqlPacket(2, mysqlOK)))
	query := string(mysqlPacket(0, "\x03select 1"))
	client.send([]byte(query))
	client.want(query)
	client.Close()
	end := r.recorder.ended(t, 1)

	list := r.recorder.await(t, 1, events.KindSessionClosed)
	wantKinds(t, list, events.KindSessionOpened, events.KindConnectionOpened, events.KindSessionReady, events.KindSessionClosed)
	opened := find[*events.SessionOpened](list)[0]
	port := client.LocalAddr().(*net.TCPAddr).AddrPort().Port()
	if opened.Type != events.TypeClient || opened.Service != "front" || opened.Protocol != "mysql" ||
		opened.Listener != r.Addresses("front")[0].String() || opened.Address != "127.0.0.1" || opened.Port != port {
		t.Errorf("opened: %+v", opened)
	}
	if got := *find[*events.ConnectionOpened](list)[0]; got != (events.ConnectionOpened{Connection: 1, Server: "db1", ServerID: threadID}) {
		t.Errorf("connection: %+v", got)
	}
	if got := *find[*events.SessionReady](list)[0]; got != (events.SessionReady{User: "jdoe", Database: "shop", Program: "till"}) {
		t.Errorf("ready: %+v", got)
	}
	if end.Reason != events.ReasonClientClosed || end.User != "" || len(end.Finals) != 2 {
		t.Errorf("closed: %+v", end)
	}
	login := uint64(len(mysqlLogin(usual, "jdoe", "shop", "till")) + len(query))
	if c := end.Finals[0]; c.Connection != 0 || c.Counters.BytesRead != login || c.Counters.Reads != 2 || c.Active == 0 {
		t.Errorf("client's counters: %+v", c)
	}
	if c := end.Finals[1]; c.Connection != 1 || c.Counters.BytesWritten != login || c.Counters.Writes != 2 {
		t.Errorf("server's counters: %+v", c)
	}
}

func TestPostgresSession(t *testing.T) {
	t.Parallel()
	r := newHarness(t, Postgres, nil, newStubServer(t, pgServer).address())
	client := r.dial()
	for _, encryption := range []uint32{pgTLS, pgGSS} {
		client.send(pgStartup(encryption, ""))
		client.want("N")
	}
	client.send(pgLogin())
	client.want(pgWelcome())
	client.send(pgMessage('X', ""))
	client.want(string(pgMessage('X', "")))
	client.Close()
	end := r.recorder.ended(t, 1)
	list := r.recorder.await(t, 1, events.KindSessionClosed)
	wantKinds(t, list, events.KindSessionOpened, events.KindConnectionOpened, events.KindSessionReady, events.KindSessionClosed)
	if got := *find[*events.ConnectionOpened](list)[0]; got != (events.ConnectionOpened{Connection: 1, Server: "db1", ServerID: 0x1267}) {
		t.Errorf("connection: %+v", got)
	}
	if got := *find[*events.SessionReady](list)[0]; got != (events.SessionReady{User: "jdoe", Database: "shop", Program: "till"}) {
		t.Errorf("ready: %+v", got)
	}
	if end.Reason != events.ReasonClientClosed {
		t.Errorf("closed: %+v", end)
	}
}

func TestTCPSession(t *testing.T) {
	t.Parallel()
	r := newHarness(t, TCP, nil, newStubServer(t, echo).address())
	client := r.dial()
	client.send([]byte("anything"))
	client.want("anything")
	client.CloseWrite()
	client.wantEnd()
	r.recorder.ended(t, 1)
	list := r.recorder.await(t, 1, events.KindSessionClosed)
	wantKinds(t, list, events.KindSessionOpened, events.KindConnectionOpened, events.KindSessionReady, events.KindSessionClosed)
}

// TestAuthenticationGoesBothWays checks that packets of an authentication plugin reach
// the other side in any order.
func TestAuthenticationGoesBothWays(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, nil, newStubServer(t, func(p peer) {
		p.send(mysqlGreeting())
		p.packet()
		p.send(mysqlPacket(2, "\xfeclient_ed25519\x00nonce"))
		p.want(string(mysqlPacket(3, "answer")))
		p.send(append(mysqlPacket(4, "\x01one"), mysqlPacket(5, "\x01two")...))
		p.want(string(mysqlPacket(6, "")))
		p.send(mysqlPacket(7, mysqlOK))
		echo(p)
	}).address())
	client := r.dial()
	client.packet()
	client.send(mysqlLogin(usual, "jdoe", "shop", "till"))
	client.want(string(mysqlPacket(2, "\xfeclient_ed25519\x00nonce")))
	client.send(mysqlPacket(3, "answer"))
	client.want(string(mysqlPacket(4, "\x01one")))
	client.want(string(mysqlPacket(5, "\x01two")))
	client.send(mysqlPacket(6, ""))
	client.want(string(mysqlPacket(7, mysqlOK)))
	client.send([]byte("hello"))
	client.want("hello")
	client.Close()
	r.recorder.ended(t, 1)
}

// TestReadyBeforeReply looks, at the moment session_ready is being recorded, at
// what the two sides have been given so far: not the reply, and not the command
// that an impatient client has sent already.
func TestReadyBeforeReply(t *testing.T) {
	t.Parallel()
	command := mysqlPacket(0, "\x03drop table t")
	tests := map[string]struct {
		protocol Protocol
		server   func(p peer)
		client   func(p peer)
		// toClient and toServer are the bytes they may have been given.
		toClient, toServer int
	}{
		"mysql": {
			MySQL, func(p peer) {
				p.send(mysqlGreeting())
				p.packet()
				p.send(mysqlPacket(2, "\xfeplugin\x00"))
				p.packet()
				p.send(mysqlPacket(4, mysqlOK))
				p.want(string(command))
			},
			func(p peer) {
				p.packet()
				p.send(mysqlLogin(usual, "jdoe", "shop", "till"))
				p.packet()
				p.send(append(mysqlPacket(3, "answer"), command...))
				p.want(string(mysqlPacket(4, mysqlOK)))
			},
			len(mysqlGreeting()) + len(mysqlPacket(2, "\xfeplugin\x00")),
			len(mysqlLogin(usual, "jdoe", "shop", "till")) + len(mysqlPacket(3, "answer")),
		},
		"postgres": {
			Postgres, func(p peer) {
				p.startup()
				p.send(pgMessage('R', "\x00\x00\x00\x03"))
				p.message()
				p.send([]byte(pgWelcome()))
				p.want(string(pgMessage('Q', "drop table t\x00")))
			},
			func(p peer) {
				p.send(pgLogin())
				p.message()
				p.send(append(pgMessage('p', "secret\x00"), pgMessage('Q', "drop table t\x00")...))
				p.want(pgWelcome())
			},
			len(pgMessage('R', "\x00\x00\x00\x03")),
			len(pgLogin()) + len(pgMessage('p', "secret\x00")),
		},
		"tcp": {
			TCP, func(p peer) {
				p.send([]byte("welcome"))
				p.want("command")
			},
			func(p peer) {
				p.send([]byte("command"))
				p.want("welcome")
			},
			0, 0,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			looked := false
			r := newHarness(t, test.protocol, func(r *harness, _ *Service) {
				r.recorder.before = func(_ uint64, e events.Event) error {
					if e.Kind() == events.KindSessionReady {
						s := r.only()
						toClient, toServer := s.client.Counters().BytesWritten, s.server.Counters().BytesWritten
						if toClient != uint64(test.toClient) || toServer != uint64(test.toServer) {
							t.Errorf("gave %d bytes to the client, %d to the server; want %d, %d", toClient, toServer, test.toClient, test.toServer)
						}
						looked = true
					}
					return nil
				}
			}, newStubServer(t, test.server).address())
			client := r.dial()
			test.client(client)
			client.Close()
			r.recorder.ended(t, 1)
			if !looked {
				t.Error("session_ready was never recorded")
			}
		})
	}
}

// TestOpenBeforeLogin checks that no login reaches a server before session_opened is
// recorded.
func TestOpenBeforeLogin(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var r *harness
	backend := newStubServer(t, func(p peer) {
		p.send(mysqlGreeting())
		p.packet()
		r.recorder.mu.Lock()
		if len(r.recorder.sessions) == 0 || len(r.recorder.sessions[0]) == 0 {
			t.Error("the login came before the session was in the book")
		}
		r.recorder.mu.Unlock()
		p.send(mysqlPacket(2, mysqlOK))
		echo(p)
	})
	r = newHarness(t, MySQL, func(r *harness, _ *Service) {
		r.recorder.before = func(_ uint64, e events.Event) error {
			if e.Kind() == events.KindSessionOpened {
				<-release
			}
			return nil
		}
	}, backend.address())
	client := r.dial()
	client.packet() // the server is there before the session is recorded
	client.send(mysqlLogin(usual, "jdoe", "shop", "till"))
	close(release)
	client.packet()
	client.Close()
	r.recorder.ended(t, 1)
}

// TestSlowLoginShowsItsServer checks that the server of a login which takes long is
// recorded during the login.
func TestSlowLoginShowsItsServer(t *testing.T) {
	t.Parallel()
	r := newHarness(t, Postgres, nil, newStubServer(t, func(p peer) {
		p.startup()
		p.send(pgMessage('R', "\x00\x00\x00\x03"))
		p.message()
		p.send([]byte(pgWelcome()))
		echo(p)
	}).address())
	client := r.dial()
	client.send(pgLogin())
	client.message()
	list := r.recorder.await(t, 1, events.KindConnectionOpened)
	wantKinds(t, list, events.KindSessionOpened, events.KindConnectionOpened)
	client.send(pgMessage('p', "secret\x00"))
	client.want(pgWelcome())
	list = r.recorder.await(t, 1, events.KindSessionReady)
	wantKinds(t, list, events.KindSessionOpened, events.KindConnectionOpened, events.KindConnectionOpened, events.KindSessionReady)
	if again := find[*events.ConnectionOpened](list)[1]; again.Connection != 1 || again.ServerID != 0x1267 {
		t.Errorf("told again: %+v", again)
	}
}

// TestUnrecordedIsRefused checks that a client gets an error of its protocol, and
// nothing else, whichever record of its login fails.
func TestUnrecordedIsRefused(t *testing.T) {
	t.Parallel()
	readOnly := errors.New("the log is read-only")
	for _, kind := range []events.Kind{events.KindSessionOpened, events.KindSessionReady} {
		refuse := func(r *harness, _ *Service) {
			r.recorder.before = func(_ uint64, e events.Event) error {
				if e.Kind() == kind {
					return readOnly
				}
				return nil
			}
		}
		t.Run("mysql "+kind.String(), func(t *testing.T) {
			t.Parallel()
			r := newHarness(t, MySQL, refuse, newStubServer(t, mysqlServer).address())
			client := r.dial()
			client.packet()
			client.send(mysqlLogin(usual, "jdoe", "shop", "till"))
			reply := client.packet()
			e := mysql.ParseError(reply)
			if mysql.ReplyOf(reply) != mysql.ReplyError || reply.Sequence() != 2 || e.Code != 1105 || e.State != "HY000" {
				t.Errorf("got %d %s", reply.Sequence(), e)
			}
			client.wantEnd()
		})
		t.Run("postgres "+kind.String(), func(t *testing.T) {
			t.Parallel()
			r := newHarness(t, Postgres, refuse, newStubServer(t, pgServer).address())
			client := r.dial()
			client.send(pgLogin())
			if e := postgres.ParseError(client.message()); e.Severity != "FATAL" || e.Code != "57P03" {
				t.Errorf("got %v", e)
			}
			client.wantEnd()
		})
		t.Run("tcp "+kind.String(), func(t *testing.T) {
			t.Parallel()
			r := newHarness(t, TCP, refuse, newStubServer(t, func(p peer) { p.Write([]byte("welcome")) }).address())
			r.dial().wantEnd()
		})
	}
}

// TestLoginTimeout checks that a login ends at its time limit where the client sends
// nothing, and where it stops in the middle.
func TestLoginTimeout(t *testing.T) {
	t.Parallel()
	soon := func(_ *harness, s *Service) { s.LoginTimeout = 50 * time.Millisecond }
	for _, protocol := range []Protocol{MySQL, Postgres} {
		for _, part := range [][]byte{nil, {0}} {
			r := newHarness(t, protocol, soon, newStubServer(t, func(p peer) {
				if protocol == MySQL {
					p.send(mysqlGreeting())
				}
				echo(p)
			}).address())
			client := r.dial()
			client.send(part)
			if end := r.recorder.ended(t, 1); end.Reason != events.ReasonLoginTimeout {
				t.Errorf("%s after %d bytes: %v", protocol, len(part), end.Reason)
			}
		}
	}
}

// TestServerStallsLogin checks that a login ends at its time limit where the server
// stalls.
func TestServerStallsLogin(t *testing.T) {
	t.Parallel()
	r := newHarness(t, Postgres, func(_ *harness, s *Service) { s.LoginTimeout = 50 * time.Millisecond },
		newStubServer(t, func(p peer) { p.startup(); p.wantEnd() }).address())
	client := r.dial()
	client.send(pgLogin())
	end := r.recorder.ended(t, 1)
	if end.Reason != events.ReasonLoginTimeout || end.User != "jdoe" {
		t.Errorf("got %+v", end)
	}
}

// TestCapabilitiesStay checks that nothing else of the greeting is changed.
func TestCapabilitiesStay(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, nil, newStubServer(t, mysqlServer).address())
	got := []byte(r.dial().packet())
	want := mysqlGreeting()
	low := bytes.Index(want, []byte("scramble\x00")) + 9
	binary.LittleEndian.PutUint16(want[low:], uint16(usual&0xffff))
	binary.LittleEndian.PutUint16(want[low+5:], uint16(usual>>16))
	if !bytes.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
