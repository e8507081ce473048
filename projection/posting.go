package projection

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// postingList holds the ids of sessions with the same term, in ascending order and in
// roaring containers: two bytes an id while few sessions of one time have the term, one to
// two bits while most have it. docs/decisions/0012-posting-lists.md compares it with the
// library.
type postingList struct {
	count      int
	containers []container
}

// find returns the position of an id's container, and whether it exists.
func (p *postingList) find(id uint64) (int, bool) {
	base := id / containerIDs
	// New sessions, and so most changes, are at the end.
	if n := len(p.containers); n > 0 && p.containers[n-1].base == base {
		return n - 1, true
	}
	return slices.BinarySearchFunc(p.containers, base, func(c container, base uint64) int { return cmp.Compare(c.base, base) })
}

func (p *postingList) add(id uint64) {
	i, found := p.find(id)
	if !found {
		p.containers = slices.Insert(p.containers, i, container{base: id / containerIDs})
	}
	if p.containers[i].add(uint16(id % containerIDs)) {
		p.count++
	}
}

func (p *postingList) remove(id uint64) {
	i, found := p.find(id)
	if !found || !p.containers[i].remove(uint16(id%containerIDs)) {
		return
	}
	p.count--
	if p.containers[i].count == 0 {
		p.containers = slices.Delete(p.containers, i, i+1)
	}
}

// idMask holds the ids of one page: the first id of the page, and a bit for each id.
type idMask struct {
	base, bits uint64
}

// up returns the ids of the first page, from the given one on, that has any.
func (p *postingList) up(page uint64) (idMask, bool) {
	i, _ := p.find(page * pageSize)
	for ; i < len(p.containers); i++ {
		c, from := &p.containers[i], 0
		if first := c.base * pagesInContainer; page > first {
			from = int(page - first)
		}
		if found, m := c.up(from); m != 0 {
			return idMask{c.base*containerIDs + uint64(found)*pageSize, m}, true
		}
	}
	return idMask{}, false
}

// down is up in descending order.
func (p *postingList) down(page uint64) (idMask, bool) {
	i, found := p.find(page * pageSize)
	if !found {
		i--
	}
	for ; i >= 0; i-- {
		c := &p.containers[i]
		from := min(page-c.base*pagesInContainer, pagesInContainer-1)
		if found, m := c.down(int(from)); m != 0 {
			return idMask{c.base*containerIDs + uint64(found)*pageSize, m}, true
		}
	}
	return idMask{}, false
}

// postingCursor is a place in a posting list: the next page that has ids.
type postingCursor struct {
	list *postingList
	next idMask
	more bool // next is valid
}

// seek moves to the first page with ids, from the given one on.
func (r *postingCursor) seek(page uint64, descending bool) {
	if descending {
		r.next, r.more = r.list.down(page)
	} else {
		r.next, r.more = r.list.up(page)
	}
}

// union calls visit for the ids of several posting lists, each once, until it returns
// false: in ascending order from an id on, or in descending order from it.
func union(lists []*postingList, from uint64, descending bool, visit func(id uint64) bool) {
	cursors := make([]postingCursor, len(lists))
	for i, p := range lists {
		cursors[i].list = p
		cursors[i].seek(from/pageSize, descending)
	}
	for {
		m, ok := nextMask(cursors, descending)
		if !ok {
			return
		}
		for m.bits != 0 {
			at := bits.TrailingZeros64(m.bits)
			if descending {
				at = 63 - bits.LeadingZeros64(m.bits)
			}
			m.bits &^= 1 << at
			id := m.base + uint64(at)
			if (descending && id > from) || (!descending && id < from) {
				continue
			}
			if !visit(id) {
				return
			}
		}
	}
}

// nextMask returns the ids of the next page, and moves the cursors at that page on.
func nextMask(cursors []postingCursor, descending bool) (next idMask, ok bool) {
	for i := range cursors {
		r := &cursors[i]
		if r.more && (!ok || descending && r.next.base > next.base || !descending && r.next.base < next.base) {
			next, ok = idMask{base: r.next.base}, true
		}
	}
	for i := range cursors {
		r := &cursors[i]
		if !r.more || r.next.base != next.base {
			continue
		}
		next.bits |= r.next.bits
		switch page := next.base / pageSize; {
		case descending && page > 0:
			r.seek(page-1, true)
		case !descending && page < math.MaxUint64/pageSize:
			r.seek(page+1, false)
		default:
			r.more = false
		}
	}
	return next, ok
}
