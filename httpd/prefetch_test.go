package httpd

import (
	"fmt"
	"io"
	"iter"
	"net/http"
	"sync"
	"testing"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd/render"
	"gatebook/projection"
)

// discard is a response whose body is dropped.
type discard struct{ io.Writer }

func (discard) Header() http.Header { return http.Header{} }
func (discard) WriteHeader(int)     {}

// BenchmarkPrefetch renders the list of 100,000 live sessions with and without prefetch.
// Sessions are opened by many at a time, so that neighbours in the list are not neighbours
// in memory.
func BenchmarkPrefetch(b *testing.B) {
	registry, err := gatebook.Open(b.Context(), b.TempDir()+"/data", gatebook.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer registry.Close()
	source, err := registry.StartSource(b.Context(), gatebook.SourceOptions{Name: "edge-1"})
	if err != nil {
		b.Fatal(err)
	}
	const sessions, writers = 100_000, 256
	var opening sync.WaitGroup
	for w := range writers {
		opening.Go(func() {
			for i := w; i < sessions; i += writers {
				id, err := source.Open(b.Context(), events.SessionOpened{Service: "orders", Address: fmt.Sprintf("192.0.2.%d", i%250), Port: uint16(1024 + i%60000)})
				if err == nil {
					err = source.Record(b.Context(), id, &events.SessionReady{User: fmt.Sprintf("user-%d", i%1000), Database: "shop"})
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	opening.Wait()
	var pool render.Pool
	shape := sessionResource().Usual
	type sequence = iter.Seq2[projection.View, error]
	for _, c := range []struct {
		name    string
		through func(sequence) sequence
	}{
		{"with", prefetch},
		{"without", func(all sequence) sequence { return all }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				found, err := registry.Sessions(gatebook.Query{Live: true})
				if err != nil {
					b.Fatal(err)
				}
				a := pool.Begin(discard{io.Discard}, render.Options{})
				if err := render.List(a, shape, c.through(found.All())); err != nil {
					b.Fatal(err)
				}
				a.Release()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/sessions, "ns/session")
		})
	}
}
