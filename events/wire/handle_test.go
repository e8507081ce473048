package wire_test

import (
	"fmt"
	"testing"
	"unique"

	"pgregory.net/rapid"

	"gatebook/events/wire"
)

// handled has what is kept as handles, between other fields.
type handled struct {
	Before uint8
	Place  unique.Handle[place]
	Name   unique.Handle[string]
	After  uint8
}

type place struct {
	House uint32
	Town  string
}

func (p *place) fields(c *wire.Coder) {
	wire.Uint(c, 1, &p.House)
	c.Text(2, &p.Town)
}

func (h *handled) Fields(c *wire.Coder) {
	wire.Uint(c, 1, &h.Before)
	wire.Handle(c, 2, &h.Place, (*place).fields)
	c.TextHandle(3, &h.Name)
	wire.Uint(c, 4, &h.After)
}

// TestHandlesAreDecodedAsValues decodes messages, and what damage makes of them, one after the
// other: one that shares handles with those before it becomes the same as one that shares
// nothing, and fails when that does.
func TestHandlesAreDecodedAsValues(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var shared wire.Strings
		for range rapid.IntRange(1, 20).Draw(t, "messages") {
			given := handled{
				Before: rapid.Uint8Range(0, 2).Draw(t, "before"),
				Place: unique.Make(place{
					House: rapid.SampledFrom([]uint32{0, 1, 300}).Draw(t, "house"),
					Town:  rapid.SampledFrom([]string{"", "Ulm", "Bonn"}).Draw(t, "town"),
				}),
				Name:  unique.Make(rapid.SampledFrom([]string{"", "Ulm", "jdoe"}).Draw(t, "name")),
				After: rapid.Uint8Range(0, 2).Draw(t, "after"),
			}
			b := wire.Append(nil, &given)
			intact := true
			if len(b) > 0 && rapid.Bool().Draw(t, "damaged") {
				b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
				intact = false
			}
			var alone, after handled
			err, errShared := wire.Decode(b, &alone, nil), wire.Decode(b, &after, &shared)
			if fmt.Sprint(err) != fmt.Sprint(errShared) || err == nil && alone != after {
				t.Fatalf("%x is decoded as %+v, with error %v, and after others as %+v, with error %v", b, alone, err, after, errShared)
			}
			if intact && (err != nil || alone != given) {
				t.Fatalf("%x is decoded as %+v, with error %v, and was %+v", b, alone, err, given)
			}
		}
	})
}

// TestHandlesAreBounded decodes ever new values. Each is decoded once while it is kept, and the
// first is not kept for ever.
func TestHandlesAreBounded(t *testing.T) {
	t.Parallel()
	var shared wire.Strings
	decoded := 0
	decode := func(house uint32) {
		t.Helper()
		given, got := unique.Make(place{House: house}), unique.Make(place{})
		e := wire.NewEncoder(nil)
		wire.Handle(&e, 1, &given, (*place).fields)
		d := wire.NewDecoder(e.Bytes(), &shared)
		wire.Handle(&d, 1, &got, func(p *place, c *wire.Coder) {
			decoded++
			p.fields(c)
		})
		if err := d.Finish(); err != nil || got != given {
			t.Fatalf("%+v became %+v, with error %v", given.Value(), got.Value(), err)
		}
	}
	decode(1)
	if decode(1); decoded != 1 {
		t.Errorf("a value was decoded %d times", decoded)
	}
	const many = 1<<16 + 1
	for i := range uint32(many) {
		decode(2 + i)
	}
	if decode(1); decoded != many+2 {
		t.Errorf("after %d others the first is still kept", many)
	}
}
