package events_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"

	"gatebook/events"
	"gatebook/events/eventstest"
)

// FuzzDecode decodes any bytes: they are an error, or the stored form of the decoded
// record. Where right is true their checksum is corrected, so that the rest is decoded.
func FuzzDecode(f *testing.F) {
	for _, kind := range events.Kinds() {
		r := events.Record{Sequence: uint64(kind), Recorded: 1, Occurred: 2, Session: 3, Event: eventstest.Full(kind)}
		b := store(&r, fixedSalt)
		f.Add(r.Sequence, b, false)
		f.Add(r.Sequence, b[:len(b)-4], true)
		f.Add(r.Sequence, erase(f, r.Sequence, b, true, false), false)
		f.Add(r.Sequence, erase(f, r.Sequence, b, true, true), false)
	}
	f.Fuzz(func(t *testing.T, sequence uint64, b []byte, right bool) {
		if right {
			b = checksummed(sequence, b)
		}
		wantWhole(t, sequence, b)
	})
}

// FuzzFields does the same with the content of a record: its head, commitment and
// checksum are right.
func FuzzFields(f *testing.F) {
	for _, kind := range events.Kinds() {
		b := store(&events.Record{Sequence: 1, Event: eventstest.Full(kind)}, fixedSalt)
		core, p := cut(f, 1, b)
		payload := core[11:]
		for _, part := range []*[]byte{&p.subject, &p.actor} {
			if *part != nil {
				payload, *part = payload[32:], (*part)[events.SaltSize:]
			}
		}
		f.Add(byte(kind), payload[1:], p.subject, p.actor)
	}
	f.Fuzz(func(t *testing.T, kind byte, payload, subject, actor []byte) {
		b := []byte{events.Format, kind, 0, 0, 0, 0, 0, 0, 0, 0, 1}
		var p personal
		for flag, fields := range [][]byte{subject, actor} {
			if len(fields) == 0 {
				continue
			}
			part := append(make([]byte, events.SaltSize), fields...)
			*[]*[]byte{&p.subject, &p.actor}[flag] = part
			commitment := sha256.Sum256(part)
			b[2] |= 4 << flag
			b = append(b, commitment[:]...)
		}
		b = binary.AppendUvarint(b, uint64(len(payload)))
		wantWhole(t, 1, joined(1, append(b, payload...), p))
	})
}

// wantWhole fails if b decodes to a record with another stored form, or if decoding
// takes far more memory than b has bytes.
func wantWhole(t *testing.T, sequence uint64, b []byte) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := events.Decode(sequence, b, nil)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<16+256*uint64(len(b)) {
		t.Fatalf("decoding %d bytes allocated %d", len(b), n)
	}
	if err != nil {
		if !errors.Is(err, events.ErrDamaged) && !errors.Is(err, events.ErrNewer) {
			t.Fatalf("%v wraps neither ErrDamaged nor ErrNewer", err)
		}
		return
	}
	if r.Sequence != sequence || r.Event == nil {
		t.Fatalf("%x became %+v", b, r)
	}
	if b[0] != events.Format {
		return // it is read, and not written any more
	}
	if r.Erased() {
		core, p := cut(t, sequence, b)
		if whole := joined(sequence, core, p); !bytes.Equal(whole, b) {
			t.Fatalf("%x is erased, but not %x", b, whole)
		}
		return
	}
	if encoded := again(t, &r, b); !bytes.Equal(encoded, b) {
		t.Fatalf("%x became %+v, whose stored form is %x", b, r, encoded)
	}
}
