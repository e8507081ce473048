package index

import (
	"bytes"
	"fmt"
	"slices"
)

const (
	// fan is the most entries a leaf holds, and the most children a branch has: one for
	// each value of a byte of the id.
	fan = 256
	// topLevel is the level of an index's root: it covers ids of 48 bits.
	topLevel = 5
	idLimit  = 1 << (8 * (topLevel + 1))
	keyLimit = 64 // bytes
	// rowSize is the length of the key of most rows.
	rowSize = 32
)

// node is a node of an index. The root is a leaf while its entries fit into one; a
// leaf that overflows becomes a branch on the next byte of the id.
type node struct {
	// entries are a leaf's, in ascending order of id.
	entries []Entry
	// children are a branch's, in ascending order of slot; nil in a leaf.
	children []child
}

// child is a node below a branch. Its slot is the byte of the id that all its entries
// share.
type child struct {
	slot    byte
	summary Summary
}

func (n *node) summary() (s Summary) {
	for i := range n.children {
		s.add(&n.children[i].summary)
	}
	for i := range n.entries {
		one := n.entries[i].summary()
		s.add(&one)
	}
	return s
}

func (n *node) setChild(slot byte, s Summary) {
	i, found := slices.BinarySearchFunc(n.children, slot, func(c child, slot byte) int { return int(c.slot) - int(slot) })
	if !found {
		n.children = slices.Insert(n.children, i, child{slot: slot})
	}
	n.children[i].summary = s
}

// place is the position of a node. The rows of one index are adjacent, the root first.
type place struct {
	key    []byte
	level  int    // from topLevel down to 0
	prefix uint64 // the bytes of the id above the node's level
}

// appendRow appends the key of the node's row to b.
func (p place) appendRow(b []byte) []byte {
	b = append(b, byte(len(p.key)))
	b = append(append(b, p.key...), byte(topLevel-p.level))
	for shift := 40; shift >= 0; shift -= 8 {
		b = append(b, byte(p.prefix>>shift))
	}
	return b
}

func (p place) child(slot byte) place {
	return place{key: p.key, level: p.level - 1, prefix: p.prefix<<8 | uint64(slot)}
}

// low and high return the lowest and the highest id below the node.
func (p place) low() uint64  { return p.prefix << (8 * (p.level + 1)) }
func (p place) high() uint64 { return p.low() | (1<<(8*(p.level+1)) - 1) }

// slotOf returns the slot of an id in a node at that level.
func slotOf(id uint64, level int) byte { return byte(id >> (8 * level)) }

// Apply writes an update. The caller makes it atomic: after an error some rows are
// written and others are not. Errors: [*MalformedError] and those of the rows.
func Apply(rows Rows, u *Update) error {
	keys := slices.Clone(u.Keys)
	slices.SortFunc(keys, func(a, b KeyUpdate) int { return bytes.Compare(a.Key, b.Key) })
	w := writer{rows: rows}
	for _, k := range keys {
		if len(k.Key) > keyLimit {
			return fmt.Errorf("an index key of %d bytes, %d are allowed", len(k.Key), keyLimit)
		}
		w.collect(u, &k)
		if len(w.changed) == 0 {
			continue
		}
		if last := w.changed[len(w.changed)-1].ID; last >= idLimit {
			return fmt.Errorf("id %d is too large for an index, which ends at %d", last, uint64(idLimit-1))
		}
		if _, err := w.update(place{key: k.Key, level: topLevel}, w.changed); err != nil {
			return err
		}
	}
	return nil
}

// LargestID is the largest id that an index can have.
const LargestID = idLimit - 1

// writer writes the nodes of indexes.
type writer struct {
	rows Rows
	// leaf, changed and merged are buffers that one node after the other uses.
	leaf, changed, merged []Entry
}

// collect fills w.changed with the entries that change under a key.
func (w *writer) collect(u *Update, k *KeyUpdate) {
	w.changed = w.changed[:0]
	former, removed := k.Former, k.Removed
	for _, i := range k.Entries {
		e := u.Entries[i]
		if len(former) > 0 && former[0] == i {
			e.Former, former = true, former[1:]
		}
		if len(removed) > 0 && removed[0] == i {
			e.removed, removed = true, removed[1:]
		}
		w.changed = append(w.changed, e)
	}
}

// update changes entries below a node, and returns the summary of those that are then
// below it.
func (w *writer) update(at place, changed []Entry) (Summary, error) {
	row := at.appendRow(make([]byte, 0, rowSize))
	n := node{entries: w.leaf}
	if err := n.read(w.rows, row, at); err != nil {
		return Summary{}, err
	}
	w.leaf = n.entries
	if n.children == nil && (len(n.entries) > 0 || len(changed) <= fan) {
		w.merged = merge(w.merged[:0], n.entries, changed)
		n.entries = w.merged
		if len(n.entries) <= fan {
			return w.put(row, at, &n)
		}
		changed = slices.Clone(w.merged) // the children use that buffer
	}
	n.entries = nil
	for len(changed) > 0 {
		slot, count := slotOf(changed[0].ID, at.level), 1
		for count < len(changed) && slotOf(changed[count].ID, at.level) == slot {
			count++
		}
		s, err := w.update(at.child(slot), changed[:count])
		if err != nil {
			return Summary{}, err
		}
		n.setChild(slot, s)
		changed = changed[count:]
	}
	return w.put(row, at, &n)
}

func (w *writer) put(row []byte, at place, n *node) (Summary, error) {
	value := n.append(make([]byte, 0, 32+16*len(n.entries)+32*len(n.children)), at)
	return n.summary(), w.rows.Put(row, value)
}

// merge appends to merged the entries as changed, in ascending order of id like both
// lists.
func merge(merged, entries, changed []Entry) []Entry {
	for len(entries) > 0 || len(changed) > 0 {
		if len(changed) == 0 || len(entries) > 0 && entries[0].ID < changed[0].ID {
			merged = append(merged, entries[0])
			entries = entries[1:]
			continue
		}
		if len(entries) > 0 && entries[0].ID == changed[0].ID {
			entries = entries[1:]
		}
		if !changed[0].removed {
			merged = append(merged, changed[0])
		}
		changed = changed[1:]
	}
	return merged
}

// Keys calls found for the keys of the length of low that have an index, from low to
// high, until it returns false.
func Keys(rows Reader, low, high []byte, found func(key []byte) bool) error {
	var seek []byte
	for key := bytes.Clone(low); key != nil; key = successor(key) {
		seek = append(append(seek[:0], byte(len(low))), key...)
		row, err := rows.Seek(seek)
		if err != nil {
			return err
		}
		if row == nil || int(row[0]) != len(low) || len(row) <= len(low) {
			return nil
		}
		key = bytes.Clone(row[1 : 1+len(low)])
		if bytes.Compare(key, high) > 0 || !found(bytes.Clone(key)) {
			return nil
		}
	}
	return nil
}

// successor turns a key into the next one of its length; nil if there is none.
func successor(key []byte) []byte {
	for i := len(key) - 1; i >= 0; i-- {
		if key[i]++; key[i] != 0 {
			return key
		}
	}
	return nil
}
