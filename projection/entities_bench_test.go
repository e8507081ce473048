package projection_test

import (
	"fmt"
	"testing"

	"gatebook/events"
	"gatebook/projection"
)

// BenchmarkEntities copies all services, servers and sources, of which there are as many as
// names in the limits.
func BenchmarkEntities(b *testing.B) {
	const names = 10_000
	s := projection.New(nil)
	sequence := uint64(0)
	apply := func(e events.Event) {
		sequence++
		if err := s.Apply([]events.Record{{Sequence: sequence, Recorded: events.Time(sequence), Event: e}}); err != nil {
			b.Fatal(err)
		}
	}
	for i := range names {
		apply(&events.SourceStarted{Source: fmt.Sprint("source-", i), Incarnation: "a"})
		apply(&events.ServiceDeclared{Name: fmt.Sprint("service-", i), Source: fmt.Sprint("source-", i), Servers: []string{fmt.Sprint("server-", i)}})
		apply(&events.ServerDeclared{Name: fmt.Sprint("server-", i), Source: fmt.Sprint("source-", i)})
	}
	b.Run("services", func(b *testing.B) {
		for b.Loop() {
			s.Services()
		}
	})
	b.Run("servers", func(b *testing.B) {
		for b.Loop() {
			s.Servers()
		}
	})
	b.Run("sources", func(b *testing.B) {
		for b.Loop() {
			s.Sources()
		}
	})
	b.Run("restart", func(b *testing.B) {
		for b.Loop() {
			apply(&events.SourceStarted{Source: "source-1", Incarnation: fmt.Sprint(sequence)})
		}
	})
}
