package wire_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatebook/events/wire"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := messages().Draw(t, "message")
		before := []byte("before")
		b := wire.Append(before, &want)
		if !bytes.HasPrefix(b, before) {
			t.Fatalf("what stood before was changed: %x", b)
		}
		b = b[len(before):]
		for _, shared := range []*wire.Strings{nil, new(wire.Strings)} {
			var got message
			if err := wire.Decode(b, &got, shared); err != nil {
				t.Fatalf("decode %x: %v", b, err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("decode %x:\n got %+v\nwant %+v", b, got, want)
			}
		}
	})
}

// TestPrefixIsAnErrorOrShorter truncates a message anywhere: the rest is an error, or a
// message of the fields before the cut.
func TestPrefixIsAnErrorOrShorter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		whole := messages().Draw(t, "message")
		b := wire.Append(nil, &whole)
		for range 10 {
			n := rapid.IntRange(0, len(b)).Draw(t, "cut")
			var m message
			err := wire.Decode(b[:n], &m, nil)
			if err == nil && !bytes.Equal(wire.Append(nil, &m), b[:n]) {
				t.Fatalf("the first %d bytes of %x became %+v", n, b, m)
			}
			if err != nil && !errors.Is(err, wire.ErrMalformed) {
				t.Fatalf("the first %d bytes of %x: %v does not wrap ErrMalformed", n, b, err)
			}
		}
	})
}

// TestEncoding compares the bytes with the Protocol Buffers encoding.
func TestEncoding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		m    message
		hex  string
	}{
		{"nothing", message{}, ""},
		{"one byte", message{U8: 1}, "08 01"},
		{"150, the example of the documentation", message{U16: 150}, "10 9601"},
		{"largest", message{U64: math.MaxUint64}, "20 ffffffffffffffffff01"},
		{"minus one is zigzag one", message{I32: -1}, "28 01"},
		{"one is zigzag two", message{I64: 1}, "30 02"},
		{"lowest", message{I64: math.MinInt64}, "30 ffffffffffffffffff01"},
		{"true", message{Yes: true}, "38 01"},
		{"text", message{Text: "testing"}, "42 07 74657374696e67"},
		{"bytes that are no text", message{Opaque: "\xff\x00"}, "52 02 ff00"},
		{"a text of 128 bytes", message{Text: strings.Repeat("a", 128)}, "42 8001" + strings.Repeat("61", 128)},
		{"texts", message{Texts: []string{"a", "bc"}}, "5a 01 61 5a 02 6263"},
		{"empty texts are left out", message{Texts: []string{"", "a", ""}}, "5a 01 61"},
		{"nested", message{Nested: part{N: 3}}, "62 02 0803"},
		{"nested in nested", message{Nested: part{Deep: deep{I: -1}}}, "62 04 2202 0801"},
		{"list with an empty one", message{Parts: []part{{}, {N: 1}}}, "6a 00 6a 02 0801"},
		{"nested of 128 bytes", message{Nested: part{Text: strings.Repeat("a", 126)}}, "62 8001 127e" + strings.Repeat("61", 126)},
		{"key of two bytes", message{FarField: 1}, "c0bb01 01"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := unhex(t, c.hex)
			if got := wire.Append(nil, &c.m); !bytes.Equal(got, want) {
				t.Errorf("got %x, want %x", got, want)
			}
		})
	}
}

