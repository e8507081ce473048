package storage

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// indexBucket holds the nodes of all indexes.
const indexBucket = "i"

const (
	// indexFan is how many entries a leaf holds at most, and how many children a
	// branch has: one for each value of a byte of the id.
	indexFan = 256
	// indexTop is the level of an index's root: it covers ids of 48 bits.
	indexTop  = 5
	indexIDs  = 1 << (8 * (indexTop + 1))
	indexKeys = 64 // bytes of a key at most
)

// Span is what an index knows of an entry: when what it stands for began and ended,
// and the sequences of its first and its last record.
type Span struct {
	From, Until int64
	First, Last uint64
}

// Mark is what the indexes know of an entry, or that they no longer do.
type Mark struct {
	ID uint64
	Span
	// Lost tells entries of two kinds apart.
	Lost bool
	Gone bool
}

// Marks are changes to indexes.
type Marks struct {
	// Entries are those that changed, in ascending order of id, each once.
	Entries []Mark
	// Under tells by which keys they are found. An entry that is gone is to be under
	// all that it was under.
	Under []Under
}

// Under is the key of an index, and what changes in it: positions in Entries, ascending.
type Under struct {
	Key     []byte
	Entries []int32
}

// Sum is what an index knows of the entries below a node. Searches pass over those
// below whom there is nothing to find.
type Sum struct {
	Closed, Lost                         uint64 // how many of each kind
	MinFrom, MaxFrom, MinUntil, MaxUntil int64
	MinFirst, MinLast, MaxLast           uint64
}

// Count is how many there are.
func (s *Sum) Count() uint64 { return s.Closed + s.Lost }

// add counts what another sum holds in.
func (s *Sum) add(o *Sum) {
	if o.Count() == 0 {
		return
	}
	if s.Count() == 0 {
		*s = *o
		return
	}
	s.Closed, s.Lost = s.Closed+o.Closed, s.Lost+o.Lost
	s.MinFrom, s.MaxFrom = min(s.MinFrom, o.MinFrom), max(s.MaxFrom, o.MaxFrom)
	s.MinUntil, s.MaxUntil = min(s.MinUntil, o.MinUntil), max(s.MaxUntil, o.MaxUntil)
	s.MinFirst, s.MinLast, s.MaxLast = min(s.MinFirst, o.MinFirst), min(s.MinLast, o.MinLast), max(s.MaxLast, o.MaxLast)
}

// sum is that of one entry.
func (m *Mark) sum() Sum {
	s := Sum{
		MinFrom: m.From, MaxFrom: m.From, MinUntil: m.Until, MaxUntil: m.Until,
		MinFirst: m.First, MinLast: m.Last, MaxLast: m.Last,
	}
	if m.Lost {
		s.Lost = 1
	} else {
		s.Closed = 1
	}
	return s
}

// An index is a tree by id. The root is a leaf as long as its entries are few; a
// leaf that overflows becomes a branch on the next byte of the id. So an index of
// few entries costs one row, and one of many a row for 256 of them.

// indexNode is a node of an index.
type indexNode struct {
	// entries are a leaf's, in ascending order of id.
	entries []Mark
	// children are a branch's, in ascending order of slot; nil in a leaf.
	children []indexChild
}

type indexChild struct {
	slot byte
	sum  Sum
}

func (n *indexNode) sum() (s Sum) {
	for i := range n.children {
		s.add(&n.children[i].sum)
	}
	for i := range n.entries {
		one := n.entries[i].sum()
		s.add(&one)
	}
	return s
}

// indexPlace is where a node is: those of one index lie together, roots first.
type indexPlace struct {
	key    []byte
	level  int    // from indexTop down to 0
	prefix uint64 // the id without the bytes that the node's level and those below tell apart
}

func (p indexPlace) row() []byte {
	b := append(make([]byte, 0, len(p.key)+10), byte(len(p.key)))
	b = append(append(b, p.key...), byte(indexTop-p.level))
	for shift := 40; shift >= 0; shift -= 8 {
		b = append(b, byte(p.prefix>>shift))
	}
	return b
}

