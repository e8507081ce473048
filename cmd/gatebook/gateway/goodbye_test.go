package gateway

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
)

// dialTo connects to an address.
func dialTo(t *testing.T, address string) peer {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patienceOfTests))
	t.Cleanup(func() { conn.Close() })
	return peer{conn.(*net.TCPConn), t, false}
}

// lastWords reads what comes until the end of the connection.
func (p peer) lastWords() string {
	p.t.Helper()
	b, err := io.ReadAll(p)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		p.t.Errorf("the connection goes on: %v", err)
	}
	return string(b)
}

// toSwitch logs in to a server of MySQL as far as its request for another plugin.
func (p peer) toSwitch(user string) mysql.Packet {
	p.t.Helper()
	p.packet()
	p.send(mysqlPacket(1, "\x00\x82\x08\x00"+"\x00\x00\x00\x01\x2d"+strings.Repeat("\x00", 23)+user+"\x00\x00"+"another_plugin\x00"))
	return p.packet()
}

// TestGoodbyeInLogin checks at every stage of a login that a client which says goodbye is
// answered as the server itself would answer it, and is on the record as having closed.
func TestGoodbyeInLogin(t *testing.T) {
	t.Parallel()
	mariadb, pg := servertest.StartMariaDB(t), servertest.StartPostgres(t)
	for _, server := range []*servertest.Server{mariadb, pg} {
		if err := server.AddUser("jdoe", "secret"); err != nil {
			t.Fatal(err)
		}
	}
	quit, terminate := mysqlPacket(0, "\x01"), pgMessage('X', "")
	for name, test := range map[string]struct {
		protocol Protocol
		address  string
		talk     func(p peer)
		// alike: what the client gets is what it gets from the server itself.
		alike bool
	}{
		"mysql, instead of the login": {MySQL, mariadb.Address, func(p peer) { p.packet(); p.send(quit) }, false},
		"mysql, after a switch":       {MySQL, mariadb.Address, func(p peer) { p.toSwitch("jdoe"); p.send(quit) }, true},
		"mysql, with the answer": {MySQL, mariadb.Address, func(p peer) {
			p.toSwitch("jdoe")
			p.send(append(mysqlPacket(3, ""), quit...))
		}, true},
		"mysql, in a change of user": {MySQL, mariadb.Address, func(p peer) {
			p.logInNative("jdoe", "secret")
			p.send(append(mysqlPacket(0, changeUser("jdoe", "shop", "till")), quit...))
			p.packet()
			if e := mysql.ParseError(p.packet()); e.Code == 0 { // and then the server waits for a command
				p.t.Errorf("answered with %v", e)
			}
			p.CloseWrite()
		}, false},
		"mysql, something else after a switch": {MySQL, mariadb.Address, func(p peer) {
			p.toSwitch("jdoe")
			p.send(mysqlPacket(0, "\x03SELECT 1"))
		}, true},
		"postgres, first": {Postgres, pg.Address, func(p peer) { p.send(terminate) }, true},
		"postgres, after a refusal of TLS": {Postgres, pg.Address, func(p peer) {
			p.send(pgStartup(pgTLS, ""))
			p.want("N")
			p.send(terminate)
		}, true},
		"postgres, at the request of SASL": {Postgres, pg.Address, func(p peer) {
			p.send(pgLogin())
			p.message()
			p.send(terminate)
		}, true},
		"postgres, something else there": {Postgres, pg.Address, func(p peer) {
			p.send(pgLogin())
			p.message()
			p.send(pgMessage('Q', "SELECT 1\x00"))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			direct := dialTo(t, test.address)
			test.talk(direct)
			want := direct.lastWords()
			r := newHarness(t, test.protocol, func(_ *harness, s *Service) { s.LoginTimeout = time.Minute }, test.address)
			client := r.dial()
			test.talk(client)
			got := client.lastWords()
			if test.alike && got != want {
				t.Errorf("got %q, from the server itself %q", got, want)
			}
			reason := events.ReasonClientClosed
			if strings.Contains(name, "something else") || strings.Contains(name, "with the answer") {
				reason = events.ReasonAuthFailed
			}
			if end := r.recorder.ended(t, 1); end.Reason != reason {
				t.Errorf("ended with %v %q, want %v", end.Reason, end.Description, reason)
			}
		})
	}
}