// TestRejected decodes bytes that are not the one encoding of a value.
func TestRejected(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, hex, why string }{
		{"number written as zero", "08 00", "zero"},
		{"signed number written as zero", "28 00", "zero"},
		{"false written", "38 00", "zero"},
		{"empty text written", "42 00", "zero"},
		{"empty opaque written", "52 00", "zero"},
		{"empty text in a list", "5a 00", "empty text"},
		{"empty nested written", "62 00", "zero"},
		{"zero in nested", "62 02 0800", "zero"},
		{"zero in a list's element", "6a 02 0800", "zero"},
		{"number twice", "08 01 08 01", "twice"},
		{"boolean twice", "38 01 38 01", "twice"},
		{"text twice", "42 01 61 42 01 61", "twice"},
		{"opaque twice", "52 01 61 52 01 61", "twice"},
		{"nested twice", "62 02 0801 62 02 0801", "twice"},
		{"number twice in nested", "62 04 0801 0802", "twice"},
		{"out of order", "10 01 08 01", "follows"},
		{"list interrupted", "5a 01 61 62 02 0801 5a 01 61", "follows"},
		{"out of order in nested", "62 05 1201 61 08 01", "follows"},
		{"over-long number", "08 8100", "varint"},
		{"over-long key", "8800 01", "varint"},
		{"over-long length", "42 8100 61", "varint"},
		{"number of eleven bytes", "20 ffffffffffffffffffff01", "varint"},
		{"number of more than 64 bits", "20 ffffffffffffffffff02", "varint"},
		{"number as bytes", "0a 01 01", "type"},
		{"text as number", "40 01", "type"},
		{"opaque as number", "50 01", "type"},
		{"texts as number", "58 01", "type"},
		{"nested as number", "60 01", "type"},
		{"list as number", "68 01", "type"},
		{"fixed64, which is not used", "09 0000000000000001", "type"},
		{"group, which is not used", "0b", "type"},
		{"fixed32, which is not used", "0d 00000001", "type"},
		{"field number 0", "00 01", "number 0"},
		{"8 bits overrun", "08 8002", "range"},
		{"16 bits overrun", "10 808004", "range"},
		{"32 bits overrun", "18 8080808010", "range"},
		{"32 signed bits overrun", "28 8080808010", "range"},
		{"32 signed bits underrun", "28 8180808010", "range"},
		{"boolean of 2", "38 02", "boolean"},
		{"cut in a key", "88", "varint"},
		{"cut after a key", "08", "varint"},
		{"cut in a number", "20 ff", "varint"},
		{"cut after a length", "42 02", "left"},
		{"cut in a text", "42 02 61", "left"},
		{"cut in an opaque", "52 02 61", "left"},
		{"cut in a list of texts", "5a 01 61 5a 02 61", "left"},
		{"cut in nested", "62 02 08", "left"},
		{"nested that is cut within", "62 01 08", "varint"},
		{"cut in a list", "6a 02 08", "left"},
		{"a length beyond all memory", "42 ffffffffffffffffff01", "left"},
		{"unknown field before", "71 01", "type"},
		{"unknown field", "70 01", "unknown"},
		{"unknown field after", "c8bb01 01", "unknown"},
		{"unknown field in nested", "62 02 2801", "unknown"},
		{"unknown field in a list's element", "6a 02 2801", "unknown"},
		{"end of a list that is malformed", "6a 01 08 c0bb01 01", "varint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var m message
			err := wire.Decode(unhex(t, c.hex), &m, nil)
			if !errors.Is(err, wire.ErrMalformed) {
				t.Fatalf("got %v and %+v, want an error that wraps ErrMalformed", err, m)
			}
			if !strings.Contains(err.Error(), c.why) {
				t.Errorf("got %q, want something about %q", err, c.why)
			}
		})
	}
}

// TestFailWithAReasonOfItsOwn has a message refuse what its fields accept.
func TestFailWithAReasonOfItsOwn(t *testing.T) {
	t.Parallel()
	c := wire.NewDecoder(unhex(t, "0801"), nil)
	if !c.Decoding() {
		t.Error("a decoder reports that it does not decode")
	}
	c.Fail("no %s", "good")
	c.Fail("the second reason")
	if err := c.Finish(); !errors.Is(err, wire.ErrMalformed) || !strings.Contains(err.Error(), "no good") {
		t.Errorf("got %v, want the first reason", err)
	}
	encoder, cleaner := wire.NewEncoder(nil), wire.Coder{}
	cleaner.Clean()
	if encoder.Decoding() || cleaner.Decoding() {
		t.Error("an encoder or a cleaner reports that it decodes")
	}
}

func TestCutUvarint(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		hex  string
		v    uint64
		rest string
		ok   bool
	}{
		{"00", 0, "", true},
		{"7f01", 127, "01", true},
		{"8001ff", 128, "ff", true},
		{"ffffffffffffffffff01", math.MaxUint64, "", true},
		{"", 0, "", false},
		{"80", 0, "", false},
		{"8000", 0, "", false},
		{"ffffffffffffffffff02", 0, "", false},
	} {
		v, rest, err := wire.CutUvarint(unhex(t, c.hex))
		if (err == nil) != c.ok || (err != nil && !errors.Is(err, wire.ErrMalformed)) {
			t.Errorf("%s: got error %v, want success: %v", c.hex, err, c.ok)
		}
		if err == nil && (v != c.v || !bytes.Equal(rest, unhex(t, c.rest))) {
			t.Errorf("%s: got %d and %x left, want %d and %s left", c.hex, v, rest, c.v, c.rest)
		}
	}
}

// FuzzDecode decodes any bytes: they are an error, or the one encoding of the decoded
// message.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(wire.Append(nil, &message{
		U8: 1, U16: 300, U32: 1 << 20, U64: math.MaxUint64, I32: -1, I64: math.MinInt64, Yes: true,
		Text: "text", Long: "long", Opaque: "\xff", Texts: []string{"a", "b"},
		Nested: part{N: 1, Deep: deep{I: 1}}, Parts: []part{{}, {Texts: []string{"c"}}}, FarField: 7,
	}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m message
		if err := wire.Decode(b, &m, nil); err != nil {
			if !errors.Is(err, wire.ErrMalformed) {
				t.Fatalf("%v does not wrap ErrMalformed", err)
			}
			return
		}
		if again := wire.Append(nil, &m); !bytes.Equal(again, b) {
			t.Fatalf("%x was decoded, but its encoding is %x", b, again)
		}
	})
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
