package wire

import (
	"encoding/binary"
)

// Unsigned are the possible types of an unsigned field.
type Unsigned interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64
}

// Uint visits an unsigned number.
func Uint[T Unsigned](c *Coder, tag uint64, v *T) {
	switch c.mode {
	case encoding:
		if *v != 0 {
			c.writeKey(tag, typeVarint)
			c.buf = binary.AppendUvarint(c.buf, uint64(*v))
		}
	case decoding:
		if !c.at(tag, typeVarint) {
			return
		}
		n := c.readVarint()
		if *v = T(n); uint64(*v) != n {
			c.Fail("field %d is out of range: %d", tag, n)
		}
		c.nextScalar(tag, n == 0)
	}
}

// Int visits a signed number.
func Int[T ~int32 | ~int64](c *Coder, tag uint64, v *T) {
	switch c.mode {
	case encoding:
		if *v != 0 {
			c.writeKey(tag, typeVarint)
			c.buf = binary.AppendVarint(c.buf, int64(*v))
		}
	case decoding:
		if !c.at(tag, typeVarint) {
			return
		}
		n := c.readVarint()
		s := int64(n>>1) ^ -int64(n&1)
		if *v = T(s); int64(*v) != s {
			c.Fail("field %d is out of range: %d", tag, s)
		}
		c.nextScalar(tag, n == 0)
	}
}

// Bool visits a boolean.
func (c *Coder) Bool(tag uint64, v *bool) {
	var n uint8
	if *v {
		n = 1
	}
	Uint(c, tag, &n)
	if n > 1 {
		c.Fail("field %d is no boolean: %d", tag, n)
	}
	*v = n == 1
}

// nextScalar moves past a field that may occur once, and fails if it is zero.
func (c *Coder) nextScalar(tag uint64, zero bool) {
	if c.err != nil {
		return
	}
	if zero {
		c.Fail("field %d is written although it is zero", tag)
		return
	}
	c.readKey()
	if c.tag == tag {
		c.Fail("field %d occurs twice", tag)
	}
}

// Text visits a text. Cleaning cuts it to [TextLimit] bytes and repairs its UTF-8;
// decoding accepts any text.
func (c *Coder) Text(tag uint64, v *string) { c.text(tag, v, TextLimit) }

// LongText is [Coder.Text] with a limit of [LongTextLimit] bytes.
func (c *Coder) LongText(tag uint64, v *string) { c.text(tag, v, LongTextLimit) }

func (c *Coder) text(tag uint64, v *string, limit int) {
	switch c.mode {
	case encoding:
		if *v != "" {
			c.writeKey(tag, typeBytes)
			c.buf = binary.AppendUvarint(c.buf, uint64(len(*v)))
			c.buf = append(c.buf, *v...)
		}
	case decoding:
		if !c.at(tag, typeBytes) {
			return
		}
		b := c.take()
		*v = c.strings.Text(b)
		c.nextScalar(tag, len(b) == 0)
	case cleaning:
		*v = CleanText(*v, limit)
	}
}

// Opaque visits bytes that are kept as a string but are no text: they are neither
// cleaned nor shared.
func (c *Coder) Opaque(tag uint64, v *string) {
	switch c.mode {
	case encoding:
		c.text(tag, v, 0)
	case decoding:
		if !c.at(tag, typeBytes) {
			return
		}
		*v = string(c.take())
		c.nextScalar(tag, *v == "")
	}
}

// Texts visits a list of texts. Empty texts are left out, and cleaning removes them.
func (c *Coder) Texts(tag uint64, v *[]string) {
	switch c.mode {
	case encoding:
		for i := range *v {
			c.text(tag, &(*v)[i], TextLimit)
		}
	case decoding:
		for c.at(tag, typeBytes) {
			b := c.take()
			if c.err == nil && len(b) == 0 {
				c.Fail("field %d holds an empty text", tag)
			}
			if c.err != nil {
				return
			}
			*v = append(*v, c.strings.Text(b))
			c.readKey()
		}
	case cleaning:
		kept := (*v)[:0]
		for _, text := range *v {
			if text != "" {
				kept = append(kept, CleanText(text, TextLimit))
			}
		}
		*v = kept
	}
}

// List visits a list of messages, whose fields the function visits.
func List[T any](c *Coder, tag uint64, v *[]T, fields func(*T, *Coder)) {
	switch c.mode {
	case encoding:
		for i := range *v {
			c.nested(tag, func() { fields(&(*v)[i], c) })
		}
	case decoding:
		for c.at(tag, typeBytes) {
			o, _ := c.enter()
			if c.err != nil {
				return
			}
			if *v == nil {
				*v = make([]T, 0, 1+repeated(tag, c.buf[c.end:o.end]))
			}
			*v = append(*v, *new(T))
			fields(&(*v)[len(*v)-1], c)
			if c.leave(o); c.err != nil {
				return
			}
			c.readKey()
		}
	case cleaning:
		for i := range *v {
			fields(&(*v)[i], c)
		}
	}
}

// repeated returns how often the field with a tag stands at the beginning of b, so that a list
// is allocated once.
func repeated(tag uint64, b []byte) (n int) {
	for ; len(b) > 0; n++ {
		key, rest, err := CutUvarint(b)
		if err != nil || key != tag<<3|typeBytes {
			break
		}
		length, rest, err := CutUvarint(rest)
		if err != nil || length > uint64(len(rest)) {
			break
		}
		b = rest[length:]
	}
	return n
}

// Nested visits a nested message. An empty one is not written, and a missing one stays
// zero.
func Nested[T any](c *Coder, tag uint64, v *T, fields func(*T, *Coder)) {
	switch c.mode {
	case encoding:
		start := len(c.buf)
		c.nested(tag, func() { fields(v, c) })
		if c.buf[len(c.buf)-1] == 0 && len(c.buf)-start == sizeVarint(tag<<3)+1 {
			c.buf = c.buf[:start]
		}
	case decoding:
		if !c.at(tag, typeBytes) {
			return
		}
		o, empty := c.enter()
		if c.err != nil {
			return
		}
		fields(v, c)
		c.leave(o)
		c.nextScalar(tag, empty)
	case cleaning:
		fields(v, c)
	}
}

// nested writes a message after its length. The length is mostly one byte: only a
// longer message is moved.
func (c *Coder) nested(tag uint64, fields func()) {
	c.writeKey(tag, typeBytes)
	c.buf = append(c.buf, 0)
	start := len(c.buf)
	fields()
	c.buf = PutLength(c.buf, start)
}

func sizeVarint(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}
