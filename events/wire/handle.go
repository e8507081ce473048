package wire

import "unique"

// maxHandledSize is the longest content of a field, in bytes, that [Strings] finds again.
const maxHandledSize = 256

// handleKey is the content of a field as it is encoded.
type handleKey struct {
	tag     uint64
	content string
}

// Handle visits a nested message that is kept as a handle, one for all equal values. Like
// [Nested] it writes no empty message; a missing one is the zero value. Sessions repeat few
// values: a decoder finds the handle by the encoded bytes, and decodes them once. Handles are not
// cleaned.
func Handle[T comparable](c *Coder, tag uint64, v *unique.Handle[T], fields func(*T, *Coder)) {
	content, found := reuse(c, tag, v)
	if found || c.mode == cleaning {
		return
	}
	var value T
	if c.mode == encoding {
		value = v.Value()
	}
	Nested(c, tag, &value, fields)
	keep(c, tag, content, v, value)
}

// TextHandle visits a text that is kept as a handle, as [Coder.Text] does. A missing one is empty.
func (c *Coder) TextHandle(tag uint64, v *unique.Handle[string]) {
	content, found := reuse(c, tag, v)
	if found || c.mode == cleaning {
		return
	}
	var text string
	if c.mode == encoding {
		text = v.Value()
	}
	c.Text(tag, &text)
	keep(c, tag, content, v, text)
}

// reuse sets v to the handle that was kept for the next field, and moves past it. Without one it
// returns what the field contains, nil if there is none.
func reuse[T comparable](c *Coder, tag uint64, v *unique.Handle[T]) (content []byte, found bool) {
	if c.mode != decoding {
		return nil, false
	}
	content = c.peek(tag)
	kept, found := c.strings.kept(tag, content).(unique.Handle[T])
	if found {
		*v = kept
		c.take()
		c.nextScalar(tag, false)
	}
	return content, found
}

// keep sets v to the handle of a value that was decoded, and keeps it for the field's content.
func keep[T comparable](c *Coder, tag uint64, content []byte, v *unique.Handle[T], value T) {
	if c.mode != decoding {
		return
	}
	*v = unique.Make(value)
	if c.err == nil {
		c.strings.keep(tag, content, *v)
	}
}

// peek returns the content of the next field if it has this tag and is no number, without moving
// past it, and nil if there is none or it is malformed.
func (c *Coder) peek(tag uint64) []byte {
	if c.tag != tag || c.kind != typeBytes || c.err != nil {
		return nil
	}
	n, rest, err := CutUvarint(c.buf[c.pos:c.end])
	if err != nil || n > uint64(len(rest)) {
		return nil
	}
	return rest[:n]
}

// kept returns the handle that was kept for a content, nil if none was.
func (s *Strings) kept(tag uint64, content []byte) any {
	if s == nil || len(content) == 0 || len(content) > maxHandledSize {
		return nil
	}
	return s.handles[handleKey{tag, string(content)}]
}

// keep keeps a handle for a content.
func (s *Strings) keep(tag uint64, content []byte, handle any) {
	if s == nil || len(content) == 0 || len(content) > maxHandledSize {
		return
	}
	if s.handles == nil || len(s.handles) >= maxShared {
		s.handles = make(map[handleKey]any)
	}
	s.handles[handleKey{tag, string(content)}] = handle
}
