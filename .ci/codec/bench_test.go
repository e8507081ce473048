package codec

import (
	"syscall"
	"testing"

	"gatebook/events"
	"gatebook/events/eventstest"
	"gatebook/events/wire"
)

// benchEvents is enough that no processor remembers the branches.
const benchEvents = 100_000

// BenchmarkEncode writes the core and the personal fields of an event.
func BenchmarkEncode(b *testing.B) {
	for _, c := range candidates() {
		c.benchmarkEncode(b)
	}
}

// BenchmarkDecode reads them into new messages.
func BenchmarkDecode(b *testing.B) {
	for _, c := range candidates() {
		c.benchmarkDecode(b)
	}
}

func (c *codec[M]) benchmarkEncode(b *testing.B) {
	b.Run(c.name, func(b *testing.B) {
		type event struct{ core, personal M }
		list := make([]event, 0, benchEvents)
		for r := range ordinary(benchEvents) {
			core, personal := c.from(r.Event)
			list = append(list, event{core, personal})
		}
		var buffer []byte
		i, total := 0, 0
		b.ReportAllocs()
		before := processorTime(b)
		for b.Loop() {
			buffer, _ = c.encode(buffer[:0], list[i].core, list[i].personal)
			total += len(buffer)
			if i++; i == len(list) {
				i = 0
			}
		}
		reportProcessorTime(b, before)
		b.ReportMetric(float64(total)/float64(b.N), "bytes/event")
	})
}

func (c *codec[M]) benchmarkDecode(b *testing.B) {
	b.Run(c.name, func(b *testing.B) {
		// All events lie one behind the other, as in a file.
		type event struct {
			kind           events.Kind
			start, at, end int
		}
		list := make([]event, 0, benchEvents)
		var all []byte
		for r := range ordinary(benchEvents) {
			core, personal := c.from(r.Event)
			start, at := len(all), 0
			all, at = c.encode(all, core, personal)
			list = append(list, event{r.Event.Kind(), start, at, len(all)})
		}
		i := 0
		b.ReportAllocs()
		before := processorTime(b)
		for b.Loop() {
			e := &list[i]
			if _, _, err := c.read(e.kind, all[e.start:e.at], all[e.at:e.end]); err != nil {
				b.Fatal(err)
			}
			if i++; i == len(list) {
				i = 0
			}
		}
		reportProcessorTime(b, before)
	})
}

// BenchmarkRecord is the product with all that surrounds the fields: head,
// checksum, commitment.
func BenchmarkRecord(b *testing.B) {
	list := make([]events.Record, 0, benchEvents)
	stored := make([][]byte, 0, benchEvents)
	for r := range ordinary(benchEvents) {
		list, stored = append(list, r), append(stored, store(nil, &r))
	}
	b.Run("encode", func(b *testing.B) {
		var buffer []byte
		i, total := 0, 0
		b.ReportAllocs()
		before := processorTime(b)
		for b.Loop() {
			buffer = store(buffer[:0], &list[i])
			total += len(buffer)
			if i++; i == len(list) {
				i = 0
			}
		}
		reportProcessorTime(b, before)
		b.ReportMetric(float64(total)/float64(b.N), "bytes/event")
	})
	b.Run("decode", func(b *testing.B) {
		var strings wire.Strings
		i := 0
		b.ReportAllocs()
		before := processorTime(b)
		for b.Loop() {
			if _, err := events.Decode(list[i].Sequence, stored[i], &strings); err != nil {
				b.Fatal(err)
			}
			if i++; i == len(list) {
				i = 0
			}
		}
		reportProcessorTime(b, before)
	})
}

// reportProcessorTime reports what this process has run since then. Unlike the
// time that has passed, it leaves out most of what other processes do.
func reportProcessorTime(b *testing.B, before int64) {
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/event")
}

func processorTime(b *testing.B) int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// ordinary yields the first n records of the ordinary mix.
func ordinary(n int) func(yield func(events.Record) bool) {
	return func(yield func(events.Record) bool) {
		sequence := uint64(0)
		for r := range eventstest.Ordinary(1) {
			sequence++
			if r.Sequence = sequence; !yield(r) || sequence == uint64(n) {
				return
			}
		}
	}
}

// store appends the stored form of a record, with a salt of zeros.
func store(b []byte, r *events.Record) []byte {
	return events.Seal(events.Append(b, r, func([]byte) {}), r.Sequence, r.Recorded)
}
