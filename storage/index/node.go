package index

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// The value of a node's row consists of unsigned varints, unless noted otherwise:
//
//	1 byte   0: a leaf; 1: a branch
//	number of entries or children
//	a leaf that is not empty: the lowest From (signed) and the lowest First
//	each entry:  the difference of its id to the one before (of the first: to the lowest
//	             id that the node covers), times 4, plus 1 for a lost entry, plus 2 for a
//	             former one
//	             From - the lowest From, Until - From (signed), Present - Until, First -
//	             the lowest First, Last - First
//	each child:  1 byte slot; Closed, Lost, Former, and if one is not 0: MinFrom (signed),
//	             MaxFrom - MinFrom, MinUntil - MinFrom (signed), MaxUntil - MinUntil,
//	             MaxPresent - MaxUntil,
//	             MinFirst, MinLast - MinFirst, MaxLast - MinLast

const (
	leafNode   = 0
	branchNode = 1
)

// append appends the encoded node to b.
func (n *node) append(b []byte, at place) []byte {
	if n.children != nil {
		b = binary.AppendUvarint(append(b, branchNode), uint64(len(n.children)))
		for i := range n.children {
			b = n.children[i].summary.append(append(b, n.children[i].slot))
		}
		return b
	}
	b = binary.AppendUvarint(append(b, leafNode), uint64(len(n.entries)))
	if len(n.entries) == 0 {
		return b
	}
	s := n.summary()
	b = binary.AppendUvarint(binary.AppendVarint(b, s.MinFrom), s.MinFirst)
	before := at.low()
	for i := range n.entries {
		e := &n.entries[i]
		id := (e.ID - before) << 2
		if e.Lost {
			id |= 1
		}
		if e.Former {
			id |= 2
		}
		before = e.ID
		b = binary.AppendUvarint(b, id)
		b = binary.AppendUvarint(b, uint64(e.From-s.MinFrom))
		b = binary.AppendVarint(b, e.Until-e.From)
		b = binary.AppendUvarint(b, uint64(max(e.Present-e.Until, 0)))
		b = binary.AppendUvarint(b, e.First-s.MinFirst)
		b = binary.AppendUvarint(b, e.Last-e.First)
	}
	return b
}

func (s *Summary) append(b []byte) []byte {
	b = binary.AppendUvarint(binary.AppendUvarint(b, s.Closed), s.Lost)
	b = binary.AppendUvarint(b, s.Former)
	if s.size() == 0 {
		return b
	}
	b = binary.AppendUvarint(binary.AppendVarint(b, s.MinFrom), uint64(s.MaxFrom-s.MinFrom))
	b = binary.AppendUvarint(binary.AppendVarint(b, s.MinUntil-s.MinFrom), uint64(s.MaxUntil-s.MinUntil))
	b = binary.AppendUvarint(b, uint64(max(s.MaxPresent-s.MaxUntil, 0)))
	b = binary.AppendUvarint(b, s.MinFirst)
	return binary.AppendUvarint(binary.AppendUvarint(b, s.MinLast-s.MinFirst), s.MaxLast-s.MinLast)
}

// read reads the node in a row, and reuses the memory of n's entries. A row that does
// not exist is an empty leaf. The error is a [*MalformedError] or the reader's.
func (n *node) read(rows Reader, row []byte, at place) error {
	n.entries, n.children = n.entries[:0], nil
	value, err := rows.Get(row)
	if err != nil || value == nil {
		return err
	}
	if !n.decode(value, at) {
		return &MalformedError{Row: bytes.Clone(row)}
	}
	return nil
}

// decode decodes what append encodes. It reports whether b is well-formed.
func (n *node) decode(b []byte, at place) bool {
	d := decoder{rest: b}
	kind, count := d.byte(), d.unsigned()
	if d.failed || count > fan || kind > branchNode {
		return false
	}
	if kind == branchNode {
		return at.level > 0 && count > 0 && n.decodeChildren(&d, count)
	}
	return n.decodeEntries(&d, count, at)
}

func (n *node) decodeChildren(d *decoder, count uint64) bool {
	n.children = make([]child, count)
	for i := range n.children {
		c := &n.children[i]
		c.slot = d.byte()
		c.summary.decode(d)
		if i > 0 && c.slot <= n.children[i-1].slot {
			return false
		}
	}
	return d.done()
}

func (n *node) decodeEntries(d *decoder, count uint64, at place) bool {
	if count == 0 {
		return d.done()
	}
	n.entries = slices.Grow(n.entries[:0], int(count))[:count]
	from, first, id := d.signed(), d.unsigned(), at.low()
	for i := range n.entries {
		difference := d.unsigned()
		if i > 0 && difference < 4 {
			return false
		}
		id += difference >> 2
		e := Entry{ID: id, Lost: difference&1 != 0, Former: difference&2 != 0}
		e.From = from + int64(d.unsigned())
		e.Until = e.From + d.signed()
		e.Present = e.Until + int64(d.unsigned())
		e.First = first + d.unsigned()
		e.Last = e.First + d.unsigned()
		if e.ID > at.high() {
			return false
		}
		n.entries[i] = e
	}
	return d.done()
}

func (s *Summary) decode(d *decoder) {
	s.Closed, s.Lost, s.Former = d.unsigned(), d.unsigned(), d.unsigned()
	if s.size() == 0 {
		return
	}
	s.MinFrom = d.signed()
	s.MaxFrom = s.MinFrom + int64(d.unsigned())
	s.MinUntil = s.MinFrom + d.signed()
	s.MaxUntil = s.MinUntil + int64(d.unsigned())
	s.MaxPresent = s.MaxUntil + int64(d.unsigned())
	s.MinFirst = d.unsigned()
	s.MinLast = s.MinFirst + d.unsigned()
	s.MaxLast = s.MinLast + d.unsigned()
}

// decoder reads one number after the other. Once one could not be read it has failed,
// and returns zeros.
type decoder struct {
	rest   []byte
	failed bool
}

// done reports whether every number could be read and nothing is left.
func (d *decoder) done() bool { return !d.failed && len(d.rest) == 0 }

func (d *decoder) unsigned() uint64 {
	x, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.rest, d.failed = nil, true
		return 0
	}
	d.rest = d.rest[n:]
	return x
}

func (d *decoder) signed() int64 {
	x, n := binary.Varint(d.rest)
	if n <= 0 {
		d.rest, d.failed = nil, true
		return 0
	}
	d.rest = d.rest[n:]
	return x
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.failed = true
		return 0
	}
	c := d.rest[0]
	d.rest = d.rest[1:]
	return c
}
