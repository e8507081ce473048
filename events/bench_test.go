package events_test

import (
	"testing"

	"gatebook/events"
	"gatebook/events/eventstest"
	"gatebook/events/wire"
)

// benchRecords is enough that no processor remembers the branches.
const benchRecords = 100_000

// BenchmarkAppend measures making the stored form of one record of the ordinary
// mix, its random salt aside.
func BenchmarkAppend(b *testing.B) {
	records := ordinary(benchRecords)
	var buffer []byte
	bytes := 0
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r := &records[i%len(records)]
		buffer = events.Append(buffer[:0], r, fixedSalt)
		buffer = events.Seal(buffer, r.Sequence, r.Recorded)
		bytes += len(buffer)
	}
	b.ReportMetric(float64(bytes)/float64(b.N), "bytes/record")
}

// BenchmarkDecode measures reading one back: checksum, commitment, fields.
func BenchmarkDecode(b *testing.B) {
	records := ordinary(benchRecords)
	stored := make([][]byte, len(records))
	for i := range records {
		stored[i] = store(&records[i], fixedSalt)
	}
	var strings wire.Strings
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r := &records[i%len(records)]
		if _, err := events.Decode(r.Sequence, stored[i%len(records)], &strings); err != nil {
			b.Fatal(err)
		}
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
