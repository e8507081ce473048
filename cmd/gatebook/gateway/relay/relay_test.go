package relay

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"

	"gatebook/events"
)

func TestRelayMovesAndCounts(t *testing.T) {
	for _, high := range []int{0, 65536} {
		var moved atomic.Int64
		r := connect(t)
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
		r.wait(t)
		if string(r.seen) != "questionquestionquestion" {
			t.Errorf("watched %q", r.seen)
		}
		want := events.Counters{Reads: 3, Writes: 3, BytesRead: 24, BytesWritten: 30}
		if got := r.clientConn.Counters(); got != want {
			t.Errorf("client: %+v, want %+v", got, want)
		}
		want.BytesRead, want.BytesWritten = 30, 24
		if got := r.serverConn.Counters(); got != want {
			t.Errorf("server: %+v, want %+v", got, want)
		}
		if moved.Load() == 0 || r.clientConn.Active() == 0 || r.serverConn.Active() == 0 {
			t.Error("nobody was told")
		}
	}
}

// exchange sends text from one peer and reads it at the other.
func exchange(t *testing.T, from, to net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(from, text); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(to, got); err != nil || string(got) != text {
		t.Fatalf("got %q, %v; want %q", got, err, text)
	}
}

// TestStalledReader checks that the marks are crossed and nothing is lost while a
// client stops reading 64 MiB of a real server's.
func TestStalledReader(t *testing.T) {
	const high, low, size = 65536, 1024, 64 << 20
	r := connect(t)
	shrink(t, r.clientConn, r.client)
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

// awaitStall waits until the server is not read because its client does not read. The queue has
// then crossed its high mark, and has not come to its low mark since; all the time it holds one
// buffer more than the high mark at most. Before that the system may have taken so much
// that the marks were crossed both ways.
func (r *harness) awaitStall(t *testing.T, high, low int) {
	t.Helper()
	p, before := r.relay.down, uint64(0)
	eventually(t, "the server is not read", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		c, held := r.clientConn.Counters(), p.queue.size
		if held > high+BufferSize {
			t.Fatalf("the queue holds %d bytes, want at most one buffer more than %d", held, high)
		}
		stalled := p.blocked.Load() && c.HighWaterEvents == c.LowWaterEvents+1
		if stalled && (held <= low || c.BufferedWrites == 0) {
			t.Fatalf("stalled with %d bytes in the queue: %+v", held, c)
		}
		settled := before == c.BytesWritten
		before = c.BytesWritten
		return stalled && settled
	})
}

// TestStallHoldsNoMoreThanTheMark checks that a stalled direction takes what the mark
// and one buffer allow and then stops reading.
func TestStallHoldsNoMoreThanTheMark(t *testing.T) {
	const high, low = 100_000, 1024
	r := connect(t)
	shrink(t, r.clientConn, r.client)
	r.start(t, Options{High: high, Low: low})
	sent := make(chan []byte, 1)
	go func() { sent <- send(r.server, 8<<20) }()
	r.awaitStall(t, high, low)
	r.clientConn.Close()
	r.serverConn.Close()
	if end := r.wait(t); end != (End{}) {
		t.Errorf("ended from outside, got %+v", end)
	}
	<-sent
}

// TestLowMark checks that a direction that has stopped reading goes on when its queue is
// at the low mark, and not before. The marks are no defaults.
func TestLowMark(t *testing.T) {
	const high, low = 100, 40
	r := connect(t)
	p := newPipe(&Relay{options: Options{High: high, Low: low, Buffers: &Buffers{}, Moved: func() {}}}, r.clientConn, r.serverConn, Client, Server)
	p.draining.Store(true) // by the test itself
	went := make(chan bool, 1)
	go func() { went <- p.enqueue(make([]byte, 150)) }()
	eventually(t, "the queue is above the high mark", func() bool { return r.serverConn.Counters().HighWaterEvents == 1 })
	p.written(150 - low - 1)
	if r.serverConn.Counters().LowWaterEvents != 0 || len(went) > 0 {
		t.Error("the direction goes on above the low mark")
	}
	p.written(1)
	if more := <-went; !more || r.serverConn.Counters().LowWaterEvents != 1 {
		t.Errorf("at the low mark: goes on %v, %+v", more, r.serverConn.Counters())
	}
	p.written(low)
	p.release()
}

// TestNothingQueuedWithoutMark checks that the reading side waits where the high mark
// is 0.
func TestNothingQueuedWithoutMark(t *testing.T) {
	r := connect(t)
	shrink(t, r.clientConn, r.client)
	r.start(t, Options{})
	sent := make(chan []byte, 1)
	go func() { sent <- send(r.server, 8<<20) }()
	sum := sha256.New()
	if _, err := io.CopyN(sum, r.client, 8<<20); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(sum.Sum(nil), <-sent) {
		t.Fatal("what arrived is not what was sent")
	}
	c := r.clientConn.Counters()
	if c.BufferedWrites+c.HighWaterEvents+c.LowWaterEvents != 0 {
		t.Errorf("client: %+v", c)
	}
}

// shrink limits the socket buffers between the relay and a peer, so that a stall
// is one soon. Not below the loopback's segment of 64 KiB, which would stall it.
func shrink(t *testing.T, near *Conn, far *net.TCPConn) {
	t.Helper()
	if err := near.tcp.SetWriteBuffer(128 << 10); err != nil {
		t.Fatal(err)
	}
	if err := far.SetReadBuffer(256 << 10); err != nil {
		t.Fatal(err)
	}
}

// send writes size random bytes in writes of random sizes and returns their hash.
func send(w io.Writer, size int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	source := rand.NewChaCha8([32]byte{})
	sum := hash.Hash(sha256.New())
	p := make([]byte, 100<<10)
	for size > 0 {
		n := min(size, 1+random.IntN(len(p)))
		source.Read(p[:n])
		if _, err := w.Write(p[:n]); err != nil {
			return nil
		}
		sum.Write(p[:n])
		size -= n
	}
	return sum.Sum(nil)
}
