package gatebook_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatebook"
	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// mixRecords is how many records an ordinary session makes: opened, connection,
// ready, six samples, closed.
const mixRecords = 10

// ordinary are the records of one ordinary session.
func ordinary(id uint64, ended bool) []storage.Entry {
	connections := []uint32{0, 1}
	list := []events.Event{
		&events.SessionOpened{
			Source: "gateway", Incarnation: "1", Service: "orders", Listener: "10.0.0.1:4006", Protocol: "mysql",
			Address: fmt.Sprintf("192.0.%d.%d", id/250%250, id%250), Port: uint16(1024 + id%60000),
		},
		&events.ConnectionOpened{Connection: 1, Server: "db-serv-01", ServerID: 100_000 + id},
		&events.SessionReady{User: fmt.Sprintf("user%d", id%500), Database: "shop", Program: "checkout/2.11"},
	}
	if !ended {
		// The live ones have two backend connections, as in the goal.
		list = append(list, &events.ConnectionOpened{Connection: 2, Server: "db-serv-02", ServerID: 200_000 + id})
		connections = append(connections, 2)
	}
	for tick := range uint64(3) {
		for _, connection := range connections[:2] {
			n := (tick+1)*1021 + id%97
			list = append(list, &events.StatisticsRecorded{Final: events.Final{
				Connection: connection, Active: 1_764_000_000_000_000 + events.Time(id),
				Counters: events.Counters{Reads: n, Writes: n, BytesRead: n * 97, BytesWritten: n * 313},
			}})
		}
	}
	if ended {
		list = append(list, &events.SessionClosed{Reason: events.ReasonClientClosed, Finals: []events.Final{
			{Counters: events.Counters{Reads: 4096, Writes: 4096, BytesRead: 400_000, BytesWritten: 1_300_000}, Active: 1_764_000_000_000_000},
			{Connection: 1, Counters: events.Counters{Reads: 4096, Writes: 4096, BytesRead: 1_300_000, BytesWritten: 400_000}, Active: 1_764_000_000_000_000},
		}})
	}
	entries := make([]storage.Entry, len(list))
	for i, e := range list {
		entries[i] = storage.Entry{Record: events.Record{Session: id, Event: e}, Expect: 1 << 60}
	}
	return entries
}

// fill writes a log of that many ordinary sessions, the last live ones of which
// are not ended, without a registry.
func fill(b *testing.B, path string, sessions, live int) {
	b.Helper()
	fillWith(b, path, sessions, func(id uint64) []storage.Entry { return ordinary(id, id <= uint64(sessions-live)) })
}

// fillWith writes a log of the records that each of that many sessions makes.
func fillWith(b *testing.B, path string, sessions int, records func(id uint64) []storage.Entry) {
	b.Helper()
	if err := storage.CreateBolt(path); err != nil {
		b.Fatal(err)
	}
	// The records are made when their sessions are opened, as those of a session of the past.
	var now atomic.Int64
	now.Store(int64(pastBegin))
	log, err := storage.OpenBolt(path, storage.BoltOptions{Clock: func() events.Time { return events.Time(now.Load()) }})
	if err != nil {
		b.Fatal(err)
	}
	if err := log.Start(0, func([]events.Record) error { return nil }); err != nil {
		b.Fatal(err)
	}
	started := []storage.Entry{{Record: events.Record{Event: &events.SourceStarted{Source: "gateway", Incarnation: "1", Lease: 1e9}}}}
	if err := log.Append(context.Background(), started); err != nil {
		b.Fatal(err)
	}
	// A commit of a thousand sessions fills pages as well as a busy day does.
	const together = 1000
	var entries []storage.Entry
	for id := 1; id <= sessions; id++ {
		entries = append(entries, records(uint64(id))...)
		if id%together == 0 || id == sessions {
			now.Store(int64(pastBegin + events.Time(id)*pastApart))
			if err := log.Append(context.Background(), entries); err != nil {
				b.Fatal(err)
			}
			entries = entries[:0]
		}
	}
	if err := log.Close(); err != nil {
		b.Fatal(err)
	}
}

// used is how many bytes of the bbolt files that a pattern names are in use.
func used(b *testing.B, pattern string) (size int64) {
	b.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		b.Fatalf("%s names no file; %v", pattern, err)
	}
	for _, path := range paths {
		db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
		if err != nil {
			b.Fatal(err)
		}
		err = db.View(func(tx *bolt.Tx) error {
			size += tx.Size()
			return nil
		})
		if err := errors.Join(err, db.Close()); err != nil {
			b.Fatal(err)
		}
	}
	return size
}

