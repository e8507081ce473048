package mysql

import (
	"bytes"
	"encoding/binary"
)

// cursor takes fields off the head of a payload. When a field is missing the cursor
// becomes short, and everything after it reads as empty.
type cursor struct {
	rest  []byte
	short bool
}

// take takes n bytes.
func (c *cursor) take(n uint64) []byte {
	if n > uint64(len(c.rest)) {
		c.rest, c.short = nil, true
		return nil
	}
	taken := c.rest[:n]
	c.rest = c.rest[n:]
	return taken
}

// number takes a little-endian number of n bytes, at most 8.
func (c *cursor) number(n uint64) uint64 {
	var wide [8]byte
	copy(wide[:], c.take(n))
	return binary.LittleEndian.Uint64(wide[:])
}

// terminated takes the bytes up to a NUL, and the NUL.
func (c *cursor) terminated() []byte {
	i := bytes.IndexByte(c.rest, 0)
	if i < 0 {
		c.rest, c.short = nil, true
		return nil
	}
	taken := c.rest[:i]
	c.rest = c.rest[i+1:]
	return taken
}

// tail takes the bytes up to a NUL, and the NUL, or else all bytes: a last field
// is accepted without its end.
func (c *cursor) tail() []byte {
	if bytes.IndexByte(c.rest, 0) < 0 {
		return c.take(uint64(len(c.rest)))
	}
	return c.terminated()
}

// prefixed takes a length-encoded length, and that many bytes.
func (c *cursor) prefixed() []byte {
	first := c.number(1)
	switch {
	case c.short:
		return nil
	case first < 0xfb:
		return c.take(first)
	case first == 0xfc:
		return c.take(c.number(2))
	case first == 0xfd:
		return c.take(c.number(3))
	case first == 0xfe:
		return c.take(c.number(8))
	}
	c.rest, c.short = nil, true
	return nil
}
