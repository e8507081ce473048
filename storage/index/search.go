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
	// Groups are the indexes to search. An entry is found, once, if each group has it.
	Groups []Group
	Order  Order
	// After is the entry where an earlier search stopped; nil starts at the beginning.
	After *Entry
	// Match reports whether entries of that summary can be wanted. It is exact for the
	// summary of one entry.
	Match func(s *Summary) bool
	// Number returns how many entries of a summary are wanted. It returns false if the
	// summary does not say. nil is a function that never says.
	Number func(s *Summary) (uint64, bool)
	// Former asks for entries also under keys that they have no more.
	Former bool
	// Pass, which may be nil, is called in the orders by id for ranges of ids in which n
	// entries are wanted. If it returns true they are passed over.
	Pass func(low, high, n uint64) bool
	// Whole, which may be nil, reports whether [Count] may count the entries of a range of
	// ids together. One for which it returns false by itself is not counted.
	Whole func(low, high uint64) bool
}

// Group names indexes. A group has an entry that is stored under one of its keys.
type Group struct {
	Keys [][]byte
	// Disjoint is set if an entry has at most one of the keys, former ones aside.
	Disjoint bool
}

// Find calls found for the entries that a search selects, in its order, until found
// returns false or an error. It reads the nodes of the entries it finds, and those on
// the way to them. Of several groups it reads what is below the ids that each of them has.
// Errors: [*MalformedError], and those of the rows and of found.
func Find(rows Reader, q Search, found func(Entry) (bool, error)) error {
	w := walk{Search: q, rows: rows}
	w.begin()
	for {
		next, ok := w.next()
		if !ok {
			return nil
		}
		if w.passes(&next) {
			continue
		}
		if next.area != nil {
			if err := w.expand(next.area); err != nil {
				return err
			}
			continue
		}
		if more, err := found(next.entry); err != nil || !more {
			return err
		}
	}
}

// walk is a search in progress.
type walk struct {
	Search
	rows Reader
	// lists is a heap of the steps that are left of each area that was read. A list is
	// in order and not empty; the one with the first step of all is on top.
	lists [][]step
	// node and row are buffers: the node being read, and the key of its row.
	node node
	row  []byte
}

// step is an entry, or an area at the place where its first entry can be.
type step struct {
	bound int64  // the position in the order, ascending
	id    uint64 // orders steps of equal bound, ascending
	area  *area  // nil for an entry
	entry Entry
}

// begin adds the area of all ids.
func (w *walk) begin() {
	all := &area{place: place{level: topLevel}, groups: make([][]part, len(w.Groups))}
	for i, group := range w.Groups {
		for j, key := range group.Keys {
			all.groups[i] = append(all.groups[i], part{key: key, position: j})
		}
		if len(group.Keys) == 0 {
			return
		}
	}
	if len(w.Groups) > 0 {
		w.lists = append(w.lists, []step{{area: all, bound: math.MinInt64}})
	}
}

// passes reports whether the caller passes over a step.
func (w *walk) passes(s *step) bool {
	if w.Pass == nil || w.Order != ByID && w.Order != ByIDDescending {
		return false
	}
	if s.area == nil {
		return w.Pass(s.entry.ID, s.entry.ID, 1)
	}
	n, known := w.number(s.area)
	return known && w.isWhollyAfter(s.area) && w.Pass(s.area.low(), s.area.high(), n)
}

// compareSteps orders steps. It puts an area before an entry at the same place, because
// that entry can also be in the area.
func compareSteps(a, b *step) int {
	if c := cmp.Or(cmp.Compare(a.bound, b.bound), cmp.Compare(a.id, b.id)); c != 0 || (a.area == nil) == (b.area == nil) {
		return c
	}
	if a.area != nil {
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
	if len(steps) == 0 {
		return
	}
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

// boundIn returns the position that the first entry of an area can have, and whether any
// entry there can come after the one where the earlier search stopped.
func (w *walk) boundIn(at place, s *Summary) (bound int64, after bool) {
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

// isWhollyAfter reports whether all ids of an area come after the entry where the earlier
// search stopped, in an order by id.
func (w *walk) isWhollyAfter(a *area) bool {
	return w.After == nil || w.Order == ByID && a.low() > w.After.ID || w.Order == ByIDDescending && a.high() < w.After.ID
}

// expand reads the nodes of an area and adds the areas or entries in it to the heap.
func (w *walk) expand(a *area) error {
	below, entries, err := w.read(a)
	if err != nil {
		return err
	}
	var steps []step
	for _, c := range below {
		if bound, after := w.boundIn(c.place, &c.summary); after {
			steps = append(steps, step{bound: bound, id: c.low(), area: c})
		}
	}
	if len(entries) > 0 {
		steps = make([]step, 0, len(entries))
	}
	for i := range entries {
		if e := &entries[i]; w.isAfter(e) {
			steps = append(steps, step{bound: w.boundOf(e), id: e.ID, entry: *e})
		}
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