// BenchmarkRebuild opens a registry whose book is gone: read, check, decode, apply,
// archive.
func BenchmarkRebuild(b *testing.B) {
	folder := filepath.Join(b.TempDir(), "data")
	if err := os.Mkdir(folder, 0o700); err != nil {
		b.Fatal(err)
	}
	const sessions = 100_000
	fill(b, filepath.Join(folder, "log"), sessions, 0)
	size := used(b, filepath.Join(folder, "log", "*.db"))
	var took time.Duration
	for b.Loop() {
		b.StopTimer()
		if err := os.RemoveAll(filepath.Join(folder, "book.db")); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		r, err := gatebook.Open(context.Background(), folder, gatebook.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		took += r.OpenInfo().Took
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	records := float64(sessions*mixRecords + 1)
	b.ReportMetric(records*float64(b.N)/took.Seconds(), "records/s")
	b.ReportMetric(float64(size)/records, "disk-B/record")
	b.ReportMetric(float64(used(b, filepath.Join(folder, "book.db")))/sessions, "book-B/session")
}

// BenchmarkLive is the heap that live sessions of two backend connections take.
func BenchmarkLive(b *testing.B) {
	for _, sessions := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			for b.Loop() {
				state := projection.New(nil)
				before := heap()
				sequence := uint64(0)
				for id := 1; id <= sessions; id++ {
					batch := ordinary(uint64(id), false)
					records := make([]events.Record, len(batch))
					for i := range batch {
						sequence++
						records[i] = batch[i].Record
						records[i].Sequence, records[i].Recorded = sequence, events.Time(1_764_000_000_000_000+sequence)
					}
					if err := state.Apply(records); err != nil {
						b.Fatal(err)
					}
				}
				state.Saved(state.Checkpoint()) // the list of what changed is not the state's
				b.ReportMetric(float64(heap()-before)/float64(sessions), "heap-B/session")
				runtime.KeepAlive(state)
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkOpen opens a registry with a checkpoint and a tail of 10,000 records,
// over a short and a long history: it costs the live sessions and the tail.
func BenchmarkOpen(b *testing.B) {
	for _, sessions := range []int{110_000, 1_000_000} {
		b.Run(fmt.Sprintf("records=%d", sessions*mixRecords), func(b *testing.B) {
			folder := filepath.Join(b.TempDir(), "data")
			if err := os.Mkdir(folder, 0o700); err != nil {
				b.Fatal(err)
			}
			const live = 100_000
			fill(b, filepath.Join(folder, "log"), sessions, live)
			r, err := gatebook.Open(context.Background(), folder, gatebook.Options{})
			if err != nil {
				b.Fatal(err)
			}
			if err := r.Close(); err != nil {
				b.Fatal(err)
			}
			book, err := os.ReadFile(filepath.Join(folder, "book.db"))
			if err != nil {
				b.Fatal(err)
			}
			tail(b, filepath.Join(folder, "log"), sessions, live)
			var took time.Duration
			for b.Loop() {
				b.StopTimer()
				if err := os.WriteFile(filepath.Join(folder, "book.db"), book, 0o600); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				r, err := gatebook.Open(context.Background(), folder, gatebook.Options{})
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if o := r.OpenInfo(); o.Replayed != 10_000 || r.Moment().Live != live {
					b.Fatalf("opened as %+v with %d live", o, r.Moment().Live)
				}
				took += r.OpenInfo().Took
				if err := r.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(took.Seconds()*1000/float64(b.N), "ready-ms")
		})
	}
}

// tail appends 10,000 samples of live sessions.
func tail(b *testing.B, path string, sessions, live int) {
	b.Helper()
	log, err := storage.OpenBolt(path, storage.BoltOptions{})
	if err != nil {
		b.Fatal(err)
	}
	if err := log.Start(log.Head().Sequence, func([]events.Record) error { return nil }); err != nil {
		b.Fatal(err)
	}
	entries := make([]storage.Entry, 10_000)
	for i := range entries {
		entries[i] = storage.Entry{Expect: 1 << 60, Record: events.Record{
			Session: uint64(sessions - i%live), Event: &events.StatisticsRecorded{Final: events.Final{Counters: events.Counters{Reads: uint64(9000 + i)}}},
		}}
	}
	if err := log.Append(context.Background(), entries); err != nil {
		b.Fatal(err)
	}
	if err := log.Close(); err != nil {
		b.Fatal(err)
	}
}
