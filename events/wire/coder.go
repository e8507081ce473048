package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed is wrapped by every error of decoding: the bytes are not a message of
// the expected type.
var ErrMalformed = errors.New("malformed message")

const (
	typeVarint = 0
	typeBytes  = 2
)

type mode uint8

const (
	encoding mode = iota
	decoding
	cleaning
)

// Coder visits the fields of a message, in one of three ways: it encodes them, decodes
// into them, or cleans their texts.
type Coder struct {
	mode mode
	// buf is the output of encoding, or the input of decoding.
	buf []byte
	// pos is the position of decoding, and end the end of the present message.
	pos, end int
	// tag and kind are the next key of decoding; tag 0 means that nothing is left.
	tag  uint64
	kind uint64
	// last is the highest tag decoded: keys must ascend, lists may repeat one.
	last    uint64
	strings *Strings
	err     error
}

// Message visits its fields with a coder, in ascending order of tag.
type Message interface {
	Fields(c *Coder)
}

// Append encodes m and appends it to b.
func Append(b []byte, m Message) []byte {
	var c Coder
	c.Encode(b)
	m.Fields(&c)
	return c.Bytes()
}

// Decode decodes a message from b into m, whose fields must be zero. Texts are shared
// through strings if it is not nil. The error wraps [ErrMalformed].
func Decode(b []byte, m Message, strings *Strings) error {
	var c Coder
	c.Decode(b, strings)
	m.Fields(&c)
	return c.Finish()
}

// Clean limits and repairs the texts of m in place: see [Coder.Text].
func Clean(m Message) {
	var c Coder
	c.Clean()
	m.Fields(&c)
}

// Encode makes c append to b. Like Decode and Clean it resets the coder first. One
// coder can serve any number of messages, which saves an allocation for each.
func (c *Coder) Encode(b []byte) { *c = Coder{mode: encoding, buf: b} }

// Decode makes c decode b.
func (c *Coder) Decode(b []byte, strings *Strings) {
	*c = Coder{mode: decoding, buf: b, end: len(b), strings: strings}
	c.readKey()
}

// Clean makes c clean texts in place.
func (c *Coder) Clean() { *c = Coder{mode: cleaning} }

// NewEncoder returns a coder that appends to b.
func NewEncoder(b []byte) Coder { return Coder{mode: encoding, buf: b} }

// NewDecoder returns a coder that decodes b.
func NewDecoder(b []byte, strings *Strings) Coder {
	var c Coder
	c.Decode(b, strings)
	return c
}

// Bytes returns the output of an encoder.
func (c *Coder) Bytes() []byte { return c.buf }

// Decoding reports whether the coder sets fields, rather than reads them.
func (c *Coder) Decoding() bool { return c.mode == decoding }

// Next reports whether the field with this tag comes next in the decoding.
func (c *Coder) Next(tag uint64) bool { return c.tag == tag }

// Fail makes the decoding fail with a reason of the message's own.
func (c *Coder) Fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
	c.tag = 0
}

// Finish ends a decoding. It returns an error if anything is left over.
func (c *Coder) Finish() error {
	if c.err == nil && c.tag != 0 {
		c.Fail("field %d is unknown or out of order", c.tag)
	}
	return c.err
}

func (c *Coder) readKey() {
	if c.pos == c.end {
		c.tag = 0
		return
	}
	key := uint64(c.buf[c.pos])
	if key < 0x80 {
		c.pos++
	} else if key = c.readVarint(); c.err != nil {
		return
	}
	c.tag, c.kind = key>>3, key&7
	if c.tag == 0 || c.kind != typeVarint && c.kind != typeBytes || c.tag < c.last {
		c.refuseKey()
		return
	}
	c.last = c.tag
}

func (c *Coder) refuseKey() {
	switch {
	case c.tag == 0:
		c.Fail("field number 0")
	case c.tag < c.last:
		c.Fail("field %d follows field %d", c.tag, c.last)
	default:
		c.Fail("field %d has unknown wire type %d", c.tag, c.kind)
	}
}

func (c *Coder) readVarint() uint64 {
	if c.pos < c.end && c.buf[c.pos] < 0x80 {
		c.pos++
		return uint64(c.buf[c.pos-1])
	}
	v, n := binary.Uvarint(c.buf[c.pos:c.end])
	if n <= 0 {
		c.Fail("varint is cut short or too long")
		return 0
	}
	if c.buf[c.pos+n-1] == 0 {
		c.Fail("varint is longer than necessary")
		return 0
	}
	c.pos += n
	return v
}

// take returns the content of a field of type bytes, without copying.
func (c *Coder) take() []byte {
	n := c.readLength()
	c.pos += n
	return c.buf[c.pos-n : c.pos]
}

// readLength reads the length of a field of type bytes; 0 after a failure.
func (c *Coder) readLength() int {
	n := c.readVarint()
	if c.err == nil && n > uint64(c.end-c.pos) {
		c.Fail("field %d is %d bytes long where %d are left", c.tag, n, c.end-c.pos)
	}
	if c.err != nil {
		return 0
	}
	return int(n)
}

// outer is the place where decoding goes on after a nested message.
type outer struct {
	end  int
	last uint64
}

// enter begins to decode a nested message, and reports whether it is empty.
func (c *Coder) enter() (o outer, empty bool) {
	n := c.readLength()
	if c.err != nil {
		return o, false
	}
	o = outer{c.end, c.last}
	c.end, c.last = c.pos+n, 0
	c.readKey()
	return o, n == 0
}

// leave ends the decoding of a nested message. It fails if anything is left over.
func (c *Coder) leave(o outer) {
	if c.Finish() == nil {
		c.end, c.last = o.end, o.last
	}
}

// at reports whether the next field has this tag, and checks its type.
func (c *Coder) at(tag, kind uint64) bool {
	if c.tag != tag {
		return false
	}
	if c.kind != kind {
		c.Fail("field %d has wire type %d where %d belongs", tag, c.kind, kind)
		return false
	}
	return true
}

func (c *Coder) writeKey(tag, kind uint64) {
	c.buf = binary.AppendUvarint(c.buf, tag<<3|kind)
}

// PutLength writes the length of b[at:] into the one byte before it, which must be
// reserved, and makes room if the length takes more.
func PutLength(b []byte, at int) []byte {
	n := uint64(len(b) - at)
	if n < 0x80 {
		b[at-1] = byte(n)
		return b
	}
	var prefix [binary.MaxVarintLen64]byte
	size := binary.PutUvarint(prefix[:], n)
	b = append(b, prefix[:size-1]...)
	copy(b[at+size-1:], b[at:at+int(n)])
	copy(b[at-1:], prefix[:size])
	return b
}

// CutUvarint reads an unsigned varint from the beginning of b and returns the rest.
func CutUvarint(b []byte) (uint64, []byte, error) {
	v, n := binary.Uvarint(b)
	if n <= 0 || (n > 1 && b[n-1] == 0) {
		return 0, nil, fmt.Errorf("%w: varint is cut short or too long", ErrMalformed)
	}
	return v, b[n:], nil
}
