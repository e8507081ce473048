package events_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"pgregory.net/rapid"

	"gatebook/events"
	"gatebook/events/eventstest"
)

// draw returns choices for a property test.
func draw(t *rapid.T) eventstest.Choose {
	return func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") }
}

// records draws any record with its position in a log.
func records() *rapid.Generator[events.Record] {
	return rapid.Custom(func(t *rapid.T) events.Record {
		r := eventstest.Record(draw(t))
		r.Sequence = rapid.Uint64Min(1).Draw(t, "sequence")
		r.Recorded = events.Time(rapid.Int64().Draw(t, "recorded"))
		return r
	})
}

// fixedSalt writes 1, 2, 3 and so on.
func fixedSalt(b []byte) {
	for i := range b {
		b[i] = byte(i + 1)
	}
}

// store returns the stored form of a record.
func store(r *events.Record, salt func([]byte)) []byte {
	return events.Seal(events.Append(nil, r, salt), r.Sequence, r.Recorded)
}

// checksummed appends the checksum to the other bytes of a stored record, as doc.go
// specifies it.
func checksummed(sequence uint64, b []byte) []byte {
	covered := append(binary.BigEndian.AppendUint64(nil, sequence), b...)
	sum := crc32.Checksum(covered, crc32.MakeTable(crc32.Castagnoli))
	return binary.BigEndian.AppendUint32(bytes.Clone(b), sum)
}

// cut splits a stored record into its core, without the sequence, and its personal
// part.
func cut(t fatal, sequence uint64, b []byte) (core, personal []byte) {
	t.Helper()
	leaf, err := events.Core(nil, sequence, b)
	if err != nil {
		t.Fatalf("core of %x: %v", b, err)
	}
	core = leaf[8:]
	return core, b[len(core) : len(b)-4]
}

// fatal is the part that tests and properties share.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

// erase deletes the personal part of a stored record.
func erase(t fatal, sequence uint64, b []byte) []byte {
	t.Helper()
	core, _ := cut(t, sequence, b)
	return checksummed(sequence, core)
}

// again encodes a decoded record with the salt of its stored form.
func again(t fatal, r *events.Record, b []byte) []byte {
	t.Helper()
	_, personal := cut(t, r.Sequence, b)
	return store(r, func(salt []byte) {
		if copy(salt, personal) != len(salt) {
			t.Fatalf("record %d has a personal part, but %x has none", r.Sequence, b)
		}
	})
}

// wantDamaged fails if b is a record.
func wantDamaged(t fatal, sequence uint64, b []byte) {
	t.Helper()
	if r, err := events.Decode(sequence, b, nil); !errors.Is(err, events.ErrDamaged) {
		t.Fatalf("%x became %+v with error %v, want one that wraps ErrDamaged", b, r, err)
	}
	if _, err := events.Core(nil, sequence, b); err != nil && !errors.Is(err, events.ErrDamaged) {
		t.Fatalf("core of %x: error %v does not wrap ErrDamaged", b, err)
	}
}

// eachKind runs a test for every kind.
func eachKind(t *testing.T, test func(t *testing.T, kind events.Kind)) {
	t.Helper()
	for _, kind := range events.Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			test(t, kind)
		})
	}
}
