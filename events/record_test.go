package events_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatebook/events"
	"gatebook/events/eventstest"
	"gatebook/events/wire"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := records().Draw(t, "record")
		b := store(&want, fixedSalt)
		for _, shared := range []*wire.Strings{nil, new(wire.Strings)} {
			got, err := events.Decode(want.Sequence, b, shared)
			if err != nil {
				t.Fatalf("decode %x: %v", b, err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("decode %x:\n got %+v\nwant %+v", b, got, want)
			}
			if encoded := again(t, &got, b); !bytes.Equal(encoded, b) {
				t.Fatalf("encoded again:\n got %x\nwant %x", encoded, b)
			}
		}
	})
}

// TestOneCoderServesMany uses one coder for many records. An earlier record, even one
// that failed, does not affect a later one.
func TestOneCoderServesMany(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		coder := events.Coder{Strings: new(wire.Strings)}
		for range rapid.IntRange(1, 10).Draw(t, "records") {
			r := records().Draw(t, "record")
			want := store(&r, fixedSalt)
			got := events.Seal(coder.Append(nil, &r, fixedSalt), r.Sequence, r.Recorded)
			if !bytes.Equal(got, want) {
				t.Fatalf("encoded:\n got %x\nwant %x", got, want)
			}
			switch rapid.IntRange(0, 2).Draw(t, "then") {
			case 0:
				malformed := checksummed(r.Sequence, []byte{events.Format, byte(events.KindSessionClosed), 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 8, 0})
				if _, err := coder.Decode(r.Sequence, malformed); !errors.Is(err, events.ErrDamaged) {
					t.Fatalf("got %v, want an error that wraps ErrDamaged", err)
				}
			case 1:
				coder.Clean(eventstest.Full(r.Event.Kind()))
			}
			decoded, err := coder.Decode(r.Sequence, want)
			if err != nil || !reflect.DeepEqual(decoded, r) {
				t.Fatalf("decoded:\n got %+v, with error %v\nwant %+v", decoded, err, r)
			}
		}
	})
}

// TestEveryFieldIsStored encodes and decodes events with every field set.
func TestEveryFieldIsStored(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind events.Kind) {
		want := events.Record{Sequence: 7, Recorded: 8, Occurred: 9, Session: 10, Event: eventstest.Full(kind)}
		if path := zeroField(reflect.ValueOf(want.Event).Elem(), kind.String()); path != "" {
			t.Fatalf("%s is not filled: the test proves nothing", path)
		}
		got, err := events.Decode(7, store(&want, fixedSalt), nil)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v and error %v, want %+v", got, err, want)
		}
	})
}

// zeroField returns the path of a field that is zero, "" if there is none.
func zeroField(v reflect.Value, path string) string {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() {
				continue
			}
			if zero := zeroField(v.Field(i), path+"."+f.Name); zero != "" {
				return zero
			}
		}
		return ""
	case reflect.Slice:
		for i := range v.Len() {
			if zero := zeroField(v.Index(i), path+"[]"); zero != "" {
				return zero
			}
		}
	}
	if v.IsZero() {
		return path
	}
	return ""
}

