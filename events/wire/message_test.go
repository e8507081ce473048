package wire_test

import (
	"math"

	"pgregory.net/rapid"

	"gatebook/events/wire"
)

// message has a field of every type.
type message struct {
	U8       uint8
	U16      uint16
	U32      uint32
	U64      uint64
	I32      int32
	I64      int64
	Yes      bool
	Text     string
	Long     string
	Opaque   string
	Texts    []string
	Nested   part
	Parts    []part
	FarField uint64 // its key takes more than one byte
}

// part is a nested message, and has one itself.
type part struct {
	N     uint32
	Text  string
	Texts []string
	Deep  deep
}

type deep struct{ I int64 }

func (m *message) Fields(c *wire.Coder) {
	wire.Uint(c, 1, &m.U8)
	wire.Uint(c, 2, &m.U16)
	wire.Uint(c, 3, &m.U32)
	wire.Uint(c, 4, &m.U64)
	wire.Int(c, 5, &m.I32)
	wire.Int(c, 6, &m.I64)
	c.Bool(7, &m.Yes)
	c.Text(8, &m.Text)
	c.LongText(9, &m.Long)
	c.Opaque(10, &m.Opaque)
	c.Texts(11, &m.Texts)
	wire.Nested(c, 12, &m.Nested, (*part).fields)
	wire.List(c, 13, &m.Parts, (*part).fields)
	wire.Uint(c, 3000, &m.FarField)
}

func (p *part) fields(c *wire.Coder) {
	wire.Uint(c, 1, &p.N)
	c.Text(2, &p.Text)
	c.Texts(3, &p.Texts)
	wire.Nested(c, 4, &p.Deep, (*deep).fields)
}

func (d *deep) fields(c *wire.Coder) { wire.Int(c, 1, &d.I) }

// messages draws any message as decoding returns it: lists without elements are nil.
func messages() *rapid.Generator[message] {
	return rapid.Custom(func(t *rapid.T) message {
		return message{
			U8:       rapid.Uint8().Draw(t, "u8"),
			U16:      rapid.Uint16().Draw(t, "u16"),
			U32:      rapid.Uint32().Draw(t, "u32"),
			U64:      rapid.OneOf(rapid.Uint64(), rapid.SampledFrom([]uint64{0, 127, 128, math.MaxUint64})).Draw(t, "u64"),
			I32:      rapid.OneOf(rapid.Int32(), rapid.SampledFrom([]int32{math.MinInt32, math.MaxInt32})).Draw(t, "i32"),
			I64:      rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64})).Draw(t, "i64"),
			Yes:      rapid.Bool().Draw(t, "yes"),
			Text:     text().Draw(t, "text"),
			Long:     text().Draw(t, "long"),
			Opaque:   text().Draw(t, "opaque"),
			Texts:    texts().Draw(t, "texts"),
			Nested:   parts().Draw(t, "nested"),
			Parts:    list(parts()).Draw(t, "parts"),
			FarField: rapid.Uint64().Draw(t, "far"),
		}
	})
}

func parts() *rapid.Generator[part] {
	return rapid.Custom(func(t *rapid.T) part {
		return part{
			N:     rapid.Uint32().Draw(t, "n"),
			Text:  text().Draw(t, "text"),
			Texts: texts().Draw(t, "texts"),
			Deep:  deep{I: rapid.SampledFrom([]int64{0, -1, 1, math.MinInt64}).Draw(t, "i")},
		}
	})
}

// text draws texts of all kinds: empty, words, invalid UTF-8, and long enough for a
// length of two bytes.
func text() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.Just(""), rapid.String(), rapid.StringN(120, 140, -1),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
}

func texts() *rapid.Generator[[]string] {
	return list(text().Filter(func(s string) bool { return s != "" }))
}

func list[T any](of *rapid.Generator[T]) *rapid.Generator[[]T] {
	return rapid.Map(rapid.SliceOfN(of, 0, 5), func(all []T) []T {
		if len(all) == 0 {
			return nil
		}
		return all
	})
}