func (p indexPlace) child(slot byte) indexPlace {
	return indexPlace{key: p.key, level: p.level - 1, prefix: p.prefix<<8 | uint64(slot)}
}

// low and high are the lowest and the highest id below the node.
func (p indexPlace) low() uint64  { return p.prefix << (8 * (p.level + 1)) }
func (p indexPlace) high() uint64 { return p.low() | (1<<(8*(p.level+1)) - 1) }

// slot is the child of a node at that level that an id is below.
func slotOf(id uint64, level int) byte { return byte(id >> (8 * level)) }

// indexes writes marks in one transaction.
type indexes struct {
	bucket *bolt.Bucket
	path   string
	// leaf, marks and merged are memory that one node after the other uses.
	leaf, marks, merged []Mark
}

// apply makes the marks.
func (x *indexes) apply(marks *Marks) error {
	under := slices.Clone(marks.Under)
	slices.SortFunc(under, func(a, b Under) int { return bytes.Compare(a.Key, b.Key) })
	for _, u := range under {
		if len(u.Key) > indexKeys {
			return fmt.Errorf("an index key of %d bytes, %d are allowed", len(u.Key), indexKeys)
		}
		x.marks = x.marks[:0]
		for _, i := range u.Entries {
			x.marks = append(x.marks, marks.Entries[i])
		}
		if len(x.marks) == 0 {
			continue
		}
		if last := x.marks[len(x.marks)-1].ID; last >= indexIDs {
			return fmt.Errorf("id %d is beyond the index, which ends at %d", last, uint64(indexIDs-1))
		}
		if _, err := x.update(indexPlace{key: u.Key, level: indexTop}, x.marks); err != nil {
			return err
		}
	}
	return nil
}

// update makes the marks below one node and returns what is below it then.
func (x *indexes) update(place indexPlace, marks []Mark) (Sum, error) {
	row := place.row()
	node := indexNode{entries: x.leaf}
	if err := node.read(x.bucket.Get(row), row, place, x.path); err != nil {
		return Sum{}, err
	}
	x.leaf = node.entries
	if node.children == nil && (len(node.entries) > 0 || len(marks) <= indexFan) {
		x.merged = mergeMarks(x.merged[:0], node.entries, marks)
		node.entries = x.merged
		if len(node.entries) <= indexFan {
			return x.put(row, place, &node)
		}
		marks = slices.Clone(x.merged) // the children use that memory
	}
	node.entries = nil
	for len(marks) > 0 {
		slot, n := slotOf(marks[0].ID, place.level), 1
		for n < len(marks) && slotOf(marks[n].ID, place.level) == slot {
			n++
		}
		sum, err := x.update(place.child(slot), marks[:n])
		if err != nil {
			return Sum{}, err
		}
		node.setChild(slot, sum)
		marks = marks[n:]
	}
	return x.put(row, place, &node)
}

func (n *indexNode) setChild(slot byte, sum Sum) {
	i, found := slices.BinarySearchFunc(n.children, slot, func(c indexChild, slot byte) int { return int(c.slot) - int(slot) })
	if !found {
		n.children = slices.Insert(n.children, i, indexChild{slot: slot})
	}
	n.children[i].sum = sum
}

func (x *indexes) put(row []byte, place indexPlace, node *indexNode) (Sum, error) {
	value := node.append(make([]byte, 0, 32+16*len(node.entries)+32*len(node.children)), place)
	return node.sum(), x.bucket.Put(row, sealRow(row, value))
}

// mergeMarks appends entries with marks made to merged, all in ascending order of id.
func mergeMarks(merged, entries, marks []Mark) []Mark {
	for len(entries) > 0 || len(marks) > 0 {
		if len(marks) == 0 || len(entries) > 0 && entries[0].ID < marks[0].ID {
			merged = append(merged, entries[0])
			entries = entries[1:]
			continue
		}
		if len(entries) > 0 && entries[0].ID == marks[0].ID {
			entries = entries[1:]
		}
		if !marks[0].Gone {
			merged = append(merged, marks[0])
		}
		marks = marks[1:]
	}
	return merged
}

var errIndexNode = errors.New("the node of an index is not in its form")
