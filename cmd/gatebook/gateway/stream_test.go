package gateway

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/relay"
)

// newStream returns a stream, and the peer that it reads from.
func newStream(t *testing.T) (*stream, peer) {
	t.Helper()
	b := newStubServer(t, func(p peer) { _, _ = io.Copy(p, p) })
	conn, err := net.Dial("tcp", b.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	tcp := conn.(*net.TCPConn)
	c, err := relay.NewConn(tcp)
	if err != nil {
		t.Fatal(err)
	}
	// What the test sends comes back, to be read by the stream.
	return &stream{conn: c, frame: mysql.Frame, buffers: &relay.Buffers{}}, peer{tcp, t, false}
}

// TestStreamCutsPackets: however the bytes arrive, packets come out, and what is
// no packet yet stays.
func TestStreamCutsPackets(t *testing.T) {
	t.Parallel()
	s, p := newStream(t)
	defer s.release()
	long := mysqlPacket(2, strings.Repeat("x", 3*relay.BufferSize))
	go func() {
		for _, b := range mysqlPacket(1, "byte by byte") {
			p.Write([]byte{b})
		}
		p.Write(append(append(mysqlPacket(3, ""), long...), "the rest"...))
		p.CloseWrite()
	}()
	for _, want := range [][]byte{mysqlPacket(1, "byte by byte"), mysqlPacket(3, ""), long} {
		head, err := s.head(4)
		if err != nil || !bytes.Equal(head, want[:4]) {
			t.Fatalf("head %q, %v", head, err)
		}
		packet, err := s.next()
		if err != nil || !bytes.Equal(packet, want) {
			t.Fatalf("packet of %d bytes, %v; want %d", len(packet), err, len(want))
		}
	}
	if head, err := s.head(8); err != nil || string(head) != "the rest" {
		t.Fatalf("head %q, %v", head, err)
	}
	if rest := s.rest(); string(rest) != "the rest" {
		t.Errorf("rest %q", rest)
	}
	if _, err := s.next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

// TestStreamLimitsPackets: a packet that claims to be long costs nothing.
func TestStreamLimitsPackets(t *testing.T) {
	t.Parallel()
	s, p := newStream(t)
	defer s.release()
	p.send([]byte("\xff\xff\xff\x00"))
	if _, err := s.next(); !errors.Is(err, mysql.ErrMalformed) {
		t.Errorf("got %v", err)
	}
	if len(s.memory) != relay.BufferSize {
		t.Errorf("took %d bytes", len(s.memory))
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"192.0.2.1":          "192.0.2.1",
		"::ffff:192.0.2.1":   "192.0.2.1",
		"2001:DB8:0:0::1":    "2001:db8::1",
		"fe80::1%eth0":       "fe80::1",
		"::ffff:c000:0201%x": "192.0.2.1",
	} {
		if got := canonical(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