// TestBinaryForm builds stored records by hand, as doc.go specifies them.
func TestBinaryForm(t *testing.T) {
	t.Parallel()
	const recorded, occurred = events.Time(0x0102030405060708), events.Time(-2)
	salt := make([]byte, events.SaltSize)
	fixedSalt(salt)
	subject := append(bytes.Clone(salt), "\x0a\x04jdoe\x12\x04psql"...)
	named := append(bytes.Clone(salt), "\x1a\x04jdoe"...)
	actor := append(bytes.Clone(salt), "\x0a\x03ann\x12\x04late"...)
	commitment := func(part []byte) string {
		sum := sha256.Sum256(part)
		return string(sum[:])
	}
	for _, c := range []struct {
		name   string
		record events.Record
		want   []string
	}{
		{
			"nothing but a kind",
			events.Record{Sequence: 1, Event: &events.KillRequested{}},
			[]string{"\x02\x29\x00", "\x00\x00\x00\x00\x00\x00\x00\x00", "\x00"},
		},
		{
			"session and no person",
			events.Record{Sequence: 300, Recorded: recorded, Session: 300, Event: &events.SessionRecovered{Incarnation: "2"}},
			[]string{"\x02\x14\x01", "\x01\x02\x03\x04\x05\x06\x07\x08", "\xac\x02", "\x03", "\x0a\x012"},
		},
		{
			"everything",
			events.Record{
				Sequence: 2, Recorded: recorded, Occurred: occurred, Session: 5,
				Event: &events.SessionReady{Database: "db", User: "jdoe", Program: "psql"},
			},
			[]string{
				"\x02\x11\x07", "\x01\x02\x03\x04\x05\x06\x07\x08", "\x05", "\xff\xff\xff\xff\xff\xff\xff\xfe",
				commitment(subject), "\x04", "\x0a\x02db", "\x1c", string(subject),
			},
		},
		{
			"both persons",
			events.Record{
				Sequence: 2, Recorded: recorded,
				Event: &events.SessionClosed{Reason: events.ReasonKilled, By: "ann", Description: "late", User: "jdoe"},
			},
			[]string{
				"\x02\x12\x0c", "\x01\x02\x03\x04\x05\x06\x07\x08", commitment(named), commitment(actor),
				"\x02", "\x08\x07", "\x16", string(named), "\x1b", string(actor),
			},
		},
		{
			"payload of 128 bytes",
			events.Record{Sequence: 2, Recorded: 1, Event: &events.SessionReady{Database: strings.Repeat("d", 126)}},
			[]string{"\x02\x11\x00", "\x00\x00\x00\x00\x00\x00\x00\x01", "\x80\x01", "\x0a\x7e", strings.Repeat("d", 126)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := checksummed(c.record.Sequence, []byte(strings.Join(c.want, "")))
			if got := store(&c.record, fixedSalt); !bytes.Equal(got, want) {
				t.Errorf("\n got %x\nwant %x", got, want)
			}
		})
	}
}

// TestAppendLeavesWhatIsBefore appends records one after the other to one buffer.
func TestAppendLeavesWhatIsBefore(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind events.Kind) {
		r := events.Record{Session: 1, Occurred: 2, Event: eventstest.Full(kind)}
		alone := events.Append(nil, &r, fixedSalt)
		after := events.Append([]byte("before"), &r, fixedSalt)
		if want := append([]byte("before"), alone...); !bytes.Equal(after, want) {
			t.Errorf("\n got %x\nwant %x", after, want)
		}
	})
}

func TestCore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := records().Draw(t, "record")
		b := store(&r, fixedSalt)
		got, err := events.Core([]byte("before"), r.Sequence, b)
		if err != nil {
			t.Fatal(err)
		}
		want := binary.BigEndian.AppendUint64([]byte("before"), r.Sequence)
		if !bytes.HasPrefix(got, want) || !bytes.HasPrefix(b, got[len(want):]) {
			t.Fatalf("got %x, want %x and then the beginning of %x", got, want, b)
		}
		if unchecked, err := events.AppendLeaf([]byte("before"), r.Sequence, b); err != nil || !bytes.Equal(unchecked, got) {
			t.Fatalf("unchecked: got %x with error %v, want %x", unchecked, err, got)
		}
	})
}

// TestErased removes personal parts of a record. Its other fields are the same, those of
// the other part too, and its core, which proofs cover, is the same to the byte.
func TestErased(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := records().Draw(t, "record")
		subject, actor := rapid.Bool().Draw(t, "subject"), rapid.Bool().Draw(t, "actor")
		whole := store(&r, fixedSalt)
		coreBefore, before := cut(t, r.Sequence, whole)
		b := erase(t, r.Sequence, whole, subject, actor)
		coreAfter, after := cut(t, r.Sequence, b)
		if !bytes.Equal(coreBefore, coreAfter) {
			t.Fatalf("the core became\n%x, was\n%x", coreAfter, coreBefore)
		}
		if s, err := events.Split(r.Sequence, b); err != nil || !bytes.Equal(s.Core, coreAfter) ||
			!reflect.DeepEqual(personal{s.Subject, s.Actor}, after) {
			t.Fatalf("split into %+v with error %v, want core %x, parts %+v", s, err, coreAfter, after)
		}
		got, err := events.Decode(r.Sequence, b, nil)
		if err != nil {
			t.Fatal(err)
		}
		if had := before.subject != nil; got.SubjectErased != (had && subject) {
			t.Fatalf("the subject is erased: %v; there was one: %v", got.SubjectErased, had)
		}
		if had := before.actor != nil; got.ActorErased != (had && actor) {
			t.Fatalf("the actor is erased: %v; there was one: %v", got.ActorErased, had)
		}
		_, left := cut(t, r.Sequence, store(&events.Record{Sequence: r.Sequence, Event: got.Event}, fixedSalt))
		if len(left.subject) != len(after.subject) || len(left.actor) != len(after.actor) {
			t.Fatalf("left is %q, want %q", left, after)
		}
		got.Event, r.Event = nil, nil
		got.SubjectErased, got.ActorErased = false, false
		if got != r {
			t.Fatalf("got %+v, want %+v", got, r)
		}
	})
}

