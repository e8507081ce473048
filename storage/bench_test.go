package storage_test

import (
	"context"
	"encoding/binary"
	"errors"
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
	"gatebook/events/eventstest"
	"gatebook/storage"
)

// BenchmarkAppend measures appends of one event of about 160 bytes, where every
// producer waits for its own acknowledgement before it goes on. Beside the log, in
// the same run, stand two yardsticks with the same group commit: rawfile, which
// writes the bytes to one file and syncs it once, and bbolt, which is bbolt without
// encoding, expectations and delivery.
func BenchmarkAppend(b *testing.B) {
	for _, target := range []struct {
		name string
		open func(b *testing.B) (appendOne func(n int64) error)
	}{
		{"rawfile", rawFile},
		{"bbolt", bareBolt},
		{"log", wholeLog},
	} {
		for _, producers := range []int{1, 16, 128, 1024} {
			b.Run(fmt.Sprintf("%s/producers=%d", target.name, producers), func(b *testing.B) {
				produce(b, producers, target.open(b))
			})
		}
	}
}

// produce has the producers append b.N events.
func produce(b *testing.B, producers int, appendOne func(n int64) error) {
	latencies := make([][]time.Duration, producers)
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for p := range producers {
		wg.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				begun := time.Now()
				if err := appendOne(n); err != nil {
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

// opening is an event of the size that is measured with.
func opening(n int64) *events.SessionOpened {
	return &events.SessionOpened{
		Source: "gateway", Incarnation: "1", Service: "orders-rw1", Listener: "0.0.0.0:4006", Protocol: "mysql",
		Key: "1795392000-000000000000017", Address: "10.20.30.40", Port: uint16(n),
	}
}

// openingBytes is its stored form.
func openingBytes() []byte {
	r := events.Record{Sequence: 1, Recorded: 1, Session: 100_000, Event: opening(40_000)}
	return events.Seal(events.Append(nil, &r, func([]byte) {}), r.Sequence, r.Recorded)
}

func wholeLog(b *testing.B) func(int64) error {
	path := filepath.Join(b.TempDir(), "log.db")
	if err := storage.CreateBolt(path); err != nil {
		b.Fatal(err)
	}
	log, err := storage.OpenBolt(path, storage.BoltOptions{})
	if err != nil {
		b.Fatal(err)
	}
	if err := log.Start(0, func([]events.Record) error { return nil }); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := log.Close(); err != nil {
			b.Error(err)
		}
	})
	return func(n int64) error {
		return log.Append(context.Background(), []storage.Entry{{
			Record: events.Record{Session: uint64(n), Event: opening(n)},
			Expect: log.Head().Sequence,
		}})
	}
}

func rawFile(b *testing.B) func(int64) error {
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
	return func(int64) error { return g.append(value) }
}

func bareBolt(b *testing.B) func(int64) error {
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
	return func(int64) error { return g.append(value) }
}

// group commits as the log does: one goroutine takes all that waits, writes it,
// and lingers for those it has just acknowledged.
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
		for acknowledged := 0; ; {
			batch := g.take(acknowledged)
			if batch == nil {
				if _, more := <-g.wake; !more {
					return
				}
				continue
			}
			batch.err = g.write(batch.values)
			acknowledged = len(batch.values)
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

// take lingers and cuts the batch; nil when there is nothing in it.
func (g *group) take(acknowledged int) *groupBatch {
	const lingers = 16
	for idle, before := 0, 0; idle < lingers; idle++ {
		g.mu.Lock()
		n := len(g.open.values)
		g.mu.Unlock()
		if n == 0 || n >= acknowledged {
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

// BenchmarkReplay measures starting a log of a million records of the ordinary
// mix, with a reader that does nothing: all of it, its last 10,000 records, and one,
// which is the opening itself. It also reports what a record takes on the disk, in
// pages that are in use.
func BenchmarkReplay(b *testing.B) {
	const records = 1_000_000
	path := filepath.Join(b.TempDir(), "log.db")
	build(b, path, records)
	size := onDisk(b, path)
	for _, replayed := range []uint64{records, 10_000, 1} {
		b.Run(fmt.Sprintf("records=%d", replayed), func(b *testing.B) {
			for b.Loop() {
				log, err := storage.OpenBolt(path, storage.BoltOptions{})
				if err != nil {
					b.Fatal(err)
				}
				n := uint64(0)
				err = log.Start(records-replayed, func(batch []events.Record) error {
					n += uint64(len(batch))
					return nil
				})
				if err := errors.Join(err, log.Close()); err != nil || n != replayed {
					b.Fatalf("%d records were replayed, with error %v", n, err)
				}
			}
			b.ReportMetric(float64(replayed)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64(size)/records, "disk-B/record")
		})
	}
}

// build makes a log of n records of the ordinary mix, 250 to a commit.
func build(b *testing.B, path string, n int) {
	b.Helper()
	if err := storage.CreateBolt(path); err != nil {
		b.Fatal(err)
	}
	log, err := storage.OpenBolt(path, storage.BoltOptions{})
	if err != nil {
		b.Fatal(err)
	}
	if err := log.Start(0, func([]events.Record) error { return nil }); err != nil {
		b.Fatal(err)
	}
	list := make([]storage.Entry, 0, 250)
	for r := range eventstest.Ordinary(1) {
		if list = append(list, storage.Entry{Record: r, Expect: log.Head().Sequence}); len(list) < cap(list) {
			continue
		}
		if err := log.Append(context.Background(), list); err != nil {
			b.Fatal(err)
		}
		list = list[:0]
		if log.Head().Sequence >= uint64(n) {
			break
		}
	}
	if err := log.Close(); err != nil {
		b.Fatal(err)
	}
}

// onDisk is how many bytes of a bbolt file are in use: its high-water mark.
func onDisk(b *testing.B, path string) (size int64) {
	b.Helper()
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		b.Fatal(err)
	}
	err = db.View(func(tx *bolt.Tx) error {
		size = tx.Size()
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		b.Fatal(err)
	}
	return size
}
