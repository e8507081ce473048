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

func TestBolt(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(t *testing.T) storagetest.Reopenable {
		path := filepath.Join(quickDir(t), "log.db")
		if err := storage.CreateBolt(path); err != nil {
			t.Fatal(err)
		}
		return boltFile(path)
	})
}

type boltFile string

func (path boltFile) Open(clock func() events.Time) (storage.Log, error) {
	return storage.OpenBolt(string(path), storage.BoltOptions{Clock: clock})
}
