package gateway

import (
	"crypto/sha256"
	"crypto/tls"
	"database/sql"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"gatebook/cmd/gatebook/internal/certtest"
	"gatebook/events"
)

// TestStartRefusesTLS checks that a configuration which cannot work is refused before
// anything listens.
func TestStartRefusesTLS(t *testing.T) {
	t.Parallel()
	pair := files(t, certtest.NewAuthority(t, "authority").Issue(t, "front"))
	for want, change := range map[string]func(c *Config, s *Service){
		`server db1: tls is "always"`:                 func(c *Config, _ *Service) { c.Servers[0].TLS = "always" },
		"cannot tell whether it offers TLS":           func(c *Config, _ *Service) { c.Servers[0].TLS = TLSPrefer },
		"ca and server_name are of no use":            func(c *Config, _ *Service) { c.Servers[0].CA = pair.Certificate },
		"PostgreSQL does not know the PROXY protocol": func(c *Config, s *Service) { c.Servers[0].ProxyProtocol, s.Protocol = true, Postgres },
		"service front: tls needs both":               func(_ *Config, s *Service) { s.TLS.Certificate = pair.Certificate },
		"service front: tls has a client_ca":          func(_ *Config, s *Service) { s.TLS.ClientCA = pair.Certificate },
		"service front: load certificate " + pair.Key + " and key " + pair.Certificate: func(_ *Config, s *Service) {
			s.TLS = ClientTLS{Certificate: pair.Key, Key: pair.Certificate}
		},
		"service front: load authorities: open /nowher": func(_ *Config, s *Service) { s.TLS = pair; s.TLS.ClientCA = "/nowhere.pem" },
		"holds no certificate in PEM":                   func(c *Config, _ *Service) { c.Servers[0].TLS, c.Servers[0].CA = TLSRequire, pair.Key },
	} {
		service := Service{Name: "front", Protocol: TCP, Listen: []string{"127.0.0.1:0"}, Servers: []string{"db1"}}
		config := Config{Servers: []Server{{Name: "db1", Address: "127.0.0.1:1"}}}
		change(&config, &service)
		config.Services = []Service{service}
		if _, err := Start(t.Context(), config, newRecorderStub(), zerolog.Nop()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		protocol Protocol
		front    bool
		required bool
		mode     TLSMode
		want     string
	}{
		{MySQL, true, false, TLSOff, "caching_sha2_password"},
		{MySQL, false, false, TLSPrefer, "caching_sha2_password"},
		{MySQL, true, true, TLSRequire, ""},
		{MySQL, true, false, TLSRequire, "a client without TLS passes what the server demands of TLS (REQUIRE SSL)"},
		{MySQL, false, false, TLSPrefer, "required = true, with a certificate and its key, in [services.front.tls]"},
		{MySQL, false, false, "", ""},
		{Postgres, true, true, TLSRequire, "SCRAM"},
		{Postgres, true, false, TLSRequire, "SCRAM"},
		{Postgres, true, false, TLSRequire, "hostssl"},
		{Postgres, true, false, TLSOff, ""},
		{Postgres, false, false, TLSPrefer, "hostssl"},
		{TCP, true, false, TLSRequire, ""},
		{TCP, false, false, TLSRequire, "its own rules"},
	} {
		service := Service{Name: "front", Protocol: test.protocol, Servers: []string{"db1"}}
		if test.front {
			service.TLS = ClientTLS{Certificate: "a", Key: "b", Required: test.required}
		}
		c := Config{Services: []Service{service}, Servers: []Server{{Name: "db1", TLS: test.mode}, {Name: "db2"}}}
		got := strings.Join(c.Warnings(), "; ")
		if (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

// TestWarnsOfDraining checks that a service needs one server that is not drained.
func TestWarnsOfDraining(t *testing.T) {
	t.Parallel()
	c := Config{
		Services: []Service{{Name: "front", Protocol: MySQL, Servers: []string{"db1", "db2"}}},
		Servers:  []Server{{Name: "db1", Drain: true}, {Name: "db2"}, {Name: "db3"}},
	}
	if got := c.Warnings(); len(got) != 0 {
		t.Errorf("with one left: %q", got)
	}
	c.Servers[1].Drain = true
	if got, want := c.Warnings(), []string{"service front: all its servers are drained, so it lets nobody in"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestSilentWithTLS checks that a client which sends nothing is recorded when the time
// of its login is over, and so is one that stops in the middle of its TLS handshake.
func TestSilentWithTLS(t *testing.T) {
	t.Parallel()
	front := files(t, certtest.NewAuthority(t, "authority").Issue(t, "front"))
	for protocol, talk := range map[Protocol]func(peer){MySQL: mysqlServer, Postgres: pgServer, TCP: echo} {
		r := start(t, protocol, Server{Address: newStubServer(t, talk).address()}, Service{TLS: front, LoginTimeout: 50 * time.Millisecond})
		r.dial()
		if protocol == Postgres {
			r.dial().send(pgStartup(pgTLS, ""))
			r.recorder.ended(t, 2)
		}
		if end := r.recorder.ended(t, 1); end.Reason != events.ReasonLoginTimeout {
			t.Errorf("%s: ended as %+v", protocol, end)
		}
	}
}

// TestTCPTLS checks that both sides may begin with TLS at once where the protocol is
// plain TCP.
func TestTCPTLS(t *testing.T) {
	t.Parallel()
	authority := certtest.NewAuthority(t, "authority")
	ca := certtest.WriteFile(t, t.TempDir(), "ca.pem", authority.Certificate)
	serving := &tls.Config{Certificates: []tls.Certificate{authority.Issue(t, "db1").TLS(t)}}
	backend := newStubServer(t, func(p peer) {
		secured := tls.Server(p.TCPConn, serving)
		_, _ = io.Copy(secured, secured)
		_ = secured.CloseWrite()
	})
	r := start(t, TCP, Server{Address: backend.address(), TLS: TLSRequire, CA: ca}, Service{TLS: files(t, authority.Issue(t, "front"))})
	client := tls.Client(r.dial(), &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"})
	if _, err := client.Write([]byte("there and back")); err != nil {
		t.Fatal(err)
	}
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(client); err != nil || string(got) != "there and back" {
		t.Errorf("got %q, %v", got, err)
	}
	if end := r.recorder.ended(t, 1); end.Reason != events.ReasonClientClosed || end.Finals[0].Counters.BytesRead != 14 || end.Finals[1].Counters.BytesWritten != 14 {
		t.Errorf("ended as %+v", end)
	}
}

// TestStalledReader checks that the marks are crossed and nothing is lost while a
// client stops reading 64 MiB of a real server's.
func TestStalledReader(t *testing.T) {
	t.Parallel()
	server := shared.mariaDB(t)
	r := start(t, MySQL, Server{Address: server.Address}, Service{})
	readLate(t, r, openMySQL(t, r.throughFront(server.Login), nil))
}

// TestStalledReaderWithTLS checks the same with TLS on both sides.
func TestStalledReaderWithTLS(t *testing.T) {
	t.Parallel()
	authority, own := shared.keys(t)
	server := shared.mariaDB(t)
	r := start(t, MySQL, Server{Address: server.Address, TLS: TLSPrefer}, Service{TLS: files(t, own)})
	readLate(t, r, openMySQL(t, r.throughFront(server.Login), &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"}))
}

// readLate asks for 64 MiB and reads none of them until the gateway's mark is crossed.
func readLate(t *testing.T, r *harness, db *sql.DB) {
	t.Helper()
	const rows, size = 64, 1 << 20
	answer, err := db.QueryContext(t.Context(), "SELECT REPEAT(CHAR(65 + seq % 26), 1048576) FROM seq_1_to_64")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	s := r.only()
	begun := time.Now()
	for tick := time.NewTicker(time.Millisecond); s.client.Counters().HighWaterEvents == 0; <-tick.C {
		if time.Since(begun) > patienceOfTests {
			t.Fatalf("stalled: %+v", s.client.Counters())
		}
	}
	if held := s.server.Counters().BytesRead - s.client.Counters().BytesWritten; held > DefaultHighWater+32<<10 {
		t.Errorf("held %d bytes", held)
	}
	got, want := sha256.New(), sha256.New()
	count := 0
	for ; answer.Next(); count++ {
		var row sql.RawBytes
		if err := answer.Scan(&row); err != nil {
			t.Fatal(err)
		}
		got.Write(row)
	}
	for i := range rows {
		io.WriteString(want, strings.Repeat(string(rune('A'+(i+1)%26)), size))
	}
	if err := answer.Err(); err != nil || count != rows || string(got.Sum(nil)) != string(want.Sum(nil)) {
		t.Errorf("%d rows, %v", count, err)
	}
	if c := s.client.Counters(); c.LowWaterEvents < c.HighWaterEvents || c.BufferedWrites == 0 || c.BytesWritten < rows*size {
		t.Errorf("counters %+v", c)
	}
}

// TestKilledWithTLS checks that a stalled session with TLS ends at once.
func TestKilledWithTLS(t *testing.T) {
	t.Parallel()
	authority := certtest.NewAuthority(t, "authority")
	r := start(t, TCP, Server{Address: newStubServer(t, func(p peer) {
		b := make([]byte, 64<<10)
		for {
			if _, err := p.Write(b); err != nil {
				return
			}
		}
	}).address()}, Service{TLS: files(t, authority.Issue(t, "front"))})
	conn := r.dial()
	client := tls.Client(net.Conn(conn), &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"})
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	r.recorder.await(t, 1, events.KindSessionReady)
	s := r.only()
	for tick := time.NewTicker(time.Millisecond); s.client.Counters().HighWaterEvents == 0; <-tick.C {
		if t.Context().Err() != nil {
			t.Fatal("never stalled")
		}
	}
	r.recorder.kills <- []uint64{1}
	if end := r.recorder.ended(t, 1); end.Reason != events.ReasonKilled {
		t.Errorf("ended as %+v", end)
	}
}
