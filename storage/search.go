package storage

import (
	"bytes"
	"container/heap"

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
			heap.Push(&w, step{place: indexPlace{key: key, level: indexTop}, branch: true, bound: w.first()})
		}
		var last Mark
		for any := false; w.Len() > 0; {
			next := heap.Pop(&w).(step)
			if next.branch {
				if err := w.expand(next.place); err != nil {
					return err
				}
				continue
			}
			if any && next.entry.ID == last.ID {
				continue // it is under another key too
			}
			last, any = next.entry, true
			if more, err := found(next.entry); err != nil || !more {
				return err
			}
		}
		return nil
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

// walk is a search under way: a heap of nodes to look into and entries to give,
// what comes first on top. A node stands where the first of its entries could be.
type walk struct {
	Search
	bucket *bolt.Bucket
	path   string
	steps  []step
}

// step is a node or an entry.
type step struct {
	place  indexPlace
	branch bool
	entry  Mark
	// bound is where it stands in the order: the lowest for what comes first.
	bound int64
}

// first is a bound before all others.
func (w *walk) first() int64 { return -1 << 63 }

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
	return bound, w.After == nil || lastBound >= w.boundOf(w.After)
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
	row := place.row()
	node, err := readIndexNode(w.bucket.Get(row), row, place, w.path)
	if err != nil {
		return err
	}
	for i := range node.children {
		c := &node.children[i]
		below := place.child(c.slot)
		if bound, after := w.boundBelow(below, &c.sum); after && c.sum.Count() > 0 && w.Has(&c.sum) {
			heap.Push(w, step{place: below, branch: true, bound: bound})
		}
	}
	for i := range node.entries {
		e := node.entries[i]
		if sum := e.sum(); w.isAfter(&e) && w.Has(&sum) {
			heap.Push(w, step{entry: e, bound: w.boundOf(&e)})
		}
	}
	return nil
}

// Len, Less, Swap, Push and Pop are those of [heap.Interface].
func (w *walk) Len() int { return len(w.steps) }

// Less puts nodes before entries that stand in the same place, because what is in
// them may come first.
func (w *walk) Less(i, j int) bool {
	a, b := &w.steps[i], &w.steps[j]
	switch {
	case a.bound != b.bound:
		return a.bound < b.bound
	case a.branch != b.branch:
		return a.branch
	}
	return a.entry.ID < b.entry.ID
}

func (w *walk) Swap(i, j int) { w.steps[i], w.steps[j] = w.steps[j], w.steps[i] }
func (w *walk) Push(x any)    { w.steps = append(w.steps, x.(step)) }

func (w *walk) Pop() any {
	last := w.steps[len(w.steps)-1]
	w.steps = w.steps[:len(w.steps)-1]
	return last
}
