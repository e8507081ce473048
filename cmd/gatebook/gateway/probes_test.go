package gateway

import (
	"crypto/tls"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/internal/certtest"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
)

// TestProbesOfLogins checks that a connection from a network of probes is a session from the first
// byte of its login, and not before: neither the greeting, nor TLS, nor a proxy's header is one.
func TestProbesOfLogins(t *testing.T) {
	t.Parallel()
	authority := certtest.NewAuthority(t, "authority")
	front := files(t, authority.Issue(t, "front"))
	trusting := &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost", NextProtos: []string{"postgresql"}}
	handshake := func(p peer) {
		if err := tls.Client(p.TCPConn, trusting).HandshakeContext(t.Context()); err != nil {
			p.t.Errorf("handshake: %v", err)
		}
	}
	mysqlTLS := func(p peer) {
		p.packet()
		p.send(mysql.Packet(mysqlLogin(usual|mysql.TLS, "", "", "")).AppendTLSRequest(nil, 1))
		handshake(p)
	}
	postgresTLS := func(p peer) { p.send(pgStartup(pgTLS, "")); p.want("S"); handshake(p) }
	own := announce(t, 1, "127.0.0.1:4711", "127.0.0.1:3306")
	for name, test := range map[string]struct {
		protocol Protocol
		secured  bool
		proxied  bool
		talk     func(p peer)
		recorded bool
	}{
		"mysql, greeting":              {MySQL, false, false, func(p peer) { p.packet() }, false},
		"mysql, greeting and goodbye":  {MySQL, false, false, func(p peer) { p.packet(); p.send(mysqlPacket(0, "\x01")) }, false},
		"mysql, half a login":          {MySQL, false, false, func(p peer) { p.packet(); p.send(mysqlLogin(usual, "jdoe", "", "")[:20]) }, true},
		"mysql, nonsense":              {MySQL, false, false, func(p peer) { p.packet(); p.send([]byte("GET / HTTP/1.0\r\n\r\n")) }, true},
		"mysql, greeting of TLS":       {MySQL, true, false, func(p peer) { p.packet() }, false},
		"mysql, TLS":                   {MySQL, true, false, mysqlTLS, false},
		"mysql, header of none":        {MySQL, false, true, func(p peer) { p.send(local(t)) }, false},
		"mysql, header and greeting":   {MySQL, false, true, func(p peer) { p.send(local(t)); p.packet() }, false},
		"mysql, header of a client":    {MySQL, false, true, func(p peer) { p.send(announce(t, 2, "192.0.2.7:4711", "127.0.0.1:3306")); p.packet() }, true},
		"postgres, refused TLS":        {Postgres, false, false, func(p peer) { p.send(pgStartup(pgTLS, "")); p.want("N") }, false},
		"postgres, TLS":                {Postgres, true, false, postgresTLS, false},
		"postgres, TLS at once":        {Postgres, true, false, handshake, false},
		"postgres, goodbye":            {Postgres, false, false, func(p peer) { p.send(pgMessage('X', "")) }, false},
		"postgres, half a login":       {Postgres, false, false, func(p peer) { p.send(pgLogin()[:10]) }, true},
		"postgres, header of UNKNOWN":  {Postgres, false, true, func(p peer) { p.send([]byte("PROXY UNKNOWN\r\n")) }, false},
		"postgres, header of its own":  {Postgres, false, true, func(p peer) { p.send(own) }, false},
		"postgres, half a header":      {Postgres, false, true, func(p peer) { p.send(own[:9]) }, false},
		"postgres, no header":          {Postgres, false, true, func(peer) {}, false},
		"postgres, header and a login": {Postgres, false, true, func(p peer) { p.send(append(local(t), pgLogin()[:10]...)) }, true},
		"tcp, TLS":                     {TCP, true, false, handshake, false},
		"tcp, header of none":          {TCP, false, true, func(p peer) { p.send(local(t)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := map[Protocol]func(peer){MySQL: mysqlServer, Postgres: pgServer, TCP: echo}[test.protocol]
			r := newHarness(t, test.protocol, func(_ *harness, s *Service) {
				s.Probes, s.LoginTimeout = loopback, time.Minute
				if test.secured {
					s.TLS = front
				}
				if test.proxied {
					s.AcceptProxyProtocol = loopback
				}
			}, newStubServer(t, server).address())
			client := r.dial()
			client.t = t
			test.talk(client)
			client.CloseWrite()
			r.await(t, "the connection has ended", func() bool {
				return r.Probes() == 1 || test.recorded && r.recorder.opened() > 0 && len(r.sessions.index.all()) == 0
			})
			r.close()
			if recorded := len(r.recorder.sessions) > 0; recorded != test.recorded || (r.Probes() == 1) == recorded {
				t.Errorf("recorded: %v, want %v; %d probes", recorded, test.recorded, r.Probes())
			}
		})
	}
}

// TestProbesReachNoServer checks that a check behind a proxy which hangs up after the header reaches
// no server.
func TestProbesReachNoServer(t *testing.T) {
	t.Parallel()
	for _, protocol := range []Protocol{MySQL, Postgres, TCP} {
		t.Run(string(protocol), func(t *testing.T) {
			t.Parallel()
			var dialled atomic.Int32
			r := newHarness(t, protocol, func(_ *harness, s *Service) {
				s.Probes, s.AcceptProxyProtocol = loopback, loopback
			}, newStubServer(t, func(peer) { dialled.Add(1) }).address())
			for _, header := range [][]byte{nil, local(t), []byte("PROXY UNKNOWN\r\n")} {
				client := r.dial()
				client.send(header)
				client.Close()
			}
			r.await(t, "all are counted", func() bool { return r.Probes() == 3 })
			if n := dialled.Load(); n != 0 {
				t.Errorf("the server was dialled %d times", n)
			}
		})
	}
}

// TestProbeOfMariaDB checks with a real server that a check which reads the greeting and closes, as
// HAProxy's does, is not recorded, and that a client from the same network is.
func TestProbeOfMariaDB(t *testing.T) {
	t.Parallel()
	server := servertest.StartMariaDB(t)
	if err := server.AddUser("jdoe", "secret"); err != nil {
		t.Fatal(err)
	}
	r := newHarness(t, MySQL, func(_ *harness, s *Service) {
		s.Probes = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	}, server.Address)
	for range 3 {
		check := r.dial()
		check.packet()
		check.Close()
	}
	r.await(t, "all are counted", func() bool { return r.Probes() == 3 })
	client := r.dial()
	client.logInNative("jdoe", "secret")
	client.send(mysqlPacket(0, "\x01"))
	client.Close()
	wantReason(t, r, 1, events.ReasonClientClosed)
	wantReady(t, r, events.SessionReady{User: "jdoe", Database: "shop"})
	if n := len(r.recorder.sessions); n != 1 {
		t.Errorf("%d sessions are recorded", n)
	}
}
