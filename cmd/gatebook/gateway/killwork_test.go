package gateway

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/internal/certtest"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
)

// TestKillComesBeforeTheEnd checks that a server is told to end a connection while that is
// open, so that its number is no other's, by an account that it lets in by another plugin
// than it greets with.
func TestKillComesBeforeTheEnd(t *testing.T) {
	t.Parallel()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const scramble = "abcdefghijklmnopqrst"
	ended, said := make(chan struct{}), make(chan string, 1)
	first := make(chan struct{}, 1)
	first <- struct{}{}
	server := newStubServer(t, func(p peer) {
		p.send(mysqlGreeting())
		login, err := mysql.ParseLogin(p.packet(), mysql.Greeting{Capabilities: ^mysql.Capabilities(0)})
		select {
		case <-first: // the session
			p.send(mysqlPacket(2, mysqlOK))
			p.packet()
			_, _ = p.Read(make([]byte, 1))
			close(ended)
			return
		default:
		}
		if err != nil || login.User != "killer" {
			t.Errorf("the second login is %+v, %v", login, err)
		}
		p.send(mysqlPacket(2, "\xfecaching_sha2_password\x00"+scramble+"\x00"))
		answer, _ := mysql.Challenge{Plugin: "caching_sha2_password", Scramble: []byte(scramble)}.Answer("secret")
		if got := p.packet(); string(got.Payload()) != string(answer) {
			t.Errorf("the challenge is answered with %x", got.Payload())
		}
		p.send(mysqlPacket(4, "\x01\x03")) // the server has seen the user lately
		p.send(mysqlPacket(5, mysqlOK))
		query := string(p.packet().Payload())
		select {
		case <-ended:
			query += ", when it had ended"
		default:
		}
		said <- query
		p.send(mysqlPacket(1, mysqlOK))
	})
	r := newHarness(t, MySQL, func(r *harness, _ *Service) {
		r.servers = func(s *Server) { s.KillUser, s.KillPasswordFile = "killer", password }
	}, server.address())
	client := r.dial()
	client.logIn()
	client.send(mysqlPacket(0, "\x03SELECT BENCHMARK(1, 2)"))
	r.await(t, "its server works", func() bool {
		s := r.sessions.index.find(1)
		return s != nil && s.activity.waiting().Owed
	})
	r.recorder.kills <- []uint64{1}
	if got := <-said; got != "\x03KILL CONNECTION 4711" {
		t.Errorf("the server was told %q", got)
	}
	<-ended
	if end := r.recorder.ended(t, 1); end.Reason != events.ReasonKilled || end.Description != "" {
		t.Errorf("ended with %v %q", end.Reason, end.Description)
	}
}

// TestKillThroughTLS checks that the account works where a real server wants TLS of it, and a
// header of the PROXY protocol comes first.
func TestKillThroughTLS(t *testing.T) {
	t.Parallel()
	authority, _ := shared.keys(t)
	server := shared.mariaDB(t)
	folder := t.TempDir()
	password := filepath.Join(folder, "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"CREATE USER secured@'127.0.0.1' IDENTIFIED BY 'secret' REQUIRE SSL",
		"GRANT CONNECTION ADMIN ON *.* TO secured@'127.0.0.1'",
	} {
		if err := server.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	r := start(t, MySQL, Server{
		Address: server.Address, TLS: TLSRequire, CA: certtest.WriteFile(t, folder, "ca.pem", authority.Certificate),
		ProxyProtocol: true, KillUser: "secured", KillPasswordFile: password,
	}, Service{})
	db := openMySQL(t, r.throughFront(jdoe(server)), nil)
	const statement = "SELECT BENCHMARK(4000000000, SHA1('secured'))"
	done := make(chan error, 1)
	go func() { _, err := db.ExecContext(t.Context(), statement); done <- err }()
	works := func() bool {
		list, err := server.Processes()
		return err != nil || slices.ContainsFunc(list, func(p servertest.Process) bool { return p.Statement == statement })
	}
	r.await(t, "the statement runs", works)
	r.recorder.kills <- []uint64{1}
	<-done
	if end := r.recorder.ended(t, 1); end.Reason != events.ReasonKilled || end.Description != "" {
		t.Errorf("ended with %v %q", end.Reason, end.Description)
	}
	r.await(t, "the server has given up", func() bool { return !works() })
}

// TestAccountOfServer checks the configurations of an account that are refused.
func TestAccountOfServer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		protocol Protocol
		server   Server
		want     string
	}{
		"no password": {MySQL, Server{KillUser: "killer"}, "together alone"},
		"no user":     {MySQL, Server{KillPasswordFile: "file"}, "together alone"},
		"PostgreSQL":  {Postgres, Server{KillUser: "killer", KillPasswordFile: "file"}, "kill_user is for mysql"},
		"no file":     {MySQL, Server{KillUser: "killer", KillPasswordFile: "/nowhere/file"}, "read kill_password_file: open /nowhere/file"},
	} {
		c.server.Name, c.server.Address = "db1", "127.0.0.1:1"
		config := Config{
			Servers:  []Server{c.server},
			Services: []Service{{Name: "front", Protocol: c.protocol, Servers: []string{"db1"}, Listen: []string{"127.0.0.1:0"}}},
		}
		config, err := config.withDefaults()
		if err == nil {
			err = config.CheckFiles()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// TestAbandonedWithoutAccount checks that a service of MySQL is warned which wants to cancel
// what it has no account for.
func TestAbandonedWithoutAccount(t *testing.T) {
	t.Parallel()
	for user, want := range map[string]string{"": "service front, server db1: cancel_abandoned does nothing without kill_user", "killer": ""} {
		c := Config{
			Servers:  []Server{{Name: "db1", KillUser: user}},
			Services: []Service{{Name: "front", Protocol: MySQL, Servers: []string{"db1"}, CancelAbandoned: true}},
		}
		if got := strings.Join(c.Warnings(), "\n"); got != want {
			t.Errorf("with user %q: warned of %q", user, got)
		}
	}
}
