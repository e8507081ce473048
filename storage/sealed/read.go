package sealed

import "bytes"

// Reader reads nodes.
type Reader interface {
	// Node returns the bytes of a node, nil if there is none. They do not change while the
	// tree that reads them is in use.
	Node(number uint64) []byte
}

// depthLimit is more levels than any tree has.
const depthLimit = 32

// Tree reads the rows of a tree as of one root. It is for one goroutine.
type Tree struct {
	nodes Reader
	root  Ref
	// checked are the branches that were read, and leaf the last leaf.
	checked map[uint64]node
	leaf    node
	leafAt  Ref
}

// Open returns the tree of a root.
func Open(nodes Reader, root Ref) *Tree {
	return &Tree{nodes: nodes, root: root, checked: make(map[uint64]node)}
}

// read returns a node that it has checked. Errors: [*DamagedError].
func (t *Tree) read(r Ref) (node, error) {
	if r == t.leafAt {
		return t.leaf, nil
	}
	if n, known := t.checked[r.Number]; known {
		return n, nil
	}
	b := t.nodes.Node(r.Number)
	switch {
	case b == nil:
		return nil, &DamagedError{Number: r.Number, Reason: "is missing"}
	case sumOf(r.Number, b) != r.Sum:
		return nil, &DamagedError{Number: r.Number, Reason: "is not what its parent says"}
	}
	n := node(b)
	if n.isBranch() {
		t.checked[r.Number] = n
	} else {
		t.leaf, t.leafAt = n, r
	}
	return n, nil
}

// Get returns the value of a row. found is false if there is none. Errors: [*DamagedError].
func (t *Tree) Get(key []byte) (value []byte, found bool, err error) {
	at := t.root
	for range depthLimit {
		if at.Number == 0 {
			return nil, false, nil
		}
		n, err := t.read(at)
		if err != nil {
			return nil, false, err
		}
		if n.isBranch() {
			at = n.child(n.childFor(key))
			continue
		}
		i := n.search(key)
		if i == n.len() {
			return nil, false, nil
		}
		if k, v := n.item(i); bytes.Equal(k, key) {
			return v, true, nil
		}
		return nil, false, nil
	}
	return nil, false, &DamagedError{Number: at.Number, Reason: "is too deep"}
}

// Scan calls row for the rows whose keys are not below from, in ascending order, until it
// returns false or an error. Errors: [*DamagedError] and those of row.
func (t *Tree) Scan(from []byte, row func(key, value []byte) (bool, error)) error {
	_, err := t.scan(t.root, from, depthLimit, row)
	return err
}

func (t *Tree) scan(at Ref, from []byte, depth int, row func(key, value []byte) (bool, error)) (more bool, err error) {
	if at.Number == 0 {
		return true, nil
	}
	if depth == 0 {
		return false, &DamagedError{Number: at.Number, Reason: "is too deep"}
	}
	n, err := t.read(at)
	if err != nil {
		return false, err
	}
	if !n.isBranch() {
		for i := n.search(from); i < n.len(); i++ {
			k, v := n.item(i)
			if more, err := row(k, v); err != nil || !more {
				return false, err
			}
		}
		return true, nil
	}
	for i := n.childFor(from); i < n.len(); i++ {
		if more, err := t.scan(n.child(i), from, depth-1, row); err != nil || !more {
			return false, err
		}
	}
	return true, nil
}
