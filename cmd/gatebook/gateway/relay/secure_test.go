package relay

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatebook/cmd/gatebook/internal/certtest"
	"gatebook/events"
)

// secured is a harness whose sides speak TLS, both or one of them.
type secured struct {
	*harness
	// client and server are the peers' ends, of TLS or plain.
	client, server net.Conn
	buffers        *Buffers
}

// connectTLS makes a harness with TLS of a version toward the client, and toward the
// server too if both.
func connectTLS(t testing.TB, version uint16, both bool) *secured {
	t.Helper()
	r := &secured{harness: connect(t), buffers: &Buffers{}}
	r.client, r.server = r.harness.client, r.harness.server
	authority := certtest.NewAuthority(t, "authority")
	serving := &tls.Config{
		Certificates: []tls.Certificate{authority.Issue(t, "relay").TLS(t)},
		MinVersion:   version, MaxVersion: version, DynamicRecordSizingDisabled: true,
	}
	calling := &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost", MinVersion: version, MaxVersion: version}
	peer := tls.Client(r.harness.client, calling)
	handshake(t, peer, func() error { return r.clientConn.StartTLS(tls.Server, serving, nil, r.buffers) })
	r.client = peer
	if both {
		peer := tls.Server(r.harness.server, serving)
		handshake(t, peer, func() error { return r.serverConn.StartTLS(tls.Client, calling, nil, r.buffers) })
		r.server = peer
	}
	return r
}

// handshake makes both ends of one.
func handshake(t testing.TB, peer *tls.Conn, near func() error) {
	t.Helper()
	far := make(chan error, 1)
	go func() { far <- peer.Handshake() }()
	if err := errors.Join(near(), <-far); err != nil {
		t.Fatal(err)
	}
}

func (r *secured) start(t testing.TB, options Options) {
	t.Helper()
	options.Buffers = r.buffers
	r.harness.start(t, options)
}

// TestTLSMovesAndCounts checks that plaintext is counted, as without TLS.
func TestTLSMovesAndCounts(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, high := range []int{0, 65536} {
			var moved atomic.Int64
			r := connectTLS(t, version, high == 0)
			r.start(t, Options{
				High: high, Low: 1024,
				FromClient: r.see,
				Moved:      func() { moved.Add(1) },
			})
			for range 3 {
				exchange(t, r.client, r.server, "question")
				exchange(t, r.server, r.client, "the answer")
			}
			r.client.Close()
			r.server.Close()
			if end := r.wait(t); end.Err != nil {
				t.Errorf("ended as %+v", end)
			}
			if string(r.seen) != "questionquestionquestion" || moved.Load() == 0 {
				t.Errorf("watched %q, told %d times", r.seen, moved.Load())
			}
			want := events.Counters{Reads: 3, Writes: 3, BytesRead: 24, BytesWritten: 30}
			if got := r.clientConn.Counters(); got != want {
				t.Errorf("client: %+v, want %+v", got, want)
			}
			want.BytesRead, want.BytesWritten = 30, 24
			if got := r.serverConn.Counters(); got != want {
				t.Errorf("server: %+v, want %+v", got, want)
			}
		}
	}
}

// TestTLSStalledReader checks with TLS that a stalled direction is bounded, loses nothing,
// and crosses its marks as often one way as the other.
func TestTLSStalledReader(t *testing.T) {
	const high, low, size = 65536, 1024, 64 << 20
	r := connectTLS(t, tls.VersionTLS13, true)
	shrink(t, r.clientConn, r.harness.client)
	r.start(t, Options{High: high, Low: low})
	sent := make(chan []byte, 1)
	go func() { sent <- send(r.server, size) }()
	r.awaitStall(t, high, low)
	sum := sha256.New()
	if _, err := io.CopyN(sum, r.client, size); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(sum.Sum(nil), <-sent) {
		t.Fatal("what arrived is not what was sent")
	}
	r.client.Close()
	r.server.Close()
	r.wait(t)
	c := r.clientConn.Counters()
	if c.HighWaterEvents == 0 || c.LowWaterEvents < c.HighWaterEvents || c.BytesWritten != size {
		t.Errorf("client: %+v", c)
	}
	if s := r.serverConn.Counters(); s.BufferedWrites+s.HighWaterEvents+s.LowWaterEvents != 0 || s.BytesRead != size {
		t.Errorf("server: %+v", s)
	}
}

