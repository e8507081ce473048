package gateway

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"gatebook/cmd/gatebook/gateway/proxy"
	"gatebook/cmd/gatebook/internal/certtest"
	"gatebook/events"
)

// loopback is the network of the tests' proxies.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// announce returns a header that a proxy sends.
func announce(t testing.TB, version byte, source, destination string) []byte {
	t.Helper()
	from := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(source))
	to := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(destination))
	b, err := proxyproto.HeaderProxyFromAddrs(version, from, to).Format()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// local returns a proxy's header for its own health check.
func local(t testing.TB) []byte {
	t.Helper()
	b, err := (&proxyproto.Header{Version: 2, Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC}).Format()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// withField adds a field to a header of version 2.
func withField(header []byte, kind byte, value string) []byte {
	b := append(bytes.Clone(header), kind, byte(len(value)>>8), byte(len(value)))
	b = append(b, value...)
	binary.BigEndian.PutUint16(b[14:], uint16(len(b)-16))
	return b
}

// withChecksum adds a field, and then the checksum of all of it.
func withChecksum(header []byte) []byte {
	b := withField(withField(header, 0x20, "something"), 0x03, "\x00\x00\x00\x00")
	binary.BigEndian.PutUint32(b[len(b)-4:], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// TestProxyAccepted checks that the address in the proxy's header is recorded, and that
// not a byte after the header is lost.
func TestProxyAccepted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		header  []byte
		address string
		port    uint16
	}{
		"version 1":         {announce(t, 1, "192.0.2.7:4711", "198.51.100.1:3306"), "192.0.2.7", 4711},
		"version 1, IPv6":   {announce(t, 1, "[2001:db8::7]:4711", "[2001:db8::1]:3306"), "2001:db8::7", 4711},
		"version 1, no one": {[]byte("PROXY UNKNOWN\r\n"), "127.0.0.1", 0},
		"version 2":         {announce(t, 2, "192.0.2.7:4711", "198.51.100.1:3306"), "192.0.2.7", 4711},
		"version 2, IPv6":   {announce(t, 2, "[2001:db8::7]:4711", "[2001:db8::1]:3306"), "2001:db8::7", 4711},
		"mapped":            {announce(t, 2, "[::ffff:192.0.2.7]:4711", "[2001:db8::1]:3306"), "192.0.2.7", 4711},
		"health check":      {local(t), "127.0.0.1", 0},
		"version 2, UNSPEC": {[]byte(string(proxyproto.SIGV2) + "\x21\x00\x00\x00"), "127.0.0.1", 0},
		"UNSPEC and fields": {withField([]byte(string(proxyproto.SIGV2)+"\x21\x00\x00\x00"), 0xe0, strings.Repeat("x", 60_000)), "127.0.0.1", 0},
		"long fields":       {withField(announce(t, 2, "192.0.2.7:4711", "198.51.100.1:3306"), 0x20, strings.Repeat("x", 9000)), "192.0.2.7", 4711},
		"checksum":          {withChecksum(announce(t, 2, "192.0.2.7:4711", "198.51.100.1:3306")), "192.0.2.7", 4711},
		"health, checksum":  {withChecksum(local(t)), "127.0.0.1", 0},
		"version 2, unix":   {[]byte(string(proxyproto.SIGV2) + "\x21\x31\x00\xd8" + strings.Repeat("/", 216)), "127.0.0.1", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, TCP, Server{Address: newStubServer(t, echo).address()}, Service{AcceptProxyProtocol: loopback})
			client := r.dial()
			client.send(append(bytes.Clone(test.header), "hello"...))
			client.want("hello")
			opened := find[*events.SessionOpened](r.recorder.await(t, 1, events.KindSessionOpened))[0]
			if test.port == 0 {
				test.port = proxy.AddrPort(client.LocalAddr()).Port()
			}
			if opened.Address != test.address || opened.Port != test.port {
				t.Errorf("opened %+v", opened)
			}
		})
	}
}

