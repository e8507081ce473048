package gatebook_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
)

// BenchmarkAppend measures one acknowledged event through the whole registry:
// decided, encoded, committed with fsync, applied. Each producer waits for its
// own acknowledgement before the next event. The yardsticks beside it, a raw file
// and bare bbolt, are in package storage.
func BenchmarkAppend(b *testing.B) {
	for _, producers := range []int{1, 16, 128, 1024} {
		b.Run(fmt.Sprintf("producers=%d", producers), func(b *testing.B) {
			ctx := context.Background()
			registry, err := gatebook.Open(ctx, filepath.Join(b.TempDir(), "data"), gatebook.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer registry.Close()
			source, err := registry.StartSource(ctx, gatebook.SourceOptions{Name: "bench"})
			if err != nil {
				b.Fatal(err)
			}
			latencies := make([][]time.Duration, producers)
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for p := range producers {
				wg.Go(func() {
					for {
						err := life(ctx, source, p, func(record func() error) error {
							if next.Add(1) > int64(b.N) {
								return errEnough
							}
							begun := time.Now()
							defer func() { latencies[p] = append(latencies[p], time.Since(begun)) }()
							return record()
						})
						if errors.Is(err, errEnough) {
							return
						}
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			all := slices.Concat(latencies...)
			slices.Sort(all)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
		})
	}
}

var errEnough = errors.New("enough")

// life records the ordinary life of a session, one event an append, each through
// step.
func life(ctx context.Context, source *gatebook.Source, p int, step func(func() error) error) error {
	var id uint64
	err := step(func() (err error) {
		id, err = source.Open(ctx, events.SessionOpened{
			Service: "orders", Listener: "10.0.0.1:4006", Protocol: "mysql",
			Address: fmt.Sprintf("192.0.2.%d", p%250), Port: uint16(1024 + p),
		})
		return err
	})
	if err != nil {
		return err
	}
	list := []events.Event{
		&events.ConnectionOpened{Connection: 1, Server: "db-serv-01", ServerID: 4711},
		&events.SessionReady{User: fmt.Sprintf("user%d", p%100), Database: "shop", Program: "checkout/2.11"},
	}
	for tick := range 3 {
		for connection := range 2 {
			n := uint64(tick+1) * 1021
			list = append(list, &events.StatisticsRecorded{Final: events.Final{
				Connection: uint32(connection), Active: events.TimeOf(time.Now()),
				Counters: events.Counters{Reads: n, Writes: n, BytesRead: n * 97, BytesWritten: n * 313},
			}})
		}
	}
	list = append(list, &events.SessionClosed{Reason: events.ReasonClientClosed, Finals: []events.Final{
		{Counters: events.Counters{Reads: 4096, Writes: 4096, BytesRead: 400_000, BytesWritten: 1_300_000}},
		{Connection: 1, Counters: events.Counters{Reads: 4096, Writes: 4096, BytesRead: 1_300_000, BytesWritten: 400_000}},
	}})
	for _, e := range list {
		if err := step(func() error { return source.Record(ctx, id, e) }); err != nil {
			return err
		}
	}
	return nil
}
