package gatebook_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/storage/storagetest"
)

// BenchmarkAppend measures one acknowledged event through the whole registry:
// decided, encoded, committed with fsync, applied. The events are those of ordinary
// sessions, which come and go.
func BenchmarkAppend(b *testing.B) {
	storagetest.BenchmarkAppends(b, append(storagetest.Yardsticks(), storagetest.Target{Name: "registry", Open: wholeRegistry})...)
}

func wholeRegistry(b *testing.B) storagetest.Append {
	ctx := context.Background()
	registry, err := gatebook.Open(ctx, filepath.Join(b.TempDir(), "data"), gatebook.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := registry.Close(); err != nil {
			b.Error(err)
		}
	})
	source, err := registry.StartSource(ctx, gatebook.SourceOptions{Name: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	var lives [1024]life
	for i := range lives {
		lives[i] = life{source: source, number: int64(i)}
	}
	return func(producer int, _ int64) error { return lives[producer].step(ctx) }
}

// life is a producer's: one ordinary session after the other, an event at a time.
type life struct {
	source *gatebook.Source
	number int64
	id     uint64
	next   int
}

// step records the next event.
func (l *life) step(ctx context.Context) (err error) {
	step := l.next
	l.next = (l.next + 1) % mixRecords
	switch step {
	case 0:
		l.id, err = l.source.Open(ctx, events.SessionOpened{
			Service: "orders", Listener: "10.0.0.1:4006", Protocol: "mysql",
			Address: fmt.Sprintf("192.0.2.%d", l.number%250), Port: uint16(1024 + l.number%60000),
		})
		return err
	case 1:
		return l.source.Record(ctx, l.id, &events.ConnectionOpened{Connection: 1, Server: "db-serv-01", ServerID: 4711})
	case 2:
		return l.source.Record(ctx, l.id, &events.SessionReady{User: fmt.Sprintf("user%d", l.number%100), Database: "shop", Program: "checkout/2.11"})
	case mixRecords - 1:
		return l.source.Record(ctx, l.id, &events.SessionClosed{Reason: events.ReasonClientClosed, Finals: []events.Final{
			{Counters: events.Counters{Reads: 4096, Writes: 4096, BytesRead: 400_000, BytesWritten: 1_300_000}},
			{Connection: 1, Counters: events.Counters{Reads: 4096, Writes: 4096, BytesRead: 1_300_000, BytesWritten: 400_000}},
		}})
	}
	n := uint64(step) * 1021
	return l.source.Record(ctx, l.id, &events.StatisticsRecorded{Final: events.Final{
		Connection: uint32(step % 2), Active: events.TimeOf(time.Now()),
		Counters: events.Counters{Reads: n, Writes: n, BytesRead: n * 97, BytesWritten: n * 313},
	}})
}