// TestProxyLate checks that a client is recorded as connected since it was accepted,
// however late its header comes.
func TestProxyLate(t *testing.T) {
	t.Parallel()
	r := start(t, TCP, Server{Address: newStubServer(t, echo).address()}, Service{AcceptProxyProtocol: loopback})
	client := r.dial()
	r.await(t, "it is accepted", func() bool { return len(r.sessions.index.all()) == 1 })
	accepted := time.Now()
	client.send(announce(t, 2, "192.0.2.7:4711", "198.51.100.1:3306"))
	client.send([]byte("hello"))
	client.want("hello")
	r.recorder.mu.Lock()
	defer r.recorder.mu.Unlock()
	if since := r.recorder.since[1]; since.IsZero() || since.After(accepted) {
		t.Errorf("on the record since %v, accepted before %v", since, accepted)
	}
}

// TestProxyRefused checks that a connection from a proxy without a valid header is
// refused.
func TestProxyRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ sent, want string }{
		"no header": {"GET / HTTP/1.1\r\n", "no header of the PROXY protocol"},
		"no line":   {"PROXY TCP4 " + strings.Repeat("1", 200), "107 bytes or less"},
		"nonsense":  {"PROXY TCP4 here there 1 2\r\n", "invalid address"},
		"checksum":  {string(withField(announce(t, 2, "192.0.2.7:4711", "198.51.100.1:3306"), 3, "\x00\x00\x00\x01")), "checksum"},
		"cut field": {string(proxyproto.SIGV2) + "\x21\x11\x00\x0e" + strings.Repeat("\x7f", 14), "cut short"},
		"family":    {string(proxyproto.SIGV2) + "\x21\x41\x00\x00", "address family"},
	} {
		r := start(t, TCP, Server{Address: deadAddress(t)}, Service{AcceptProxyProtocol: loopback})
		r.dial().send([]byte(test.sent))
		if end := r.recorder.ended(t, 1); end.Reason != events.ReasonAuthFailed || !strings.Contains(end.Description, test.want) {
			t.Errorf("%s: ended as %+v", name, end)
		}
	}
	r := start(t, TCP, Server{Address: deadAddress(t)}, Service{AcceptProxyProtocol: loopback, LoginTimeout: 10_000_000})
	silent := r.dial()
	end := r.recorder.ended(t, 1)
	if end.Reason != events.ReasonLoginTimeout || end.Description != "no header of the PROXY protocol came within 10ms" {
		t.Errorf("silent: ended as %+v", end)
	}
	opened := find[*events.SessionOpened](r.recorder.await(t, 1, events.KindSessionOpened))[0]
	if opened.Address != "127.0.0.1" || opened.Port != proxy.AddrPort(silent.LocalAddr()).Port() {
		t.Errorf("silent: opened as %+v", opened)
	}
}

// TestProxySpoofed checks that a header from a network which is not configured is
// passed on like everything that the client sends.
func TestProxySpoofed(t *testing.T) {
	t.Parallel()
	elsewhere := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	header := announce(t, 1, "192.0.2.7:4711", "198.51.100.1:3306")
	r := start(t, TCP, Server{Address: newStubServer(t, echo).address()}, Service{AcceptProxyProtocol: elsewhere})
	client := r.dial()
	client.send(header)
	client.want(string(header))
	r2 := start(t, MySQL, Server{Address: newStubServer(t, mysqlServer).address()}, Service{AcceptProxyProtocol: elsewhere})
	r2.dial().send(header)
	r2.recorder.ended(t, 1)
	for _, r := range []*harness{r, r2} {
		if opened := find[*events.SessionOpened](r.recorder.await(t, 1, events.KindSessionOpened))[0]; opened.Address != "127.0.0.1" {
			t.Errorf("opened %+v", opened)
		}
	}
}

