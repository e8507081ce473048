package events_test

import (
	"testing"

	"gatebook/events"
	"gatebook/events/eventstest"
	"gatebook/events/wire"
)

// benchRecords is so large that the processor's branch prediction does not learn them.
const benchRecords = 100_000

// BenchmarkAppend measures encoding one record of the ordinary mix, without its random
// salt.
func BenchmarkAppend(b *testing.B) {
	records := ordinary(benchRecords)
	var coder events.Coder
	var buffer []byte
	bytes := 0
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r := &records[i%len(records)]
		buffer = coder.Append(buffer[:0], r, fixedSalt)
		buffer = events.Seal(buffer, r.Sequence, r.Recorded)
		bytes += len(buffer)
	}
	b.ReportMetric(float64(bytes)/float64(b.N), "bytes/record")
}

// BenchmarkDecode measures decoding one record: checksum, commitment, fields. The
// records are adjacent, as on the pages of a log.
func BenchmarkDecode(b *testing.B) {
	records := ordinary(benchRecords)
	var buffer []byte
	ends := make([]int, len(records))
	for i := range records {
		buffer = append(buffer, store(&records[i], fixedSalt)...)
		ends[i] = len(buffer)
	}
	coder := events.Coder{Strings: new(wire.Strings)}
	b.ReportAllocs()
	for i, start := 0, 0; b.Loop(); i++ {
		if i == len(ends) {
			i, start = 0, 0
		}
		if _, err := coder.Decode(uint64(i)+1, buffer[start:ends[i]]); err != nil {
			b.Fatal(err)
		}
		start = ends[i]
	}
}

// ordinary returns the first n records of the ordinary mix.
func ordinary(n int) []events.Record {
	records := make([]events.Record, 0, n)
	for r := range eventstest.Ordinary(1) {
		r.Sequence = uint64(len(records) + 1)
		if records = append(records, r); len(records) == n {
			break
		}
	}
	return records
}
