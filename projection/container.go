package projection

import (
	"math/bits"
	"slices"
)

const (
	// containerIDs is the number of ids that one container covers.
	containerIDs = 1 << 16
	// bitmapUnits is the length of a bitmap, which has a bit for each id. A list of as many
	// ids takes the same memory.
	bitmapUnits = containerIDs / 16
	// bitmapLeast is the number of ids below which a bitmap becomes a list again.
	bitmapLeast = bitmapUnits / 4
	// pagesInContainer is the number of pages of a table that a container covers.
	pagesInContainer = containerIDs / pageSize
)

// container is a roaring container: those of 65,536 ids that are in a posting list, as a
// list of their last 16 bits in ascending order, or as a bitmap once that is smaller.
type container struct {
	units []uint16 // the list, or with a length of bitmapUnits the bitmap
	base  uint64   // the first id divided by containerIDs
	count uint32   // of ids
}

func (c *container) isBitmap() bool { return len(c.units) == bitmapUnits }

// add adds an id, and reports whether it is new.
func (c *container) add(low uint16) bool {
	if c.isBitmap() {
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
	if len(c.units) < bitmapUnits-1 {
		c.units = slices.Insert(c.units, i, low)
		return true
	}
	list := c.units
	c.units = make([]uint16, bitmapUnits)
	for _, one := range append(list, low) {
		c.units[one/16] |= 1 << (one % 16)
	}
	return true
}

// remove removes an id, and reports whether it was there.
func (c *container) remove(low uint16) bool {
	if !c.isBitmap() {
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
	if c.count--; c.count < bitmapLeast {
		c.becomeList()
	}
	return true
}

// becomeList turns the bitmap into a list.
func (c *container) becomeList() {
	list := make([]uint16, 0, c.count)
	for i, unit := range c.units {
		for ; unit != 0; unit &= unit - 1 {
			list = append(list, uint16(16*i+bits.TrailingZeros16(unit)))
		}
	}
	c.units = list
}

// up returns the first page, from the given one on, that has an id, and the mask of its
// ids; a mask of 0 if there is none.
func (c *container) up(page int) (int, uint64) {
	if c.isBitmap() {
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

// down is up in descending order.
func (c *container) down(page int) (int, uint64) {
	if c.isBitmap() {
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

// mask returns the mask of a page of a bitmap.
func (c *container) mask(page int) uint64 {
	u := c.units[page*pageSize/16:][:pageSize/16]
	return uint64(u[0]) | uint64(u[1])<<16 | uint64(u[2])<<32 | uint64(u[3])<<48
}