// TestClientGoneInLogin checks that a client which is gone is noticed at every stage at which
// the server is silent, also behind a packet that has to wait.
func TestClientGoneInLogin(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		protocol Protocol
		server   func(p peer, had func())
		talk     func(p peer)
		reset    bool
	}{
		"mysql, after the login": {MySQL, func(p peer, had func()) { p.send(mysqlGreeting()); p.packet(); had(); p.wantEnd() }, func(p peer) {
			p.packet()
			p.send(mysqlLogin(usual, "jdoe", "shop", "till"))
		}, false},
		"mysql, after its answer": {MySQL, func(p peer, had func()) {
			p.send(mysqlGreeting())
			p.packet()
			p.send(mysqlPacket(2, "\xfeplugin\x00"))
			p.packet()
			had()
			p.wantEnd()
		}, func(p peer) {
			p.packet()
			p.send(mysqlLogin(usual, "jdoe", "shop", "till"))
			p.packet()
			p.send(mysqlPacket(3, "answer"))
		}, false},
		"mysql, behind a command": {MySQL, func(p peer, had func()) { p.send(mysqlGreeting()); p.packet(); had(); p.wantEnd() }, func(p peer) {
			p.packet()
			p.send(append(mysqlLogin(usual, "jdoe", "shop", "till"), mysqlPacket(0, "\x03SELECT 1")...))
		}, true},
		"postgres, after the startup": {Postgres, func(p peer, had func()) { p.startup(); had(); p.wantEnd() }, func(p peer) { p.send(pgLogin()) }, false},
		"postgres, after its answer": {Postgres, func(p peer, had func()) {
			p.startup()
			p.send(pgMessage('R', "\x00\x00\x00\x03"))
			p.message()
			had()
			p.wantEnd()
		}, func(p peer) {
			p.send(pgLogin())
			p.message()
			p.send(pgMessage('p', "secret\x00"))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			had := make(chan struct{})
			server := newStubServer(t, func(p peer) { test.server(p, func() { close(had) }) })
			r := newHarness(t, test.protocol, func(_ *harness, s *Service) { s.LoginTimeout = time.Minute }, server.address())
			client := r.dial()
			test.talk(client)
			<-had
			if test.reset {
				client.SetLinger(0)
			}
			client.Close()
			end := r.recorder.ended(t, 1)
			if end.Reason != events.ReasonClientClosed && (!test.reset || end.Reason != events.ReasonNetworkError) {
				t.Errorf("ended with %v %q", end.Reason, end.Description)
			}
		})
	}
}

// TestServerGoneBeforeLogin checks that a client which has sent nothing hears of a server that is
// gone, and reads the error of one that has lost its patience.
func TestServerGoneBeforeLogin(t *testing.T) {
	t.Parallel()
	for name, words := range map[string]string{"gone": "", "impatient": "\xff\x87\x04#08S01Got timeout reading communication packets"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			greeted := make(chan struct{})
			r := newHarness(t, MySQL, func(_ *harness, s *Service) { s.LoginTimeout = time.Minute }, newStubServer(t, func(p peer) {
				p.send(mysqlGreeting())
				<-greeted
				if words != "" {
					p.send(mysqlPacket(1, words))
				}
			}).address())
			client := r.dial()
			client.packet()
			close(greeted)
			got := client.lastWords()
			if want := words; (got == "") != (want == "") || !bytes.HasSuffix([]byte(got), []byte(want)) {
				t.Errorf("got %q, want %q", got, want)
			}
			if end := r.recorder.ended(t, 1); end.Reason != events.ReasonServerClosed {
				t.Errorf("ended with %v %q", end.Reason, end.Description)
			}
		})
	}
}

// TestEarlyCommandWaits checks that a command which comes while the server is silent passes when
// the login has succeeded and is on the record, and passes at once as an answer when the server
// asks for one.
func TestEarlyCommandWaits(t *testing.T) {
	t.Parallel()
	command := mysqlPacket(0, "\x03SELECT 1")
	for _, asks := range []bool{false, true} {
		t.Run(fmt.Sprintf("asks %v", asks), func(t *testing.T) {
			t.Parallel()
			r := newHarness(t, MySQL, nil, newStubServer(t, func(p peer) {
				p.send(mysqlGreeting())
				p.packet()
				if asks {
					p.send(mysqlPacket(2, "\xfeplugin\x00"))
					p.want(string(command))
					p.send(mysqlPacket(3, mysqlDenied))
					return
				}
				p.send(mysqlPacket(2, mysqlOK))
				p.want(string(command))
			}).address())
			client := r.dial()
			client.packet()
			client.send(append(mysqlLogin(usual, "jdoe", "shop", "till"), command...))
			want := events.ReasonServerClosed
			if asks {
				want = events.ReasonAuthFailed
			}
			client.lastWords()
			if end := r.recorder.ended(t, 1); end.Reason != want {
				t.Errorf("ended with %v %q, want %v", end.Reason, end.Description, want)
			}
		})
	}
}

// TestClientGoneAfterLogin checks that a login which the server accepts is on the record although its
// client has gone meanwhile, as it is in the server's own log.
func TestClientGoneAfterLogin(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		protocol Protocol
		server   func(p peer, had func())
		talk     func(p peer)
	}{
		"mysql": {MySQL, func(p peer, had func()) {
			p.send(mysqlGreeting())
			p.packet()
			had()
			p.wantEnd()
			p.send(mysqlPacket(2, mysqlOK))
		}, func(p peer) { p.packet(); p.send(mysqlLogin(usual, "jdoe", "shop", "till")) }},
		"postgres": {Postgres, func(p peer, had func()) {
			p.startup()
			had()
			p.wantEnd()
			p.send([]byte(pgWelcome()))
		}, func(p peer) { p.send(pgLogin()) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			had := make(chan struct{})
			r := newHarness(t, test.protocol, nil, newStubServer(t, func(p peer) { test.server(p, func() { close(had) }) }).address())
			client := r.dial()
			test.talk(client)
			<-had
			client.Close()
			if end := r.recorder.ended(t, 1); end.Reason != events.ReasonClientClosed || end.User != "" {
				t.Errorf("ended %+v", end)
			}
			wantReady(t, r, events.SessionReady{User: "jdoe", Database: "shop", Program: "till"})
		})
	}
}
