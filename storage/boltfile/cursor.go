package boltfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Cursor is a place in a bucket. Keys and values are valid as long as the reader.
type Cursor struct {
	r      *Reader
	root   uint64
	inline *page // the whole bucket, where it has no page of its own
	stack  []place
	room   [4]place // for the stack, of most trees
}

// newCursor returns a cursor over the tree below a root, or over a page inside an element.
func newCursor(r *Reader, root uint64, inline *page) *Cursor {
	c := &Cursor{r: r, root: root, inline: inline}
	c.stack = c.room[:0]
	return c
}

// place is an element of a page. The keys of the page are at least low and below high,
// unless these are nil.
type place struct {
	page      page
	i         int
	low, high []byte
}

// Key returns the key at the cursor, nil where it is at none.
func (c *Cursor) Key() []byte {
	if len(c.stack) == 0 {
		return nil
	}
	at := &c.stack[len(c.stack)-1]
	key, _ := at.page.key(at.i) // it was checked when the page was read
	return key
}

// Value returns the value at the cursor, nil where it is at none.
func (c *Cursor) Value() []byte {
	if len(c.stack) == 0 {
		return nil
	}
	at := &c.stack[len(c.stack)-1]
	value, _ := at.page.value(at.i)
	return value
}

// Seek moves to the last element whose key is at most the given one. It returns false, and
// moves to no element, where there is none.
func (c *Cursor) Seek(key []byte) (bool, error) {
	return c.descend(func(p page) int {
		low, high := 0, p.count()
		for low < high {
			middle := (low + high) / 2
			if k, _ := p.key(middle); bytes.Compare(k, key) <= 0 {
				low = middle + 1
			} else {
				high = middle
			}
		}
		return low - 1
	})
}

// First moves to the first element. It returns false for an empty bucket.
func (c *Cursor) First() (bool, error) { return c.descend(func(page) int { return 0 }) }

// Last moves to the last element. It returns false for an empty bucket.
func (c *Cursor) Last() (bool, error) { return c.descend(func(p page) int { return p.count() - 1 }) }

// descend moves from the root to a leaf, by the element that choose returns for each page.
func (c *Cursor) descend(choose func(page) int) (bool, error) {
	c.stack = c.stack[:0]
	p, err := c.top()
	if err != nil {
		return false, err
	}
	return c.into(p, nil, nil, choose)
}

func (c *Cursor) top() (page, error) {
	if c.inline != nil {
		return *c.inline, c.inline.checkElements(nil, nil)
	}
	return c.r.page(c.root, nil, nil)
}

// into moves from a page down to a leaf.
func (c *Cursor) into(p page, low, high []byte, choose func(page) int) (bool, error) {
	for {
		at := place{page: p, i: choose(p), low: low, high: high}
		if p.count() == 0 && p.flags() == branchFlag || len(c.stack) == maxDepth {
			return false, fmt.Errorf("page %d is an empty branch, or below %d others", p.id, len(c.stack))
		}
		if at.i < 0 || at.i >= p.count() {
			c.stack = c.stack[:0]
			return false, nil
		}
		c.stack = append(c.stack, at)
		if p.flags() == leafFlag {
			return true, nil
		}
		var err error
		if p, low, high, err = c.child(&at); err != nil {
			c.stack = c.stack[:0]
			return false, err
		}
	}
}

// child reads the page below an element of a branch.
func (c *Cursor) child(at *place) (p page, low, high []byte, err error) {
	id, err := at.page.child(at.i)
	if err != nil {
		return p, nil, nil, err
	}
	if low, err = at.page.key(at.i); err != nil {
		return p, nil, nil, err
	}
	if high = at.high; at.i+1 < at.page.count() {
		if high, err = at.page.key(at.i + 1); err != nil {
			return p, nil, nil, err
		}
	}
	p, err = c.r.page(id, low, high)
	return p, low, high, err
}

// Next moves to the next element. It returns false after the last.
func (c *Cursor) Next() (bool, error) {
	for len(c.stack) > 0 {
		at := &c.stack[len(c.stack)-1]
		if at.i+1 >= at.page.count() {
			c.stack = c.stack[:len(c.stack)-1]
			continue
		}
		at.i++
		if at.page.flags() == leafFlag {
			return true, nil
		}
		p, low, high, err := c.child(at)
		if err != nil {
			c.stack = c.stack[:0]
			return false, err
		}
		return c.into(p, low, high, func(page) int { return 0 })
	}
	return false, nil
}

// CheckEdge checks the pages from the root to the last leaf, which the next commit that
// appends replaces: bbolt frees as many pages as they say they have.
func (c *Cursor) CheckEdge() error {
	found, err := c.Last()
	if err != nil || !found || c.inline != nil {
		return err
	}
	for i := range c.stack {
		p := c.stack[i].page
		if err := p.checkExtent(c.r.meta.pageSize); err != nil {
			return err
		}
		if i == 0 {
			continue
		}
		// An append-only tree names each child by its first key.
		if first, _ := p.key(0); !bytes.Equal(first, c.stack[i].low) {
			return fmt.Errorf("page %d begins with key %x, its branch says %x", p.id, first, c.stack[i].low)
		}
	}
	return nil
}

// checkExtent checks that a page has as many overflow pages as its elements need.
func (p page) checkExtent(pageSize uint32) error {
	end := headerSize + p.count()*elementSize
	if n := p.count(); n > 0 {
		last, err := p.lastByte(n - 1)
		if err != nil {
			return err
		}
		end = max(end, last)
	}
	if want := (end + int(pageSize) - 1) / int(pageSize); want*int(pageSize) != len(p.b) {
		return fmt.Errorf("page %d has %d pages, its elements need %d", p.id, len(p.b)/int(pageSize), want)
	}
	return nil
}

// lastByte returns where element i ends in its page.
func (p page) lastByte(i int) (int, error) {
	e, err := p.element(i)
	if err != nil {
		return 0, err
	}
	order, at := binary.NativeEndian, headerSize+i*elementSize
	if p.flags() == branchFlag {
		return at + int(order.Uint32(e)) + int(order.Uint32(e[4:])), nil
	}
	return at + int(order.Uint32(e[4:])) + int(order.Uint32(e[8:])) + int(order.Uint32(e[12:])), nil
}
