package projection

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// posting are the ids of sessions that have something in common, in ascending order:
// two bytes for each where few of those of one time have it, and one to two bits where
// most have.
type posting struct {
	count      int
	containers []container
}

// find finds the container of an id.
func (p *posting) find(id uint64) (int, bool) {
	base := id / containerIDs
	// New sessions, and so most changes, are at the end.
	if n := len(p.containers); n > 0 && p.containers[n-1].base == base {
		return n - 1, true
	}
	return slices.BinarySearchFunc(p.containers, base, func(c container, base uint64) int { return cmp.Compare(c.base, base) })
}

func (p *posting) add(id uint64) {
	i, found := p.find(id)
	if !found {
		p.containers = slices.Insert(p.containers, i, container{base: id / containerIDs})
	}
	if p.containers[i].add(uint16(id % containerIDs)) {
		p.count++
	}
}

func (p *posting) remove(id uint64) {
	i, found := p.find(id)
	if !found || !p.containers[i].remove(uint16(id%containerIDs)) {
		return
	}
	p.count--
	if p.containers[i].count == 0 {
		p.containers = slices.Delete(p.containers, i, i+1)
	}
}

// idMask are the ids of one page: the page's first, and a bit for each.
type idMask struct {
	base, bits uint64
}

// up finds the first page from the given one on that has an id of the posting.
func (p *posting) up(page uint64) (idMask, bool) {
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

// down is up from the given page backward.
func (p *posting) down(page uint64) (idMask, bool) {
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

// reading is how far a posting was read: the next page that has an id of it.
type reading struct {
	posting *posting
	next    idMask
	any     bool
}

// seek goes on at a page, upward or downward.
func (r *reading) seek(page uint64, descending bool) {
	if descending {
		r.next, r.any = r.posting.down(page)
	} else {
		r.next, r.any = r.posting.up(page)
	}
}

// union visits the ids of any number of postings, each once, until visit returns
// false: in ascending order from an id on, or in descending order from it.
func union(postings []*posting, from uint64, descending bool, visit func(id uint64) bool) {
	readings := make([]reading, len(postings))
	for i, p := range postings {
		readings[i].posting = p
		readings[i].seek(from/pageSize, descending)
	}
	for {
		m, any := nextMask(readings, descending)
		if !any {
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

// nextMask takes the next page off the readings that have it.
func nextMask(readings []reading, descending bool) (next idMask, any bool) {
	for i := range readings {
		r := &readings[i]
		if r.any && (!any || descending && r.next.base > next.base || !descending && r.next.base < next.base) {
			next, any = idMask{base: r.next.base}, true
		}
	}
	for i := range readings {
		r := &readings[i]
		if !r.any || r.next.base != next.base {
			continue
		}
		next.bits |= r.next.bits
		switch page := next.base / pageSize; {
		case descending && page > 0:
			r.seek(page-1, true)
		case !descending && page < math.MaxUint64/pageSize:
			r.seek(page+1, false)
		default:
			r.any = false
		}
	}
	return next, any
}
