package sealed

import (
	"bytes"
	"slices"
)

// Nodes reads and writes nodes.
type Nodes interface {
	Reader
	// Put sets the bytes of a node, and keeps them. Delete removes a node.
	Put(number uint64, b []byte) error
	Delete(number uint64) error
}

// Change is a change to a row.
type Change struct {
	Key []byte
	// Value is the new value; nil deletes the row.
	Value []byte
}

// Root is a tree, as the caller keeps it.
type Root struct {
	Ref
	// Next is the number that the next new node gets.
	Next uint64
}

// Apply changes rows and returns the new root. Changes are in ascending order of key, each
// key once. The caller makes it atomic. Errors: [*DamagedError], those of the nodes.
func Apply(nodes Nodes, root Root, changes []Change) (Root, error) {
	if len(changes) == 0 {
		return root, nil
	}
	w := writer{nodes: nodes, next: max(root.Next, 1), tree: Open(nodes, root.Ref)}
	refs, err := w.update(root.Ref, nil, changes, depthLimit)
	for err == nil && len(refs) > 1 {
		refs, err = w.write(branchNode, 0, refs, false)
	}
	if err != nil {
		return root, err
	}
	root = Root{Next: w.next}
	if len(refs) == 1 {
		root.Ref = node(encode(branchNode, refs)).child(0)
	}
	return root, nil
}

// writer writes the nodes of a tree.
type writer struct {
	nodes Nodes
	next  uint64
	tree  *Tree
}

// update changes rows below a node, whose lowest key is low. It returns the nodes that take
// its place, as items of their parent.
func (w *writer) update(at Ref, low []byte, changes []Change, depth int) ([]item, error) {
	if at.Number == 0 {
		rows, _ := merge(nil, changes)
		return w.write(leafNode, 0, rows, true)
	}
	n, err := w.tree.read(at)
	if err != nil {
		return nil, err
	}
	if depth == 0 {
		return nil, &DamagedError{Number: at.Number, Reason: "is too deep"}
	}
	if !n.isBranch() {
		rows, appended := merge(n.decode(nil), changes)
		return w.replace(leafNode, at.Number, low, rows, appended)
	}
	children := n.decode(make([]item, 0, n.len()+8))
	var after []item
	for i := range children {
		mine := changes
		if i+1 < len(children) {
			end, _ := slices.BinarySearchFunc(changes, children[i+1].key, func(c Change, key []byte) int { return bytes.Compare(c.Key, key) })
			mine = changes[:end]
		}
		changes = changes[len(mine):]
		if len(mine) == 0 {
			after = append(after, children[i])
			continue
		}
		refs, err := w.update(n.child(i), children[i].key, mine, depth-1)
		if err != nil {
			return nil, err
		}
		after = append(after, refs...)
	}
	return w.replace(branchNode, at.Number, low, after, len(after) > len(children) && bytes.Equal(after[len(children)-1].key, children[len(children)-1].key))
}

// replace writes items in place of a node.
func (w *writer) replace(kind byte, number uint64, low []byte, items []item, appended bool) ([]item, error) {
	if len(items) == 0 {
		return nil, w.nodes.Delete(number)
	}
	refs, err := w.write(kind, number, items, appended)
	if err == nil && low != nil && bytes.Compare(low, refs[0].key) < 0 {
		refs[0].key = low // the row is gone, and may come again
	}
	return refs, err
}

// write writes nodes of items, the first of which takes a number, 0 being a new one. Nodes to
// which items are appended are filled, others are left with room.
func (w *writer) write(kind byte, number uint64, items []item, appended bool) (refs []item, err error) {
	size := 0
	for i := range items {
		size += items[i].size()
	}
	room := nodeSize - headerSize
	if nodes := (size + room - 1) / room; !appended && nodes > 1 {
		room = min(room, size/nodes+1)
	}
	for len(items) > 0 {
		n, used := 1, items[0].size()
		for n < len(items) && used+items[n].size() <= nodeSize-headerSize && used < room {
			used += items[n].size()
			n++
		}
		if number == 0 {
			number, w.next = w.next, w.next+1
		}
		b := encode(kind, items[:n])
		if err := w.nodes.Put(number, b); err != nil {
			return nil, err
		}
		refs = append(refs, childItem(items[0].key, Ref{Number: number, Sum: sumOf(number, b)}))
		items, number = items[n:], 0
	}
	return refs, nil
}

// merge returns rows as changed, in ascending order of key like both lists. appended is set
// if all changes come after the rows.
func merge(rows []item, changes []Change) (merged []item, appended bool) {
	appended = len(rows) == 0 || bytes.Compare(changes[0].Key, rows[len(rows)-1].key) > 0
	merged = make([]item, 0, len(rows)+len(changes))
	for len(rows) > 0 || len(changes) > 0 {
		order := -1
		switch {
		case len(rows) == 0:
			order = 1
		case len(changes) > 0:
			order = bytes.Compare(rows[0].key, changes[0].Key)
		}
		if order < 0 {
			merged = append(merged, rows[0])
			rows = rows[1:]
			continue
		}
		if order == 0 {
			rows = rows[1:]
		}
		if changes[0].Value != nil {
			merged = append(merged, item{changes[0].Key, changes[0].Value})
		}
		changes = changes[1:]
	}
	return merged, appended
}
