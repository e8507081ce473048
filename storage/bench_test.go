package storage_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"

	"gatebook/events"
	"gatebook/events/eventstest"
	"gatebook/storage"
	"gatebook/storage/storagetest"
)

// BenchmarkAppend measures appends to the log, beside the yardsticks.
func BenchmarkAppend(b *testing.B) {
	storagetest.BenchmarkAppends(b, append(storagetest.Yardsticks(), storagetest.Target{Name: "log", Open: wholeLog})...)
}

func wholeLog(b *testing.B) storagetest.Append {
	path := filepath.Join(b.TempDir(), "log")
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
	return func(_ int, n int64) error {
		return log.Append(context.Background(), []storage.Entry{{
			Record: events.Record{Session: uint64(n), Event: storagetest.Opening(n)},
			Expect: log.Head().Sequence,
		}})
	}
}

// BenchmarkReplay measures the start of a log of a million records of the ordinary mix,
// with a reader that does nothing: of all records, of the last 10,000, and of one,
// which is the opening itself. It also reports the bytes of a record on the disk, in
// pages that are in use.
func BenchmarkReplay(b *testing.B) {
	const records = 1_000_000
	path := filepath.Join(b.TempDir(), "log")
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

// build creates a log of n records of the ordinary mix, 250 to a commit.
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

// onDisk returns the bytes of a log's segments that are in use: their high-water marks.
func onDisk(b *testing.B, folder string) (size int64) {
	b.Helper()
	for _, path := range segmentsOf(b, folder) {
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

// BenchmarkProof measures the proof that a log of a million records contains one of them, as a
// request makes it, and the root of the tree.
func BenchmarkProof(b *testing.B) {
	const records = 1_000_000
	path := filepath.Join(b.TempDir(), "log")
	build(b, path, records)
	log, err := storage.OpenBolt(path, storage.BoltOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	size, _ := log.Tree()
	b.Run("record", func(b *testing.B) {
		n := int64(0)
		for b.Loop() {
			n = (n + 7_919) % int64(size)
			if _, err := tlog.ProveRecord(int64(size), n, log.Hashes(size)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("tree", func(b *testing.B) {
		n := int64(0)
		for b.Loop() {
			n = (n + 7_919) % int64(size)
			if _, err := tlog.ProveTree(int64(size), n+1, log.Hashes(size)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("root", func(b *testing.B) {
		for b.Loop() {
			log.Tree()
		}
	})
}
