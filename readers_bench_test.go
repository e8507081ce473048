package gatebook_test

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatebook"
)

const (
	// writers is how many producers write beside readers.
	writers = 16
	// period is how long they write with readers, and then without.
	period = 2 * time.Second
	// slowRead is how long a slow reader takes for its list.
	slowRead = time.Second
)

// BenchmarkWritesBesideReaders has 16 producers append while 16 readers list the first
// 100 live sessions of 100,000 without pause, and while nobody reads, in turn. It
// reports the rate with readers as a part of that without.
func BenchmarkWritesBesideReaders(b *testing.B) {
	w := newWriting(b)
	var beside, alone, lists float64
	for b.Loop() {
		var reading atomic.Int64
		beside += rate(w.during(b, func(ended <-chan struct{}) {
			var readers sync.WaitGroup
			for range 16 {
				readers.Go(func() {
					for !isClosed(ended) {
						walk(b, w.registry, gatebook.Query{Live: true, Limit: 100}, 0)
						reading.Add(1)
					}
				})
			}
			readers.Wait()
		}))
		lists += float64(reading.Load()) / period.Seconds()
		alone += rate(w.during(b, func(ended <-chan struct{}) { <-ended }))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(alone/float64(b.N), "alone-events/s")
	b.ReportMetric(beside/float64(b.N), "beside-events/s")
	b.ReportMetric(lists/float64(b.N), "lists/s")
	b.ReportMetric(beside/alone, "ratio")
}

// BenchmarkSlowReader has 16 producers append while one reader after the other lists
// 100,000 live and 20,000 ended sessions and takes a second for it, and while nobody
// reads, in turn. It reports the longest that an append took in each.
func BenchmarkSlowReader(b *testing.B) {
	w := newWriting(b)
	var beside, alone []time.Duration
	for b.Loop() {
		beside = append(beside, slices.Max(w.during(b, func(ended <-chan struct{}) {
			for !isClosed(ended) {
				walk(b, w.registry, gatebook.Query{Live: true, Closed: true, Lost: true}, slowRead)
			}
		})))
		alone = append(alone, slices.Max(w.during(b, func(ended <-chan struct{}) { <-ended })))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(milliseconds(median(beside)), "stall-ms")
	b.ReportMetric(milliseconds(slices.Max(beside)), "worst-stall-ms")
	b.ReportMetric(milliseconds(median(alone)), "alone-ms")
	b.ReportMetric(milliseconds(slices.Max(alone)), "worst-alone-ms")
}

// writing is a registry with 100,000 live sessions and 20,000 ended ones, and
// producers that write to it.
type writing struct {
	registry *gatebook.Registry
	lives    [writers]life
}

func newWriting(b *testing.B) *writing {
	b.Helper()
	folder := filepath.Join(b.TempDir(), "data")
	if err := os.Mkdir(folder, 0o700); err != nil {
		b.Fatal(err)
	}
	fill(b, filepath.Join(folder, "log"), 120_000, 100_000)
	registry, err := gatebook.Open(context.Background(), folder, gatebook.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := registry.Close(); err != nil {
			b.Error(err)
		}
	})
	source, err := registry.StartSource(context.Background(), gatebook.SourceOptions{Name: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	w := &writing{registry: registry}
	for i := range w.lives {
		w.lives[i] = life{source: source, number: int64(i)}
	}
	return w
}

// during has the producers append for a period, beside read, which is to return soon
// after ended is closed. It returns how long each append took.
func (w *writing) during(b *testing.B, read func(ended <-chan struct{})) []time.Duration {
	b.Helper()
	ended := make(chan struct{})
	var wg sync.WaitGroup
	took := make([][]time.Duration, writers)
	for p := range w.lives {
		wg.Go(func() {
			for !isClosed(ended) {
				begun := time.Now()
				if err := w.lives[p].step(context.Background()); err != nil {
					b.Error(err)
					return
				}
				took[p] = append(took[p], time.Since(begun))
			}
		})
	}
	wg.Go(func() { read(ended) })
	time.Sleep(period)
	close(ended)
	wg.Wait()
	return slices.Concat(took...)
}

// walk lists sessions and looks at each; it takes at least so long.
func walk(b *testing.B, r *gatebook.Registry, q gatebook.Query, least time.Duration) {
	begun := time.Now()
	listing, err := r.Sessions(q)
	if err != nil {
		b.Error(err)
		return
	}
	seen, total := 0, int(listing.Total)
	for _, err := range listing.All() {
		if err != nil {
			b.Error(err)
			return
		}
		// As one who reads from a slow connection: a little at a time.
		if seen++; least > 0 && seen%1000 == 0 {
			time.Sleep(time.Until(begun.Add(least * time.Duration(seen) / time.Duration(total))))
		}
	}
	if seen == 0 {
		b.Error("the list is empty")
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func rate(took []time.Duration) float64 { return float64(len(took)) / period.Seconds() }

func median[T cmp.Ordered](all []T) T {
	return slices.Sorted(slices.Values(all))[len(all)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
