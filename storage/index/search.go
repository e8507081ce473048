package index

import (
	"cmp"
	"math"
	"slices"
)

// Order is the order of the entries that a search finds.
type Order uint8

// The orders. Entries with the same Until are in ascending order of id.
const (
	ByID Order = iota
	ByIDDescending
	ByUntil
	ByUntilDescending
)

// Search selects entries.
type Search struct {
	// Keys are those of the indexes to search. An entry under several of them is found
	// once.
	Keys  [][]byte
	Order Order
	// After is the entry where an earlier search stopped; nil starts at the beginning.
	After *Entry
	// Match reports whether entries of that summary can be wanted.
	Match func(s *Summary) bool
}

// Find calls found for the entries that a search selects, in its order, until found
// returns false or an error. It reads the nodes of the entries it finds, and those on
// the way to them. Errors: [*MalformedError], and those of the rows and of found.
func Find(rows Reader, q Search, found func(Entry) (bool, error)) error {
	w := walk{Search: q, rows: rows}
	for _, key := range q.Keys {
		w.lists = append(w.lists, []step{{place: place{key: key, level: topLevel}, branch: true, bound: math.MinInt64}})
	}
	var last uint64
	for any := false; ; {
		next, ok := w.next()
		if !ok {
			return nil
		}
		if next.branch {
			if err := w.expand(next.place); err != nil {
				return err
			}
			continue
		}
		if any && next.entry.ID == last {
			continue // it is under another key too
		}
		last, any = next.entry.ID, true
		if more, err := found(next.entry); err != nil || !more {
			return err
		}
	}
}

// walk is a search in progress.
type walk struct {
	Search
	rows Reader
	// lists is a heap of the steps that are left of each node that was read. A list is
	// in order and not empty; the one with the first step of all is on top.
	lists [][]step
	// node and row are buffers: the node being read, and the key of its row.
	node node
	row  []byte
}

// step is an entry, or a node at the place where its first entry can be.
type step struct {
	bound  int64  // the position in the order, ascending
	id     uint64 // orders steps of equal bound, ascending
	branch bool
	place  place
	entry  Entry
}

// compareSteps orders steps. It puts a node before an entry at the same place, because
// that entry can also be below the node.
func compareSteps(a, b *step) int {
	if c := cmp.Or(cmp.Compare(a.bound, b.bound), cmp.Compare(a.id, b.id)); c != 0 || a.branch == b.branch {
		return c
	}
	if a.branch {
		return -1
	}
	return 1
}

// next removes the first step. It returns false when none is left.
func (w *walk) next() (first step, ok bool) {
	if len(w.lists) == 0 {
		return step{}, false
	}
	first = w.lists[0][0]
	if w.lists[0] = w.lists[0][1:]; len(w.lists[0]) == 0 {
		last := len(w.lists) - 1
		w.lists[0], w.lists[last] = w.lists[last], nil
		w.lists = w.lists[:last]
	}
	w.sink()
	return first, true
}

// sink moves the top of the heap down to its place.
func (w *walk) sink() {
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(w.lists); child++ {
			if compareSteps(&w.lists[child][0], &w.lists[least][0]) < 0 {
				least = child
			}
		}
		if least == i {
			return
		}
		w.lists[i], w.lists[least] = w.lists[least], w.lists[i]
		i = least
	}
}

// push adds a list of steps to the heap.
func (w *walk) push(steps []step) {
	w.lists = append(w.lists, steps)
	for i := len(w.lists) - 1; i > 0; {
		parent := (i - 1) / 2
		if compareSteps(&w.lists[i][0], &w.lists[parent][0]) >= 0 {
			return
		}
		w.lists[i], w.lists[parent] = w.lists[parent], w.lists[i]
		i = parent
	}
}

// boundOf returns the position of an entry in the order.
func (w *walk) boundOf(e *Entry) int64 {
	switch w.Order {
	case ByUntil:
		return e.Until
	case ByUntilDescending:
		return -e.Until
	case ByIDDescending:
		return -int64(e.ID)
	}
	return int64(e.ID)
}

// boundBelow returns the position that the first entry below a node can have, and
// whether any entry there can come after the one where the earlier search stopped.
func (w *walk) boundBelow(at place, s *Summary) (bound int64, after bool) {
	var last int64
	switch w.Order {
	case ByUntil:
		bound, last = s.MinUntil, s.MaxUntil
	case ByUntilDescending:
		bound, last = -s.MaxUntil, -s.MinUntil
	case ByIDDescending:
		bound, last = -int64(at.high()), -int64(at.low())
	default:
		bound, last = int64(at.low()), int64(at.high())
	}
	if w.After == nil {
		return bound, true
	}
	stopped := w.boundOf(w.After)
	return bound, last > stopped || last == stopped && at.high() > w.After.ID
}

// isAfter reports whether an entry comes after the one where the earlier search stopped.
func (w *walk) isAfter(e *Entry) bool {
	if w.After == nil {
		return true
	}
	a, b := w.boundOf(e), w.boundOf(w.After)
	return a > b || a == b && e.ID > w.After.ID
}

// expand reads a node and adds its children or entries to the heap.
func (w *walk) expand(at place) error {
	n := &w.node
	w.row = at.appendRow(w.row[:0])
	if err := n.read(w.rows, w.row, at); err != nil {
		return err
	}
	steps := w.branches(n.children, at)
	if matching := w.matching(n.entries); len(matching) > 0 {
		steps = make([]step, len(matching))
		for i := range matching {
			e := &matching[i]
			steps[i] = step{bound: w.boundOf(e), id: e.ID, entry: *e}
		}
	}
	if len(steps) == 0 {
		return nil
	}
	switch w.Order {
	case ByID: // the order of the node
	case ByIDDescending:
		slices.Reverse(steps)
	default:
		slices.SortFunc(steps, func(a, b step) int { return compareSteps(&a, &b) })
	}
	w.push(steps)
	return nil
}

// branches returns a step for each child that can have a match.
func (w *walk) branches(children []child, at place) (steps []step) {
	for i := range children {
		c := &children[i]
		below := at.child(c.slot)
		if bound, after := w.boundBelow(below, &c.summary); after && c.summary.Count() > 0 && w.Match(&c.summary) {
			steps = append(steps, step{bound: bound, id: below.low(), branch: true, place: below})
		}
	}
	return steps
}

// matching removes from a list, in place, the entries that cannot be wanted. Often few
// are left, and only they are copied into steps.
func (w *walk) matching(entries []Entry) []Entry {
	return slices.DeleteFunc(entries, func(e Entry) bool {
		s := e.summary()
		return !w.isAfter(&e) || !w.Match(&s)
	})
}
