package codec

import (
	"bytes"
	"encoding/binary"
	"testing"

	"google.golang.org/protobuf/proto"

	"gatebook/codec/pb"
	"gatebook/events"
	"gatebook/events/eventstest"
)

// TestRoundTrip: every candidate reads back what it wrote.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, c := range candidates() {
		c.testRoundTrip(t)
	}
}

func (c *codec[M]) testRoundTrip(t *testing.T) {
	t.Run(c.name, func(t *testing.T) {
		for r := range ordinary(20_000) {
			core, personal := c.from(r.Event)
			b, at := c.encode(nil, core, personal)
			gotCore, gotPersonal, err := c.read(r.Event.Kind(), b[:at], b[at:])
			if err != nil {
				t.Fatalf("read %+v: %v", r.Event, err)
			}
			if !c.equal(gotCore, core) {
				t.Fatalf("core: got %+v, want %+v", gotCore, core)
			}
			if len(b) > at && !c.equal(gotPersonal, personal) {
				t.Fatalf("personal part: got %+v, want %+v", gotPersonal, personal)
			}
		}
	})
}

// TestProductIsTheProduct: what is measured writes the bytes that the product
// writes.
func TestProductIsTheProduct(t *testing.T) {
	t.Parallel()
	c := product("wire", true).(interface {
		parts(events.Event) (core, personal []byte)
	})
	for r := range ordinary(20_000) {
		core, personal := c.parts(r.Event)
		wantCore, wantPersonal := stored(t, r.Event)
		if !bytes.Equal(core, wantCore) || !bytes.Equal(personal, wantPersonal) {
			t.Fatalf("%+v: got %x and %x, want %x and %x", r.Event, core, personal, wantCore, wantPersonal)
		}
	}
}

func (c *codec[M]) parts(e events.Event) (core, personal []byte) {
	first, second := c.from(e)
	b, at := c.encode(nil, first, second)
	return b[:at], b[at:]
}

// TestProtobufReadsTheProduct: the generated code, in both its forms, reads any
// event that the product wrote to the same values, and writes it to the same
// bytes. The kinds together have every type of field that events use. A field
// that one of them gets has to be added to events.proto.
func TestProtobufReadsTheProduct(t *testing.T) {
	t.Parallel()
	kinds := []events.Kind{
		events.KindSessionOpened, events.KindSessionReady, events.KindSessionClosed, events.KindConnectionOpened,
		events.KindConnectionClosed, events.KindStatisticsRecorded, events.KindServiceDeclared,
	}
	for _, kind := range kinds {
		t.Run(kind.String(), func(t *testing.T) {
			wantRead(t, eventstest.Full(kind))
			for seed := range uint64(10_000) {
				e := eventstest.Event(eventstest.Random(seed), kind)
				events.Clean(e) // as the registry does; a string of protobuf is UTF-8
				wantRead(t, e)
			}
		})
	}
	for r := range ordinary(20_000) {
		wantRead(t, r.Event)
	}
}

func wantRead(t *testing.T, e events.Event) {
	t.Helper()
	core, personal := fromGenerated(e)
	coreBytes, personalBytes := stored(t, e)
	wantSame(t, coreBytes, core, generatedCore(e.Kind()), generatedCore(e.Kind()))
	switch {
	case personal != nil:
		wantSame(t, personalBytes, personal, generatedPersonal(core), generatedPersonal(core))
	case len(personalBytes) > 0:
		t.Fatalf("%+v has a personal part: %x", e, personalBytes)
	}
}

// wantSame reads b into two empty messages, and writes want.
func wantSame(t *testing.T, b []byte, want, standard, vt message) {
	t.Helper()
	if err := proto.Unmarshal(b, standard); err != nil || !proto.Equal(standard, want) {
		t.Fatalf("protobuf read %x as %v with error %v, want %v", b, standard, err, want)
	}
	if err := vt.UnmarshalVT(b); err != nil || !proto.Equal(vt, want) {
		t.Fatalf("vtprotobuf read %x as %v with error %v, want %v", b, vt, err, want)
	}
	if got := must(proto.MarshalOptions{Deterministic: true}.Marshal(want)); !bytes.Equal(got, b) {
		t.Fatalf("protobuf wrote %v as %x, want %x", want, got, b)
	}
	if got := appendVT(nil, want); !bytes.Equal(got, b) {
		t.Fatalf("vtprotobuf wrote %v as %x, want %x", want, got, b)
	}
}

// stored cuts the fields out of the stored form of an event: see the format in
// the documentation of package events. Of the kinds that are compared, the fields of the actor's
// personal part come before those of the subject's in the order of their numbers.
func stored(t *testing.T, e events.Event) (core, personal []byte) {
	t.Helper()
	const fixed, flags, checksum = 3 + 8, 2, 4
	b := store(nil, &events.Record{Sequence: 1, Recorded: 1, Event: e})
	rest := b[fixed : len(b)-checksum]
	present := []bool{b[flags]&4 != 0, b[flags]&8 != 0} // of the subject, of the actor
	for _, has := range present {
		if has {
			rest = rest[32:]
		}
	}
	size, n := binary.Uvarint(rest)
	if n <= 0 || size > uint64(len(rest)-n) {
		t.Fatalf("the record is not what its documentation says: %x", b)
	}
	core, rest = rest[n:n+int(size)], rest[n+int(size):]
	for _, has := range present {
		if has {
			size, n := binary.Uvarint(rest)
			personal = append(bytes.Clone(rest[n+events.SaltSize:n+int(size)]), personal...)
			rest = rest[n+int(size):]
		}
	}
	return core, personal
}

// TestOneEncoding: the product refuses a second encoding of an event, and
// protobuf and CBOR do not.
func TestOneEncoding(t *testing.T) {
	t.Parallel()
	// A reason of 1: as it is written; in two bytes where one is enough; after
	// another one; before a field that nobody knows. CBOR: without a fixed length.
	protobufs := []string{"\x08\x01", "\x08\x81\x00", "\x08\x05\x08\x01", "\x08\x01\x78\x01"}
	for i, b := range protobufs {
		accepts := func(name string, err error, want bool) {
			if (err == nil) != want {
				t.Errorf("%s, encoding %d: error %v", name, i, err)
			}
		}
		accepts("wire", decodeAs(product("", false), b), i == 0)
		accepts("protobuf", proto.Unmarshal([]byte(b), &pb.SessionClosed{}), true)
		accepts("vtprotobuf", (&pb.SessionClosed{}).UnmarshalVT([]byte(b)), true)
	}
	for i, b := range []string{"\xa1\x01\x01", "\xa1\x01\x18\x01", "\xbf\x01\x01\xff", "\xa2\x01\x01\x18\x20\x01"} {
		if err := decodeAs(integerKeys(), b); err != nil {
			t.Errorf("cbor, encoding %d: error %v", i, err)
		}
	}
}

func decodeAs(c candidate, closed string) error {
	return c.(interface{ decodeClosed([]byte) error }).decodeClosed([]byte(closed))
}

func (c *codec[M]) decodeClosed(b []byte) error {
	_, _, err := c.read(events.KindSessionClosed, b, nil)
	return err
}
