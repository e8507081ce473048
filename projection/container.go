package projection

import (
	"math/bits"
	"slices"
)

const (
	// containerIDs is how many ids one container of a posting covers.
	containerIDs = 1 << 16
	// containerDense is how many units the mask of a dense container has, a bit for each id. A
	// list of as many ids would take the same memory.
	containerDense = containerIDs / 16
	// containerSparse is how few ids make a dense container a list again.
	containerSparse = containerDense / 4
	// pagesInContainer is how many pages of a table a container covers.
	pagesInContainer = containerIDs / pageSize
)

// container are those of 65,536 ids that a posting has: a list of their last 16 bits, in
// ascending order, or a mask once that is smaller.
type container struct {
	// units are the list, or with a length of containerDense the mask.
	units []uint16
	base  uint64 // the first id divided by containerIDs
	count uint32 // of ids
}

func (c *container) dense() bool { return len(c.units) == containerDense }

// add tells whether the id is new to the container.
func (c *container) add(low uint16) bool {
	if c.dense() {
		unit, bit := &c.units[low/16], uint16(1)<<(low%16)
		if *unit&bit != 0 {
			return false
		}
		*unit |= bit
		c.count++
		return true
	}
	i, found := slices.BinarySearch(c.units, low)
	if found {
		return false
	}
	c.count++
	if len(c.units) < containerDense-1 {
		c.units = slices.Insert(c.units, i, low)
		return true
	}
	list := c.units
	c.units = make([]uint16, containerDense)
	for _, one := range append(list, low) {
		c.units[one/16] |= 1 << (one % 16)
	}
	return true
}

// remove tells whether the container had the id.
func (c *container) remove(low uint16) bool {
	if !c.dense() {
		i, found := slices.BinarySearch(c.units, low)
		if found {
			c.units = slices.Delete(c.units, i, i+1)
			c.count--
		}
		return found
	}
	unit, bit := &c.units[low/16], uint16(1)<<(low%16)
	if *unit&bit == 0 {
		return false
	}
	*unit &^= bit
	if c.count--; c.count < containerSparse {
		c.thin()
	}
	return true
}

// thin makes the list of a mask.
func (c *container) thin() {
	list := make([]uint16, 0, c.count)
	for i, unit := range c.units {
		for ; unit != 0; unit &= unit - 1 {
			list = append(list, uint16(16*i+bits.TrailingZeros16(unit)))
		}
	}
	c.units = list
}

// up finds the first page from the given one on that has an id, and the mask of its
// ids; no mask when there is none.
func (c *container) up(page int) (int, uint64) {
	if c.dense() {
		for ; page < pagesInContainer; page++ {
			if m := c.mask(page); m != 0 {
				return page, m
			}
		}
		return 0, 0
	}
	i, _ := slices.BinarySearch(c.units, uint16(page*pageSize))
	if i == len(c.units) {
		return 0, 0
	}
	found, mask := int(c.units[i]/pageSize), uint64(0)
	for ; i < len(c.units) && int(c.units[i]/pageSize) == found; i++ {
		mask |= 1 << (c.units[i] % pageSize)
	}
	return found, mask
}

// down is up from the given page backward.
func (c *container) down(page int) (int, uint64) {
	if c.dense() {
		for ; page >= 0; page-- {
			if m := c.mask(page); m != 0 {
				return page, m
			}
		}
		return 0, 0
	}
	i, found := slices.BinarySearch(c.units, uint16(page*pageSize+pageSize-1))
	if !found {
		i--
	}
	if i < 0 {
		return 0, 0
	}
	last, mask := int(c.units[i]/pageSize), uint64(0)
	for ; i >= 0 && int(c.units[i]/pageSize) == last; i-- {
		mask |= 1 << (c.units[i] % pageSize)
	}
	return last, mask
}

// mask is that of a page of a dense container.
func (c *container) mask(page int) uint64 {
	u := c.units[page*pageSize/16:][:pageSize/16]
	return uint64(u[0]) | uint64(u[1])<<16 | uint64(u[2])<<32 | uint64(u[3])<<48
}
