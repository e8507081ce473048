package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed is wrapped by every error of decoding: the bytes are not a
// message of the expected type.
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

// Coder walks the description of a message, in one of three ways: it encodes
// the fields, decodes into them, or cleans the texts they hold.
type Coder struct {
	mode mode
	// buf is what was written when encoding, the input when decoding.
	buf []byte
	// pos and end are where decoding is and where the message it is in ends.
	pos, end int
	// tag and kind are the key ahead when decoding; tag 0 means nothing is left.
	tag  uint64
	kind uint64
	// last is the highest tag decoded: keys must ascend, lists may repeat one.
	last    uint64
	strings *Strings
	err     error
}

// Message describes its fields to a coder in ascending order of tag.
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

// Decode reads a message from b into m, whose fields must be zero. Texts are
// shared through strings where it is not nil. The error wraps [ErrMalformed].
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

// Encode makes c append to b. Like Decode and Clean it begins anew, whatever the
// coder did before: one coder can serve any number of messages, which spares an
// allocation for each.
func (c *Coder) Encode(b []byte) { *c = Coder{mode: encoding, buf: b} }

// Decode makes c read b.
func (c *Coder) Decode(b []byte, strings *Strings) {
	*c = Coder{mode: decoding, buf: b, end: len(b), strings: strings}
	c.readKey()
}

// Clean makes c clean texts in place.
func (c *Coder) Clean() { *c = Coder{mode: cleaning} }

// NewEncoder returns a coder that appends to b.
func NewEncoder(b []byte) Coder { return Coder{mode: encoding, buf: b} }

// NewDecoder returns a coder that reads b.
func NewDecoder(b []byte, strings *Strings) Coder {
	var c Coder
	c.Decode(b, strings)
	return c
}

// Bytes returns what an encoder has written.
func (c *Coder) Bytes() []byte { return c.buf }

// Decoding tells whether fields are being filled rather than read.
func (c *Coder) Decoding() bool { return c.mode == decoding }

// Fail makes the decoding fail with a reason of the message's own.
func (c *Coder) Fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
	c.tag = 0
}

// Finish ends a decoding: what is left over is an error.
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
		c.Fail("varint is longer than it need be")
		return 0
	}
	c.pos += n
	return v
}

// take reads the content of a field of type bytes, without copying.
func (c *Coder) take() []byte {
	n := c.readLength()
	c.pos += n
	return c.buf[c.pos-n : c.pos]
}

// readLength reads the length of a field of type bytes: 0 when it has failed.
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

// outer is where decoding goes on after a message inside the message.
type outer struct {
	end  int
	last uint64
}

// enter begins to decode the message inside that is ahead, and tells whether it
// is empty.
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

// leave ends decoding a message inside: what is left over in it is an error.
func (c *Coder) leave(o outer) {
	if c.Finish() == nil {
		c.end, c.last = o.end, o.last
	}
}

// at tells whether the field ahead is this one, and checks its type.
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

// PutLength writes the length of b[at:] into the one byte before it, which was
// left free for it, and makes room where that is too small.
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

// CutUvarint reads an unsigned varint from the head of b and returns the rest.
func CutUvarint(b []byte) (uint64, []byte, error) {
	v, n := binary.Uvarint(b)
	if n <= 0 || (n > 1 && b[n-1] == 0) {
		return 0, nil, fmt.Errorf("%w: varint is cut short or too long", ErrMalformed)
	}
	return v, b[n:], nil
}
