package login

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/relay"
)

// newPackets returns packets of MySQL, and the socket whose bytes they read.
func newPackets(t *testing.T) (*packets, *net.TCPConn) {
	t.Helper()
	conn, far := socketPair(t)
	return &packets{conn: conn, frame: mysql.Frame, buffers: &relay.Buffers{}}, far
}

// TestPacketsAreWhole checks that packets come out however their bytes arrive, and that what
// is no packet yet stays.
func TestPacketsAreWhole(t *testing.T) {
	t.Parallel()
	s, p := newPackets(t)
	defer s.release()
	long := packet(2, strings.Repeat("x", 3*relay.BufferSize))
	go func() {
		for _, b := range packet(1, "byte by byte") {
			p.Write([]byte{b})
		}
		p.Write(append(append(packet(3, ""), long...), "the rest"...))
		p.CloseWrite()
	}()
	for _, want := range [][]byte{packet(1, "byte by byte"), packet(3, ""), long} {
		head, err := s.head(4)
		if err != nil || !bytes.Equal(head, want[:4]) {
			t.Fatalf("head %q, %v", head, err)
		}
		got, err := s.next()
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("packet of %d bytes, %v; want %d", len(got), err, len(want))
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

// TestPacketsAreLimited checks that a packet which claims to be long costs nothing.
func TestPacketsAreLimited(t *testing.T) {
	t.Parallel()
	s, p := newPackets(t)
	defer s.release()
	if _, err := p.Write([]byte("\xff\xff\xff\x00")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.next(); !errors.Is(err, mysql.ErrMalformed) {
		t.Errorf("got %v", err)
	}
	if len(s.memory) != relay.BufferSize {
		t.Errorf("took %d bytes", len(s.memory))
	}
}
