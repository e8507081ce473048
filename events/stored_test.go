package events_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
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

// personal are the personal parts of a stored record, each with its salt; nil is one that
// the record has not, and an empty one was erased.
type personal struct{ subject, actor []byte }

// cut splits a stored record of the current format into its core, without the sequence,
// and its personal parts.
func cut(t fatal, sequence uint64, b []byte) (core []byte, p personal) {
	t.Helper()
	leaf, err := events.Core(nil, sequence, b)
	if err != nil {
		t.Fatalf("core of %x: %v", b, err)
	}
	core = leaf[8:]
	rest := b[len(core) : len(b)-4]
	for flag, part := range []*[]byte{&p.subject, &p.actor} {
		if core[2]&(4<<flag) == 0 {
			continue
		}
		size, n := binary.Uvarint(rest)
		if n <= 0 || uint64(len(rest)-n) < size {
			t.Fatalf("%x has no part behind its core", b)
		}
		*part, rest = rest[n:n+int(size):n+int(size)], rest[n+int(size):]
	}
	if len(rest) > 0 {
		t.Fatalf("%x has %d bytes after its parts", b, len(rest))
	}
	return core, p
}

// joined returns a stored record of a core and personal parts.
func joined(sequence uint64, core []byte, p personal) []byte {
	b := bytes.Clone(core)
	for _, part := range [][]byte{p.subject, p.actor} {
		if part != nil {
			b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
		}
	}
	return checksummed(sequence, b)
}

// fatal is the part that tests and properties share.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

// erase deletes the personal parts of a stored record that are chosen.
func erase(t fatal, sequence uint64, b []byte, subject, actor bool) []byte {
	t.Helper()
	core, p := cut(t, sequence, b)
	if subject {
		p.subject = p.subject[:0]
	}
	if actor {
		p.actor = p.actor[:0]
	}
	return joined(sequence, core, p)
}

// again encodes a decoded record with the salts of its stored form.
func again(t fatal, r *events.Record, b []byte) []byte {
	t.Helper()
	_, p := cut(t, r.Sequence, b)
	salts := slices.DeleteFunc([][]byte{p.subject, p.actor}, func(part []byte) bool { return len(part) == 0 })
	return store(r, func(salt []byte) {
		if len(salts) == 0 {
			t.Fatalf("record %d has more personal parts than %x", r.Sequence, b)
		}
		copy(salt, salts[0])
		salts = salts[1:]
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
