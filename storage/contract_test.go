package storage_test

import (
	"path/filepath"
	"testing"

	"gatebook/events"
	"gatebook/storage"
	"gatebook/storage/storagetest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(*testing.T) storagetest.Reopenable { return memory{storage.NewMemoryDisk()} })
}

type memory struct{ disk *storage.MemoryDisk }

func (m memory) Open(clock func() events.Time) (storage.Log, error) {
	return storage.OpenMemory(m.disk, clock)
}

// TestBolt runs with a segment that no test fills, and with segments that are full after a
// few commits.
func TestBolt(t *testing.T) {
	t.Parallel()
	for name, bytes := range map[string]int64{"one segment": 0, "many segments": 60_000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storagetest.Run(t, func(t *testing.T) storagetest.Reopenable {
				path := filepath.Join(quickDir(t), "log")
				if err := storage.CreateBolt(path); err != nil {
					t.Fatal(err)
				}
				return boltFolder{path, bytes}
			})
		})
	}
}

type boltFolder struct {
	path    string
	segment int64
}

func (f boltFolder) Open(clock func() events.Time) (storage.Log, error) {
	return storage.OpenBolt(f.path, storage.BoltOptions{Clock: clock, SegmentBytes: f.segment})
}
