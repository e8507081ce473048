package storagetest

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"gatebook/events"
)

// Append appends the n-th event, of about 160 bytes, for a producer, and returns when
// it is acknowledged. Producers are numbered from 0 to 1,023; each has one append at a
// time.
type Append func(producer int, n int64) error

// Target is a store whose appends are measured.
type Target struct {
	Name string
	// Open opens it. It is released by the benchmark's cleanup.
	Open func(b *testing.B) Append
}

// Yardsticks returns the targets to compare a log with, in the same run and with the
// same group commit. rawfile writes the bytes to one file and syncs it once. bbolt is
// bbolt without deciding, encoding, expectations and delivery.
func Yardsticks() []Target {
	return []Target{{"rawfile", rawFile}, {"bbolt", bareBolt}}
}

// BenchmarkAppends measures appends to each target by 1, 16, 128 and 1,024 producers.
// Each producer waits for its own acknowledgement before it goes on. One round measures
// each target once, so that rounds of a target alternate with those of the others.
func BenchmarkAppends(b *testing.B, targets ...Target) {
	for _, producers := range []int{1, 16, 128, 1024} {
		for _, target := range targets {
			b.Run(fmt.Sprintf("producers=%d/%s", producers, target.Name), func(b *testing.B) {
				produce(b, producers, target.Open(b))
			})
		}
	}
}

// produce has the producers append b.N events.
func produce(b *testing.B, producers int, appendOne Append) {
	latencies := make([][]time.Duration, producers)
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for p := range producers {
		wg.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				begun := time.Now()
				if err := appendOne(p, n); err != nil {
					b.Error(err)
					return
				}
				latencies[p] = append(latencies[p], time.Since(begun))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Concat(latencies...)
	slices.Sort(all)
	if len(all) == 0 {
		return
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
}

// Opening returns an event of the measured size.
func Opening(n int64) *events.SessionOpened {
	return &events.SessionOpened{
		Source: "gateway", Incarnation: "1", Service: "orders-rw1", Listener: "0.0.0.0:4006", Protocol: "mysql",
		Key: "1795392000-000000000000017", Address: "10.20.30.40", Port: uint16(n),
	}
}

// openingBytes returns its stored form.
func openingBytes() []byte {
	r := events.Record{Sequence: 1, Recorded: 1, Session: 100_000, Event: Opening(40_000)}
	return events.Seal(events.Append(nil, &r, func([]byte) {}), r.Sequence, r.Recorded)
}

func rawFile(b *testing.B) Append {
	f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	if err != nil {
		b.Fatal(err)
	}
	var buffer []byte
	g := newGroup(b, func(values [][]byte) error {
		buffer = buffer[:0]
		for _, v := range values {
			buffer = append(binary.BigEndian.AppendUint32(buffer, uint32(len(v))), v...)
		}
		if _, err := f.Write(buffer); err != nil {
			return err
		}
		return unix.Fdatasync(int(f.Fd()))
	}, f.Close)
	value := openingBytes()
	return func(int, int64) error { return g.append(value) }
}

func bareBolt(b *testing.B) Append {
	db, err := bolt.Open(filepath.Join(b.TempDir(), "bare.db"), 0o600, &bolt.Options{
		FreelistType: bolt.FreelistMapType, InitialMmapSize: 4 << 30, NoStatistics: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	name := []byte("records")
	if err := db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucket(name)
		return err
	}); err != nil {
		b.Fatal(err)
	}
	sequence := uint64(0)
	g := newGroup(b, func(values [][]byte) error {
		return db.Update(func(tx *bolt.Tx) error {
			bucket := tx.Bucket(name)
			bucket.FillPercent = 1
			for _, v := range values {
				sequence++
				var key [8]byte
				binary.BigEndian.PutUint64(key[:], sequence)
				if err := bucket.Put(key[:], v); err != nil {
					return err
				}
			}
			return nil
		})
	}, db.Close)
	value := openingBytes()
	return func(int, int64) error { return g.append(value) }
}

// group commits as the log does: one goroutine takes all appends that wait, writes
// them, and coalesces them with those of producers it has just acknowledged.
type group struct {
	write func(values [][]byte) error
	wake  chan struct{}

	mu   sync.Mutex // guards open
	open *groupBatch
}

type groupBatch struct {
	values [][]byte
	err    error
	done   chan struct{}
}

func newGroup(b *testing.B, write func([][]byte) error, release func() error) *group {
	g := &group{write: write, wake: make(chan struct{}, 1), open: &groupBatch{done: make(chan struct{})}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for expected := 0; ; {
			batch := g.take(expected)
			if batch == nil {
				if _, more := <-g.wake; !more {
					return
				}
				continue
			}
			batch.err = g.write(batch.values)
			g.mu.Lock()
			expected = len(batch.values) + len(g.open.values)
			g.mu.Unlock()
			close(batch.done)
		}
	}()
	b.Cleanup(func() {
		close(g.wake)
		<-ended
		if err := release(); err != nil {
			b.Error(err)
		}
	})
	return g
}

func (g *group) append(value []byte) error {
	g.mu.Lock()
	batch := g.open
	batch.values = append(batch.values, value)
	if len(batch.values) == 1 {
		select {
		case g.wake <- struct{}{}:
		default:
		}
	}
	g.mu.Unlock()
	<-batch.done
	return batch.err
}

// take coalesces appends and cuts the batch; nil if it is empty.
func (g *group) take(expected int) *groupBatch {
	const coalesceTurns = 64
	for idle, before := 0, 0; idle < coalesceTurns; idle++ {
		g.mu.Lock()
		n := len(g.open.values)
		g.mu.Unlock()
		if n == 0 || n >= expected {
			break
		}
		if n > before {
			idle = 0
		}
		before = n
		runtime.Gosched()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	batch := g.open
	if len(batch.values) == 0 {
		return nil
	}
	g.open = &groupBatch{values: make([][]byte, 0, len(batch.values)), done: make(chan struct{})}
	return batch
}
