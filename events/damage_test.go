package events_test

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatebook/events"
	"gatebook/events/eventstest"
)

// TestAnyFlippedBitIsNoticed flips every bit of a record of every kind.
func TestAnyFlippedBitIsNoticed(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind events.Kind) {
		b := store(&events.Record{Sequence: 7, Recorded: 8, Occurred: 9, Session: 10, Event: eventstest.Full(kind)}, fixedSalt)
		for i := range 8 * len(b) {
			b[i/8] ^= 1 << (i % 8)
			wantDamaged(t, 7, b)
			b[i/8] ^= 1 << (i % 8)
		}
	})
}

// TestAnotherPlaceIsNoticed decodes a record with another sequence.
func TestAnotherPlaceIsNoticed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := records().Draw(t, "record")
		other := rapid.Uint64().Filter(func(s uint64) bool { return s != r.Sequence }).Draw(t, "other")
		wantDamaged(t, other, store(&r, fixedSalt))
	})
}

// TestAnyCutIsNoticed truncates a record everywhere.
func TestAnyCutIsNoticed(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind events.Kind) {
		b := store(&events.Record{Sequence: 7, Occurred: 9, Session: 300, Event: eventstest.Full(kind)}, fixedSalt)
		for n := range b {
			wantDamaged(t, 7, b[:n])
			wantDamaged(t, 7, b[n+1:])
		}
		wantDamaged(t, 7, append(bytes.Clone(b), 0))
	})
}

// TestMalformed decodes bytes with a right checksum that no program ever wrote.
func TestMalformed(t *testing.T) {
	t.Parallel()
	const recorded = "\x00\x00\x00\x00\x00\x00\x00\x01"
	commit := func(personal string) string {
		sum := sha256.Sum256([]byte(personal))
		return string(sum[:])
	}
	salt := strings.Repeat("s", events.SaltSize)
	for _, c := range []struct{ name, body, why string }{
		{"nothing", "", "few"},
		{"head only", "\x02\x12\x00" + recorded, "few"},
		{"format 0", "\x00\x12\x00" + recorded + "\x00", "format 0"},
		{"kind 0", "\x02\x00\x00" + recorded + "\x00", "kind 0"},
		{"kind that does not exist", "\x02\x05\x00" + recorded + "\x00", "kind 5"},
		{"kind beyond all", "\x02\xff\x00" + recorded + "\x00", "kind 255"},
		{"unknown flag", "\x02\x12\x10" + recorded + "\x00", "flags"},
		{"session 0", "\x02\x12\x01" + recorded + "\x00\x00", "head"},
		{"over-long session", "\x02\x12\x01" + recorded + "\x81\x00\x00", "head"},
		{"session cut short", "\x02\x12\x01" + recorded + "\x81", "head"},
		{"occurred 0", "\x02\x12\x02" + recorded + strings.Repeat("\x00", 8) + "\x00", "head"},
		{"occurred cut short", "\x02\x12\x02" + recorded + "\x01\x01\x01", "head"},
		{"commitment cut short", "\x02\x12\x04" + recorded + strings.Repeat("c", 31), "head"},
		{"payload cut short", "\x02\x12\x00" + recorded + "\x02\x08", "head"},
		{"over-long payload length", "\x02\x12\x00" + recorded + "\x82\x00\x08\x01", "head"},
		{"payload that is huge", "\x02\x12\x00" + recorded + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "head"},
		{"malformed payload", "\x02\x12\x00" + recorded + "\x02\x08\x00", "session_closed"},
		{"bytes after the payload", "\x02\x12\x00" + recorded + "\x00\x00", "after its end"},
		{"personal part without its flag", "\x02\x12\x00" + recorded + "\x00" + salt + "\x0a\x01a", "after its end"},
		{"an actor in format 1", "\x01\x12\x08" + recorded + "\x00", "flags"},
		{"no length of the part", "\x02\x12\x04" + recorded + commit(salt) + "\x00", "length"},
		{"over-long length of the part", "\x02\x12\x04" + recorded + commit(salt) + "\x00\x80\x00", "length"},
		{"part cut short", "\x02\x12\x04" + recorded + commit(salt+"\x0a\x01a") + "\x00\x14" + salt + "\x0a\x01a", "are left"},
		{"salt and no fields", "\x02\x12\x04" + recorded + commit(salt) + "\x00\x10" + salt, "no fields"},
		{"salt and no fields in format 1", "\x01\x12\x04" + recorded + commit(salt) + "\x00" + salt, "no fields"},
		{"less than a salt", "\x02\x12\x08" + recorded + commit("s") + "\x00\x01" + "s", "no fields"},
		{"bytes after the parts", "\x02\x12\x04" + recorded + commit(salt+"\x1a\x01a") + "\x00\x13" + salt + "\x1a\x01a\x00", "after its end"},
		{"another subject", "\x02\x12\x04" + recorded + commit(salt+"\x1a\x01a") + "\x00\x13" + salt + "\x1a\x01b", "commits"},
		{"another actor", "\x02\x12\x08" + recorded + commit(salt+"\x0a\x01a") + "\x00\x13" + salt + "\x0a\x01b", "commits"},
		{"another person in format 1", "\x01\x12\x04" + recorded + commit(salt+"\x0a\x01a") + "\x00" + salt + "\x0a\x01b", "commits"},
		{"malformed subject", "\x02\x12\x04" + recorded + commit(salt+"\x1a\x00") + "\x00\x12" + salt + "\x1a\x00", "of its subject"},
		{"malformed actor", "\x02\x12\x08" + recorded + commit(salt+"\x0a\x00") + "\x00\x12" + salt + "\x0a\x00", "of its actor"},
		{"the actor in the subject's part", "\x02\x12\x04" + recorded + commit(salt+"\x0a\x01a") + "\x00\x13" + salt + "\x0a\x01a", "of its subject"},
		{"person where none belongs", "\x02\x13\x04" + recorded + commit(salt+"\x0a\x01a") + "\x00\x13" + salt + "\x0a\x01a", "personal part"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := checksummed(7, []byte(c.body))
			wantDamaged(t, 7, b)
			if _, err := events.Decode(7, b, nil); !strings.Contains(err.Error(), c.why) || !strings.Contains(err.Error(), "7") {
				t.Errorf("got %q, want something about %q of record 7", err, c.why)
			}
		})
	}
}
