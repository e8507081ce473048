package projection

import (
	"math/bits"
	"slices"
)

// posting are the ids of sessions that have something in common: a mask for each
// page of ids that has any, in ascending order. Ids of one time lie together, so
// that a value that most sessions have costs a quarter of a byte for each, and one
// that few have 16.
type posting struct {
	count int
	masks []idMask
}

type idMask struct {
	base, bits uint64
}

func (p *posting) find(base uint64) (int, bool) {
	if n := len(p.masks); n > 0 && p.masks[n-1].base == base {
		return n - 1, true
	}
	return slices.BinarySearchFunc(p.masks, base, func(m idMask, base uint64) int {
		switch {
		case m.base < base:
			return -1
		case m.base > base:
			return 1
		}
		return 0
	})
}

func (p *posting) add(id uint64) {
	base, bit := id&^(pageSize-1), uint64(1)<<(id%pageSize)
	i, found := p.find(base)
	if !found {
		p.masks = slices.Insert(p.masks, i, idMask{base: base})
	}
	if m := &p.masks[i]; m.bits&bit == 0 {
		m.bits |= bit
		p.count++
	}
}

func (p *posting) remove(id uint64) {
	base, bit := id&^(pageSize-1), uint64(1)<<(id%pageSize)
	i, found := p.find(base)
	if !found || p.masks[i].bits&bit == 0 {
		return
	}
	p.count--
	if p.masks[i].bits &^= bit; p.masks[i].bits == 0 {
		p.masks = slices.Delete(p.masks, i, i+1)
	}
}

// union visits the ids of any number of postings, each once, until visit returns
// false: in ascending order from an id on, or in descending order from it.
func union(postings []*posting, from uint64, descending bool, visit func(id uint64) bool) {
	rest := make([][]idMask, 0, len(postings))
	for _, p := range postings {
		i, found := p.find(from &^ (pageSize - 1))
		if !descending {
			rest = append(rest, p.masks[i:])
			continue
		}
		if found {
			i++
		}
		rest = append(rest, p.masks[:i])
	}
	for {
		m, any := nextMask(rest, descending)
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

// nextMask takes the next page off the lists that have it.
func nextMask(rest [][]idMask, descending bool) (next idMask, any bool) {
	head := func(list []idMask) idMask {
		if descending {
			return list[len(list)-1]
		}
		return list[0]
	}
	for _, list := range rest {
		if len(list) == 0 {
			continue
		}
		if h := head(list); !any || descending && h.base > next.base || !descending && h.base < next.base {
			next, any = idMask{base: h.base}, true
		}
	}
	for i, list := range rest {
		if len(list) == 0 || head(list).base != next.base {
			continue
		}
		next.bits |= head(list).bits
		if descending {
			rest[i] = list[:len(list)-1]
		} else {
			rest[i] = list[1:]
		}
	}
	return next, any
}
