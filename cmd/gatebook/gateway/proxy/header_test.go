package proxy

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"github.com/pires/go-proxyproto"
)

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

// TestFormat checks that what Format writes is what Read reads, and that not a byte more is
// taken.
func TestFormat(t *testing.T) {
	t.Parallel()
	for _, want := range []Header{
		{netip.MustParseAddrPort("192.0.2.7:4711"), netip.MustParseAddrPort("198.51.100.1:3306")},
		{netip.MustParseAddrPort("[2001:db8::7]:4711"), netip.MustParseAddrPort("[2001:db8::1]:3306")},
	} {
		b, err := want.Format()
		if err != nil {
			t.Fatal(err)
		}
		r := bytes.NewReader(append(b, "rest"...))
		if got, err := Read(r); err != nil || got != want || r.Len() != len("rest") {
			t.Errorf("read %+v, %v and left %d bytes, want %+v", got, err, r.Len(), want)
		}
	}
	if got, err := Read(bytes.NewReader(local(t))); err != nil || got != (Header{}) {
		t.Errorf("a health check reads as %+v, %v", got, err)
	}
}

// FuzzRead checks that any bytes give a header or an error, and that never more is read
// than the header is long.
func FuzzRead(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.7 198.51.100.1 4711 3306\r\nrest"))
	f.Add([]byte("PROXY UNKNOWN\r\n"))
	f.Add(append(announce(f, 2, "192.0.2.7:4711", "198.51.100.1:3306"), "rest"...))
	f.Add(announce(f, 2, "[2001:db8::7]:4711", "[2001:db8::1]:3306"))
	f.Add(local(f))
	f.Add([]byte(string(proxyproto.SIGV2) + "\x21\x00\x00\x05\x04\x00\x02xx"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		header, err := read(r)
		if err != nil {
			return
		}
		used := b[:len(b)-r.Len()]
		again, err := read(bytes.NewReader(used))
		if err != nil || !again.EqualsTo(header) {
			t.Fatalf("%q: %+v, and then %+v, %v", used, header, again, err)
		}
		if _, err := Read(bytes.NewReader(used)); err != nil {
			t.Fatalf("%q: %v", used, err)
		}
	})
}
