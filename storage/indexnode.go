package storage

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// A node's row is, in unsigned varints unless something else is said:
//
//	1 byte   0: a leaf; 1: a branch
//	number of entries or children
//	of a leaf, unless it is empty: the lowest From (signed) and the lowest First
//	each entry:  id, as the difference to the one before (to the lowest id the node
//	             covers for the first), doubled, plus 1 for a lost one
//	             From - the lowest From, Until - From (signed), First - the lowest
//	             First, Last - First
//	each child:  1 byte slot; Closed, Lost, and if one is not 0: MinFrom (signed),
//	             MaxFrom - MinFrom, MinUntil - MinFrom (signed), MaxUntil - MinUntil,
//	             MinFirst, MinLast - MinFirst, MaxLast - MinLast

const (
	leafNode   = 0
	branchNode = 1
)

func (n *indexNode) append(b []byte, place indexPlace) []byte {
	if n.children != nil {
		b = binary.AppendUvarint(append(b, branchNode), uint64(len(n.children)))
		for i := range n.children {
			b = n.children[i].sum.append(append(b, n.children[i].slot))
		}
		return b
	}
	b = binary.AppendUvarint(append(b, leafNode), uint64(len(n.entries)))
	if len(n.entries) == 0 {
		return b
	}
	sum := n.sum()
	b = binary.AppendUvarint(binary.AppendVarint(b, sum.MinFrom), sum.MinFirst)
	before := place.low()
	for i := range n.entries {
		e := &n.entries[i]
		id := (e.ID - before) << 1
		if e.Lost {
			id |= 1
		}
		before = e.ID
		b = binary.AppendUvarint(b, id)
		b = binary.AppendUvarint(b, uint64(e.From-sum.MinFrom))
		b = binary.AppendVarint(b, e.Until-e.From)
		b = binary.AppendUvarint(b, e.First-sum.MinFirst)
		b = binary.AppendUvarint(b, e.Last-e.First)
	}
	return b
}

func (s *Sum) append(b []byte) []byte {
	b = binary.AppendUvarint(binary.AppendUvarint(b, s.Closed), s.Lost)
	if s.Count() == 0 {
		return b
	}
	b = binary.AppendUvarint(binary.AppendVarint(b, s.MinFrom), uint64(s.MaxFrom-s.MinFrom))
	b = binary.AppendUvarint(binary.AppendVarint(b, s.MinUntil-s.MinFrom), uint64(s.MaxUntil-s.MinUntil))
	b = binary.AppendUvarint(b, s.MinFirst)
	return binary.AppendUvarint(binary.AppendUvarint(b, s.MinLast-s.MinFirst), s.MaxLast-s.MinLast)
}

// varints reads them one after the other; bad once something could not be read.
type varints struct {
	b   []byte
	bad bool
}

func (v *varints) unsigned() uint64 {
	x, n := binary.Uvarint(v.b)
	if n <= 0 {
		v.b, v.bad = nil, true
		return 0
	}
	v.b = v.b[n:]
	return x
}

func (v *varints) signed() int64 {
	x, n := binary.Varint(v.b)
	if n <= 0 {
		v.b, v.bad = nil, true
		return 0
	}
	v.b = v.b[n:]
	return x
}

func (v *varints) octet() byte {
	if len(v.b) == 0 {
		v.bad = true
		return 0
	}
	c := v.b[0]
	v.b = v.b[1:]
	return c
}

// readIndexNode reads a node from its row; an empty leaf where there is none. The
// error is a [*CorruptError].
func readIndexNode(value, row []byte, place indexPlace, path string) (*indexNode, error) {
	n := new(indexNode)
	return n, n.read(value, row, place, path)
}

// read is readIndexNode into a node whose memory is used again.
func (n *indexNode) read(value, row []byte, place indexPlace, path string) error {
	n.entries, n.children = n.entries[:0], nil
	if value == nil {
		return nil
	}
	b, ok := openRow(row, value)
	if !ok {
		return &CorruptError{File: path, Err: fmt.Errorf("the checksum of index row %x is wrong", row)}
	}
	if !n.decode(b, place) {
		return &CorruptError{File: path, Err: fmt.Errorf("index row %x: %w", row, errIndexNode)}
	}
	return nil
}

// decode reads what append wrote; false when it is not in that form.
func (n *indexNode) decode(b []byte, place indexPlace) bool {
	v := varints{b: b}
	kind, count := v.octet(), v.unsigned()
	if v.bad || count > indexFan || kind > branchNode {
		return false
	}
	if kind == branchNode {
		if place.level == 0 || count == 0 {
			return false
		}
		n.children = make([]indexChild, count)
		for i := range n.children {
			c := &n.children[i]
			c.slot = v.octet()
			c.sum.read(&v)
			if i > 0 && c.slot <= n.children[i-1].slot {
				return false
			}
		}
		return !v.bad && len(v.b) == 0
	}
	if count == 0 {
		return len(v.b) == 0
	}
	n.entries = slices.Grow(n.entries[:0], int(count))[:count]
	from, first, id := v.signed(), v.unsigned(), place.low()
	for i := range n.entries {
		d := v.unsigned()
		if i > 0 && d < 2 {
			return false
		}
		id += d >> 1
		e := Mark{ID: id, Lost: d&1 != 0}
		e.From = from + int64(v.unsigned())
		e.Until = e.From + v.signed()
		e.First = first + v.unsigned()
		e.Last = e.First + v.unsigned()
		if e.ID > place.high() {
			return false
		}
		n.entries[i] = e
	}
	return !v.bad && len(v.b) == 0
}

func (s *Sum) read(v *varints) {
	s.Closed, s.Lost = v.unsigned(), v.unsigned()
	if s.Count() == 0 {
		return
	}
	s.MinFrom = v.signed()
	s.MaxFrom = s.MinFrom + int64(v.unsigned())
	s.MinUntil = s.MinFrom + v.signed()
	s.MaxUntil = s.MinUntil + int64(v.unsigned())
	s.MinFirst = v.unsigned()
	s.MinLast = s.MinFirst + v.unsigned()
	s.MaxLast = s.MinLast + v.unsigned()
}
