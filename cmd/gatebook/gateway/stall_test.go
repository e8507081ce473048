package gateway

import (
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"

	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// The rows of a stalled transfer, and what the sender may get rid of while the other side
// does not read: the buffers of four sockets, and far less than all.
const (
	rowSize  = 1 << 20
	rowCount = 64
	inFlight = 32 << 20
)

// rows sends 64 MiB in packets of MySQL, counts what it has sent, and returns
// the sum of it.
func rows(w io.Writer, sent *atomic.Int64) (sum [sha256.Size]byte, err error) {
	hash := sha256.New()
	source := rand.NewChaCha8([32]byte{})
	payload := make([]byte, rowSize)
	_, _ = source.Read(payload)
	row := mysqlPacket(0, string(payload))
	for i := range rowCount {
		row[3], row[i<<14] = byte(i), byte(i) // no two rows are alike
		hash.Write(row)
		n, err := w.Write(row)
		sent.Add(int64(n))
		if err != nil {
			return sum, err
		}
	}
	hash.Sum(sum[:0])
	return sum, nil
}

// total is what rows sends.
const total = rowCount * (rowSize + 4)

// take reads what rows has sent, and returns its sum.
func take(r io.Reader) (sum [sha256.Size]byte, err error) {
	hash := sha256.New()
	if _, err := io.CopyN(hash, r, total); err != nil {
		return sum, err
	}
	hash.Sum(sum[:0])
	return sum, nil
}

// stalled is a session whose client and server both send rows and do not read
// until released.
type stalled struct {
	*harness
	client             peer
	release            chan struct{}
	fromHere, fromRear atomic.Int64
	sums               chan [sha256.Size]byte // of what was sent and of what was read, by either
}

func newStalled(t *testing.T) *stalled {
	t.Helper()
	s := &stalled{release: make(chan struct{}), sums: make(chan [sha256.Size]byte, 4)}
	s.harness = newHarness(t, MySQL, nil, newStubServer(t, func(p peer) {
		p.send(mysqlGreeting())
		p.packet()
		p.send(mysqlPacket(2, mysqlOK))
		s.exchange(p, &s.fromRear)
	}).address())
	s.client = s.dial()
	s.client.logIn()
	return s
}

// exchange sends rows, and reads those of the other side once released.
func (s *stalled) exchange(p peer, sent *atomic.Int64) {
	written := make(chan struct{})
	go func() {
		defer close(written)
		if sum, err := rows(p, sent); err == nil {
			s.sums <- sum
		}
	}()
	<-s.release
	if sum, err := take(p); err == nil {
		s.sums <- sum
	}
	<-written
}

// marks returns how often the queues to the client and to the server have crossed
// their high marks.
func (s *stalled) marks() (client, server uint64) {
	one := s.only()
	one.mu.Lock()
	defer one.mu.Unlock()
	return one.client.Counters().HighWaterEvents, one.server.Counters().HighWaterEvents
}

// TestRowsBothWays checks that the gateway holds no more than its marks while 64 MiB go
// each way to readers that stall, and that all of it arrives as it was sent.
func TestRowsBothWays(t *testing.T) {
	givesBack(t, "released", func(t *testing.T) {
		s := newStalled(t)
		var before, during runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.exchange(s.client, &s.fromHere)
		}()
		eventuallyTrue(t, "both queues are above their marks", func() bool {
			client, server := s.marks()
			return client > 0 && server > 0
		})
		runtime.GC()
		runtime.ReadMemStats(&during)
		// Two queues, and the rows that the test itself is sending.
		if held := int64(during.HeapAlloc) - int64(before.HeapAlloc); held > 12<<20 {
			t.Errorf("the stalled transfer holds %d bytes", held)
		}
		if here, rear := s.fromHere.Load(), s.fromRear.Load(); here > inFlight || rear > inFlight {
			t.Errorf("%d and %d bytes have left their senders, want at most %d", here, rear, inFlight)
		}
		close(s.release)
		<-done
		s.client.Close()
		end := s.recorder.ended(t, 1)
		first := <-s.sums
		for range 3 {
			if sum := <-s.sums; sum != first {
				t.Error("what arrived is not what was sent")
			}
		}
		if end.Reason != events.ReasonClientClosed && end.Reason != events.ReasonServerClosed {
			t.Errorf("ended with %v %q", end.Reason, end.Description)
		}
		for _, f := range end.Finals {
			c := f.Counters
			if c.HighWaterEvents == 0 || c.LowWaterEvents < c.HighWaterEvents || c.BufferedWrites == 0 || c.BytesRead < total || c.BytesWritten < total {
				t.Errorf("connection %d: %+v", f.Connection, c)
			}
		}
	})
	givesBack(t, "killed", func(t *testing.T) {
		s := newStalled(t)
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.exchange(s.client, &s.fromHere)
		}()
		eventuallyTrue(t, "both queues are above their marks", func() bool {
			client, server := s.marks()
			return client > 0 && server > 0
		})
		s.recorder.kills <- []uint64{1}
		if end := s.recorder.ended(t, 1); end.Reason != events.ReasonKilled {
			t.Errorf("ended with %v %q", end.Reason, end.Description)
		}
		close(s.release)
		<-done
	})
}

// TestMarksOfService checks that the marks of a session are those of its service, which
// are not the default ones here.
func TestMarksOfService(t *testing.T) {
	const high, low = 4 * DefaultHighWater, 2 * DefaultHighWater
	givesBack(t, "marks", func(t *testing.T) {
		r := newHarness(t, TCP, func(_ *harness, s *Service) { s.HighWater, s.LowWater = high, low }, newStubServer(t, func(p peer) {
			for {
				p.send(make([]byte, 64<<10))
			}
		}).address())
		client := r.dial()
		r.awaitRelay(t, 1)
		s := r.only()
		eventuallyTrue(t, "the queue is above the high mark", func() bool { return s.client.Counters().HighWaterEvents > 0 })
		if held := s.server.Counters().BytesRead - s.client.Counters().BytesWritten; held <= high || held > high+relay.BufferSize {
			t.Errorf("held %d bytes, want above %d and at most one buffer more", held, high)
		}
		client.Close()
		expectReason(t, r, events.ReasonClientClosed, events.ReasonNetworkError)
	})
}

// TestHalfOpen checks that a client which will send no more keeps its session, in a protocol
// that may have that, as long as its server has something to send, and that a kill ends it
// all the same.
func TestHalfOpen(t *testing.T) {
	last := make(chan struct{})
	start := func(t *testing.T) (*harness, peer) {
		r := newHarness(t, TCP, nil, newStubServer(t, func(p peer) {
			p.want("that is all")
			p.wantEnd()
			<-last
			_, _ = p.Write([]byte("so it is"))
		}).address())
		client := r.dial()
		client.send([]byte("that is all"))
		client.CloseWrite()
		r.recorder.await(t, 1, events.KindSessionReady)
		return r, client
	}
	givesBack(t, "killed", func(t *testing.T) {
		r, client := start(t)
		r.recorder.kills <- []uint64{1}
		_, _ = io.Copy(io.Discard, client)
		expectReason(t, r, events.ReasonKilled)
		close(last)
	})
	givesBack(t, "answered", func(t *testing.T) {
		r, client := start(t) // the server may answer at once
		client.want("so it is")
		client.wantEnd()
		client.Close()
		expectReason(t, r, events.ReasonClientClosed)
	})
}