// TestTLSHalfClose checks that the end of one side is passed on after everything before
// it, and that the other direction goes on.
func TestTLSHalfClose(t *testing.T) {
	r := connectTLS(t, tls.VersionTLS13, true)
	r.start(t, Options{High: 65536, Low: 1024})
	if _, err := io.WriteString(r.client, "last words"); err != nil {
		t.Fatal(err)
	}
	if err := r.client.(*tls.Conn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r.server); err != nil || string(got) != "last words" {
		t.Fatalf("got %q, %v", got, err)
	}
	exchange(t, r.server, r.client, "an answer")
	r.server.Close()
	if end := r.wait(t); end != (End{First: Client}) {
		t.Errorf("ended as %+v", end)
	}
}

// halting is a socket that writes half of what it is given, and the rest when more
// is closed.
type halting struct {
	net.Conn
	armed bool
	half  chan struct{} // closed when the first half is written
	more  chan struct{}
}

func (h *halting) Write(p []byte) (int, error) {
	if !h.armed {
		return h.Conn.Write(p)
	}
	n, err := h.Conn.Write(p[:len(p)/2])
	if err != nil {
		return n, err
	}
	close(h.half)
	<-h.more
	rest, err := h.Conn.Write(p[n:])
	return n + rest, err
}

// TestTLSReadDeadline checks that a read which was given up in the middle of a record
// loses nothing.
func TestTLSReadDeadline(t *testing.T) {
	r := connect(t)
	authority := certtest.NewAuthority(t, "authority")
	serving := &tls.Config{Certificates: []tls.Certificate{authority.Issue(t, "relay").TLS(t)}}
	h := &halting{Conn: r.client, half: make(chan struct{}), more: make(chan struct{})}
	peer := tls.Client(h, &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"})
	handshake(t, peer, func() error { return r.clientConn.StartTLS(tls.Server, serving, nil, &Buffers{}) })
	h.armed = true
	written := make(chan error, 1)
	go func() {
		_, err := peer.Write([]byte("whole"))
		written <- err
	}()
	<-h.half
	p := make([]byte, 64)
	if err := r.clientConn.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.clientConn.Read(p); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	if err := r.clientConn.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	close(h.more)
	if n, err := r.clientConn.Read(p); err != nil || string(p[:n]) != "whole" {
		t.Errorf("got %q, %v", p[:n], err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}

// TestTLSEarlyBytes checks that a client may send the beginning of its handshake
// together with what came before it.
func TestTLSEarlyBytes(t *testing.T) {
	r := connect(t)
	authority := certtest.NewAuthority(t, "authority")
	serving := &tls.Config{Certificates: []tls.Certificate{authority.Issue(t, "relay").TLS(t)}}
	peer := tls.Client(r.client, &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"})
	handshake(t, peer, func() error {
		early := make([]byte, 100)
		if _, err := io.ReadFull(r.clientConn, early); err != nil {
			return err
		}
		return r.clientConn.StartTLS(tls.Server, serving, early, &Buffers{})
	})
	if err := r.clientConn.StartTLS(tls.Server, serving, nil, &Buffers{}); err == nil {
		t.Error("TLS began twice")
	}
	if state, ok := r.clientConn.TLS(); !ok || state.Version != tls.VersionTLS13 {
		t.Errorf("state %+v, %v", state.Version, ok)
	}
}

// BenchmarkTLSThroughput measures what encryption costs.
func BenchmarkTLSThroughput(b *testing.B) {
	r := connectTLS(b, tls.VersionTLS13, false)
	r.start(b, Options{High: 65536, Low: 1024})
	p := make([]byte, 1<<20)
	b.SetBytes(int64(len(p)))
	go func() {
		for {
			if _, err := r.server.Write(p); err != nil {
				return
			}
		}
	}()
	for b.Loop() {
		if _, err := io.ReadFull(r.client, p); err != nil {
			b.Fatal(err)
		}
	}
}

// TestTLSWriters checks that two goroutines may write at once, and that neither's bytes
// land within the other's.
func TestTLSWriters(t *testing.T) {
	r := connectTLS(t, tls.VersionTLS13, false)
	const size, times = 40_000, 20
	var writers sync.WaitGroup
	for _, letter := range []string{"a", "b"} {
		writers.Go(func() {
			for range times {
				if n, err := r.clientConn.Write([]byte(strings.Repeat(letter, size))); n != size || err != nil {
					t.Errorf("wrote %d, %v", n, err)
				}
			}
		})
	}
	for range 2 * times {
		got := make([]byte, size)
		if _, err := io.ReadFull(r.client, got); err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(got), string(got[:1])) != size {
			t.Error("two writes are mixed")
		}
	}
	writers.Wait()
	r.client.Close()
	r.clientConn.Close()
}
