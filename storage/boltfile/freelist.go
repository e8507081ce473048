package boltfile

import (
	"encoding/binary"
	"fmt"
	"math"
)

// freelist checks the list of free pages against the pages in use, which have been visited:
// bbolt writes to every page in the list. Of a leaf only the first page has been visited.
func (t *tree) freelist() error {
	p, err := t.page(t.meta.freelist)
	if err != nil {
		return err
	}
	free, err := p.free()
	if err != nil {
		return err
	}
	before := uint64(0) // the free page before
	for i, id := range free {
		if !t.meta.holds(id) || id <= before && i > 0 {
			return fmt.Errorf("page %d: free page %d is none of the file, or not in order", p.id, id)
		}
		if t.seen[id/64]&(1<<(id%64)) != 0 {
			return fmt.Errorf("page %d: page %d is in the list of free pages, and in use", p.id, id)
		}
		if id != before+1 || i == 0 { // the pages before a free page are free as well, or in use
			if err := t.notBelow(p.id, id); err != nil {
				return err
			}
		}
		before = id
	}
	return nil
}

// notBelow checks that the page in use before a free page does not reach to it.
func (t *tree) notBelow(list, id uint64) error {
	for before := id - 1; before >= firstPage; before-- {
		if t.seen[before/64]&(1<<(before%64)) == 0 {
			continue
		}
		more, err := t.overflow(before)
		if err != nil {
			return err
		}
		if before+more >= id {
			return fmt.Errorf("page %d: page %d is in the list of free pages, and belongs to page %d", list, id, before)
		}
		return nil
	}
	return nil
}

// free returns the pages in a page that is a free list.
func (p page) free() ([]uint64, error) {
	if p.flags() != freelistFlag {
		return nil, fmt.Errorf("page %d has flags %#x, and is no list of free pages", p.id, p.flags())
	}
	order := binary.NativeEndian
	count, list := uint64(p.count()), p.b[headerSize:]
	if count == math.MaxUint16 { // the list begins with its length
		count, list = order.Uint64(list), list[8:]
	}
	if count > uint64(len(list))/8 {
		return nil, fmt.Errorf("page %d has no room for %d free pages", p.id, count)
	}
	free := make([]uint64, count)
	for i := range free {
		free[i] = order.Uint64(list[8*i:])
	}
	return free, nil
}

// CheckFreelist checks the page of the list of free pages, which the next commit replaces:
// bbolt frees as many pages as it says it has.
func (r *Reader) CheckFreelist() error {
	if r.meta.freelist == noFreelist {
		return nil
	}
	b, err := r.pages.read(r.meta.freelist, 1)
	if err != nil {
		return fmt.Errorf("page %d: %w", r.meta.freelist, err)
	}
	p := page{id: r.meta.freelist, b: b}
	more, err := p.checkHeader(r.meta.highest)
	if err != nil {
		return err
	}
	if p.flags() != freelistFlag {
		return fmt.Errorf("page %d has flags %#x, and is no list of free pages", p.id, p.flags())
	}
	size := uint64(headerSize) + 8*uint64(p.count())
	if p.count() == math.MaxUint16 {
		size = headerSize + 8 + 8*binary.NativeEndian.Uint64(b[headerSize:])
	}
	// It may have lost the pages that it takes itself, since it was given its place.
	if most := (size+8*(1+more))/uint64(r.meta.pageSize) + 1; 1+more > most || size > (1+more)*uint64(r.meta.pageSize) {
		return fmt.Errorf("page %d has %d pages, its list needs %d", p.id, 1+more, most)
	}
	return nil
}