// TestProxySent checks that MariaDB sees the client's address, which is the one that a
// proxy before the gateway has sent; with TLS and without.
func TestProxySent(t *testing.T) {
	t.Parallel()
	server := shared.mariaDB(t)
	for _, mode := range []TLSMode{TLSOff, TLSPrefer} {
		for _, source := range []string{"192.0.2.7:4711", "[2001:db8::7]:4711"} {
			r := start(t, MySQL, Server{Address: server.Address, ProxyProtocol: true, TLS: mode}, Service{AcceptProxyProtocol: loopback})
			front := proxied(t, r.Addresses("front")[0].String(), announce(t, 1, source, "[2001:db8::1]:3306"))
			to := jdoe(server)
			to.Address = front
			want := netip.MustParseAddrPort(source)
			got := query(t, openMySQL(t, to, nil), "SELECT SUBSTRING_INDEX(host, ':', 8) FROM information_schema.processlist WHERE id = CONNECTION_ID()")
			if !strings.Contains(got, want.Addr().String()) {
				t.Errorf("the server sees %q, want %s", got, want)
			}
			if opened := find[*events.SessionOpened](r.recorder.await(t, 1, events.KindSessionOpened))[0]; opened.Address != want.Addr().String() || opened.Port != 4711 {
				t.Errorf("opened %+v", opened)
			}
		}
	}
}

// proxied returns the address of a proxy that begins each connection to another address
// with a header.
func proxied(t testing.TB, to string, header []byte) string {
	t.Helper()
	return newStubServer(t, func(p peer) {
		onward, err := net.Dial("tcp", to)
		if err != nil {
			t.Error(err)
			return
		}
		defer onward.Close()
		if _, err := onward.Write(header); err != nil {
			return
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(p, onward)
			_ = p.CloseWrite()
		}()
		_, _ = io.Copy(onward, p)
		_ = onward.(*net.TCPConn).CloseWrite()
		<-done
	}).address()
}

// TestProxyUnexpected checks that a header to a service which expects none, or a second one, is
// recognised, on the record and in what the client reads.
func TestProxyUnexpected(t *testing.T) {
	t.Parallel()
	front := files(t, certtest.NewAuthority(t, "authority").Issue(t, "front"))
	const want = "a header of the PROXY protocol, which service front does not expect"
	v1 := announce(t, 1, "192.0.2.7:4711", "198.51.100.1:3306")
	v2 := announce(t, 2, "192.0.2.7:4711", "198.51.100.1:3306")
	for name, test := range map[string]struct {
		protocol Protocol
		service  Service
		sent     []byte
	}{
		"mysql":           {MySQL, Service{}, v1},
		"mysql, 2":        {MySQL, Service{}, v2},
		"mysql, health":   {MySQL, Service{}, local(t)},
		"mysql, TLS":      {MySQL, Service{TLS: front}, v1},
		"mysql, twice":    {MySQL, Service{AcceptProxyProtocol: loopback}, append(bytes.Clone(v2), v1...)},
		"postgres":        {Postgres, Service{}, v1},
		"postgres, 2":     {Postgres, Service{}, v2},
		"postgres, TLS":   {Postgres, Service{TLS: front}, v2},
		"postgres, twice": {Postgres, Service{AcceptProxyProtocol: loopback}, append(bytes.Clone(v1), v1...)},
		"tcp, TLS":        {TCP, Service{TLS: front}, v1},
		"tcp, TLS, 2":     {TCP, Service{TLS: front}, v2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := map[Protocol]func(peer){MySQL: mysqlServer, Postgres: pgServer, TCP: echo}[test.protocol]
			r := start(t, test.protocol, Server{Address: newStubServer(t, server).address()}, test.service)
			client := r.dial()
			client.send(test.sent)
			words := client.lastWords()
			if test.protocol != TCP && !strings.Contains(words, want) {
				t.Errorf("the client reads %q", words)
			}
			if end := r.recorder.ended(t, 1); end.Reason != events.ReasonAuthFailed || !strings.Contains(end.Description, want) {
				t.Errorf("ended with %v %q", end.Reason, end.Description)
			}
		})
	}
}
