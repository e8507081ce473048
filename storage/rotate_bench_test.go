package storage_test

import (
	"context"
	"path/filepath"
	"testing"

	"gatebook/events"
	"gatebook/storage"
	"gatebook/storage/storagetest"
)

// BenchmarkSegments measures appends of one producer where each begins a segment, where one in
// a hundred or so does, and where none does: the difference is what beginning a segment costs.
func BenchmarkSegments(b *testing.B) {
	for name, bytes := range map[string]int64{"every": 1, "some": 40 << 10, "none": 0} {
		b.Run(name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "log")
			if err := storage.CreateBolt(path); err != nil {
				b.Fatal(err)
			}
			log, err := storage.OpenBolt(path, storage.BoltOptions{SegmentBytes: bytes})
			if err != nil {
				b.Fatal(err)
			}
			if err := log.Start(0, func([]events.Record) error { return nil }); err != nil {
				b.Fatal(err)
			}
			n := int64(0)
			for b.Loop() {
				n++
				err := log.Append(context.Background(), []storage.Entry{{
					Record: events.Record{Session: uint64(n), Event: storagetest.Opening(n)}, Expect: log.Head().Sequence,
				}})
				if err != nil {
					b.Fatal(err)
				}
			}
			if err := log.Close(); err != nil {
				b.Error(err)
			}
		})
	}
}