// TestKillerOutlivesTheErased erases the person of a session that was killed. The record still
// says who killed it, and why. A description that no user gave goes with the person.
func TestKillerOutlivesTheErased(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ event, want events.SessionClosed }{
		{
			events.SessionClosed{Reason: events.ReasonKilled, By: "ann", Description: "runaway report", User: "jdoe", Program: "psql"},
			events.SessionClosed{Reason: events.ReasonKilled, By: "ann", Description: "runaway report"},
		},
		{
			events.SessionClosed{Reason: events.ReasonAuthFailed, Description: "Access denied for user 'jdoe'", User: "jdoe"},
			events.SessionClosed{Reason: events.ReasonAuthFailed},
		},
	} {
		b := erase(t, 1, store(&events.Record{Sequence: 1, Event: &c.event}, fixedSalt), true, false)
		got, err := events.Decode(1, b, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Event, &c.want) || !got.SubjectErased || got.ActorErased {
			t.Errorf("got %+v, want %+v with the subject erased", got.Event, c.want)
		}
	}
}

// TestSaltHidesThePerson encodes the same person twice. The cores differ, so that
// nothing in them identifies the person.
func TestSaltHidesThePerson(t *testing.T) {
	t.Parallel()
	r := events.Record{Sequence: 1, Event: &events.KillRequested{By: "jdoe"}}
	one, _ := cut(t, 1, store(&r, fixedSalt))
	two, _ := cut(t, 1, store(&r, func(b []byte) { copy(b, "another salt") }))
	if bytes.Equal(one, two) {
		t.Error("the cores are the same although the salts differ")
	}
	if bytes.Contains(one, []byte("jdoe")) {
		t.Errorf("the core names the person: %q", one)
	}
}

func TestAt(t *testing.T) {
	t.Parallel()
	const now = 2 * events.MaxDelay
	for _, c := range []struct{ recorded, occurred, want events.Time }{
		{5, 0, 5},
		{5, 3, 3},
		{5, 7, 5},
		{now, now - events.MaxDelay, now - events.MaxDelay},
		{now, now - events.MaxDelay - 1, now},
		{now, 1, now},
	} {
		r := events.Record{Recorded: c.recorded, Occurred: c.occurred}
		if got := r.At(); got != c.want {
			t.Errorf("recorded %d, occurred %d: got %d, want %d", c.recorded, c.occurred, got, c.want)
		}
	}
}

func TestNewerFormat(t *testing.T) {
	t.Parallel()
	b := store(&events.Record{Sequence: 3, Event: &events.SessionReady{User: "jdoe"}}, fixedSalt)
	for _, format := range []byte{events.Format + 1, 255} {
		newer := bytes.Clone(b[:len(b)-4])
		newer[0] = format
		newer = checksummed(3, newer)
		if _, err := events.Decode(3, newer, nil); !errors.Is(err, events.ErrNewer) || errors.Is(err, events.ErrDamaged) {
			t.Errorf("format %d: got %v, want an error that wraps ErrNewer alone", format, err)
		}
		if _, err := events.Core(nil, 3, newer); !errors.Is(err, events.ErrNewer) {
			t.Errorf("core of format %d: got %v, want an error that wraps ErrNewer", format, err)
		}
	}
}
