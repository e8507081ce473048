package storage

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// Order is the order in which a search finds entries.
type Order uint8

// The orders. Entries that end at the same time come by id.
const (
	ByID Order = iota
	ByIDDescending
	ByUntil
	ByUntilDescending
)

// Search says what to look for in indexes.
type Search struct {
	// Keys are those of the indexes; what is in several of them is found once.
	Keys  [][]byte
	Order Order
	// After is where an earlier search left off; nil begins at the beginning.
	After *Mark
	// Has tells whether there may be something to find among entries of that sum.
	Has func(s *Sum) bool
}

// Search calls found for the entries that are looked for, in order, until it
// returns false or an error. It costs what it finds, and the rows on the way
// there.
func (s *Snapshot) Search(q Search, found func(Mark) (bool, error)) error {
	return guard(s.path, func() error {
		w := walk{Search: q, bucket: s.tx.Bucket([]byte(indexBucket)), path: s.path}
		for _, key := range q.Keys {
			w.open = append(w.open, []step{{place: indexPlace{key: key, level: indexTop}, branch: true, bound: math.MinInt64}})
		}
		var last uint64
		for any := false; ; {
			next, left := w.next()
			if !left {
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
	})
}

// Keys calls found for the keys of a length, of which there are indexes, from low
// to high, until it returns false.
func (s *Snapshot) Keys(low, high []byte, found func(key []byte) bool) error {
	return guard(s.path, func() error {
		c := s.tx.Bucket([]byte(indexBucket)).Cursor()
		key := bytes.Clone(low)
		for {
			k, _ := c.Seek(append([]byte{byte(len(low))}, key...))
			if k == nil || int(k[0]) != len(low) || len(k) <= len(low) {
				return nil
			}
			key = bytes.Clone(k[1 : 1+len(low)])
			if bytes.Compare(key, high) > 0 || !found(bytes.Clone(key)) {
				return nil
			}
			if key = successor(key); key == nil {
				return nil
			}
		}
	})
}

// Count is what the indexes of a key hold, whatever it is.
func (s *Snapshot) Count(key []byte) (n uint64, err error) {
	err = guard(s.path, func() error {
		place := indexPlace{key: key, level: indexTop}
		row := place.row()
		node, err := readIndexNode(s.tx.Bucket([]byte(indexBucket)).Get(row), row, place, s.path)
		if err == nil {
			sum := node.sum()
			n = sum.Count()
		}
		return err
	})
	return n, err
}

// successor is the next key of the same length, nil when there is none.
func successor(key []byte) []byte {
	for i := len(key) - 1; i >= 0; i-- {
		if key[i]++; key[i] != 0 {
			return key
		}
	}
	return nil
}

// walk is a search under way.
type walk struct {
	Search
	bucket *bolt.Bucket
	path   string
	// open is a heap of what is left of the nodes that were looked into, each in order
	// and none empty: what begins with what comes first is on top.
	open [][]step
	node indexNode // the one that is being looked into
}

// step is a node, which stands where the first of its entries could be, or an entry.
type step struct {
	bound  int64  // where it stands in the order: the lowest for what comes first
	id     uint64 // of those in the same place the lowest comes first
	branch bool
	place  indexPlace
	entry  Mark
}

// compareSteps puts a node before an entry that stands in the same place, because
// that one may be below it and come first there.
func compareSteps(a, b *step) int {
	if c := cmp.Or(cmp.Compare(a.bound, b.bound), cmp.Compare(a.id, b.id)); c != 0 || a.branch == b.branch {
		return c
	}
	if a.branch {
		return -1
	}
	return 1
}

// next takes what comes first.
func (w *walk) next() (first step, left bool) {
	if len(w.open) == 0 {
		return step{}, false
	}
	first = w.open[0][0]
	if w.open[0] = w.open[0][1:]; len(w.open[0]) == 0 {
		last := len(w.open) - 1
		w.open[0], w.open[last] = w.open[last], nil
		w.open = w.open[:last]
	}
	w.sink()
	return first, true
}

// sink puts the top of the heap in its place.
func (w *walk) sink() {
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(w.open); child++ {
			if compareSteps(&w.open[child][0], &w.open[least][0]) < 0 {
				least = child
			}
		}
		if least == i {
			return
		}
		w.open[i], w.open[least] = w.open[least], w.open[i]
		i = least
	}
}

// push adds the steps of a node to the heap.
func (w *walk) push(steps []step) {
	w.open = append(w.open, steps)
	for i := len(w.open) - 1; i > 0; {
		parent := (i - 1) / 2
		if compareSteps(&w.open[i][0], &w.open[parent][0]) >= 0 {
			return
		}
		w.open[i], w.open[parent] = w.open[parent], w.open[i]
		i = parent
	}
}

func (w *walk) boundOf(e *Mark) int64 {
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

// boundBelow is where the first entry below a node could be, and whether any could
// come after where the search before left off.
func (w *walk) boundBelow(place indexPlace, s *Sum) (bound int64, after bool) {
	var lastBound int64
	switch w.Order {
	case ByUntil:
		bound, lastBound = s.MinUntil, s.MaxUntil
	case ByUntilDescending:
		bound, lastBound = -s.MaxUntil, -s.MinUntil
	case ByIDDescending:
		bound, lastBound = -int64(place.high()), -int64(place.low())
	default:
		bound, lastBound = int64(place.low()), int64(place.high())
	}
	if w.After == nil {
		return bound, true
	}
	left := w.boundOf(w.After)
	return bound, lastBound > left || lastBound == left && place.high() > w.After.ID
}

// isAfter tells whether an entry comes after where the search before left off.
func (w *walk) isAfter(e *Mark) bool {
	if w.After == nil {
		return true
	}
	a, b := w.boundOf(e), w.boundOf(w.After)
	return a > b || a == b && e.ID > w.After.ID
}

// expand puts what is in a node into the heap.
func (w *walk) expand(place indexPlace) error {
	row, node := place.row(), &w.node
	if err := node.read(w.bucket.Get(row), row, place, w.path); err != nil {
		return err
	}
	var steps []step
	for i := range node.children {
		c := &node.children[i]
		below := place.child(c.slot)
		if bound, after := w.boundBelow(below, &c.sum); after && c.sum.Count() > 0 && w.Has(&c.sum) {
			steps = append(steps, step{bound: bound, id: below.low(), branch: true, place: below})
		}
	}
	if passed := w.pass(node.entries); len(passed) > 0 {
		steps = make([]step, len(passed))
		for i := range passed {
			e := &passed[i]
			steps[i] = step{bound: w.boundOf(e), id: e.ID, entry: *e}
		}
	}
	if len(steps) == 0 {
		return nil
	}
	switch w.Order {
	case ByID: // as they are in the node
	case ByIDDescending:
		slices.Reverse(steps)
	default:
		slices.SortFunc(steps, func(a, b step) int { return compareSteps(&a, &b) })
	}
	w.push(steps)
	return nil
}

// pass returns those of the entries that may be looked for, in the same memory: often
// few, of which alone a copy is made.
func (w *walk) pass(entries []Mark) []Mark {
	return slices.DeleteFunc(entries, func(e Mark) bool {
		sum := e.sum()
		return !w.isAfter(&e) || !w.Has(&sum)
	})
}
