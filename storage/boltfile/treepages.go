package boltfile

import (
	"bytes"
	"fmt"
)

// pages checks all pages in use as strictly as bbolt does when it searches a file without
// a free list for its free pages. bbolt does that in a goroutine of its own, where a panic
// or a fault of the map would end the process. So every damage must be found here.
func (t *tree) pages() error {
	if t.meta.freelist != noFreelist {
		p, err := t.page(t.meta.freelist)
		if err == nil {
			err = t.visitAll(p)
		}
		if err != nil {
			return err
		}
	}
	if _, err := t.walk(t.meta.root, nil, nil, 0); err != nil || t.meta.freelist == noFreelist {
		return err
	}
	return t.freelist()
}

// visitAll marks a page and its overflow pages as used.
func (t *tree) visitAll(p page) error {
	for n := uint64(0); n*uint64(t.meta.pageSize) < uint64(len(p.b)); n++ {
		if err := t.visit(p.id + n); err != nil {
			return err
		}
	}
	return nil
}

// walk checks the tree below a page, and the trees of the buckets in it. All keys must be
// at least low and below high, unless these are nil. It returns the last key, nil if the
// last leaf is empty. The leaves may be of different depth.
func (t *tree) walk(id uint64, low, high []byte, depth int) (last []byte, err error) {
	p, err := t.page(id)
	if err == nil {
		err = t.visitAll(p)
	}
	if err != nil {
		return nil, err
	}
	branch := p.flags() == branchFlag
	switch {
	case !branch && p.flags() != leafFlag:
		return nil, fmt.Errorf("page %d has flags %#x, and is neither branch nor leaf", id, p.flags())
	case depth > maxDepth:
		return nil, fmt.Errorf("page %d is below %d others", id, depth)
	}
	last = low
	for i := range p.count() {
		key, err := p.key(i)
		if err != nil {
			return nil, err
		}
		if err := p.ordered(i, last, key, high); err != nil {
			return nil, err
		}
		if branch {
			last, err = t.walkChild(p, i, key, high, depth)
		} else {
			last, err = key, t.walkBucket(p, i, depth)
		}
		if err != nil {
			return nil, err
		}
	}
	if p.count() == 0 {
		return nil, nil
	}
	return last, nil
}

// ordered checks that key i of a page is after the one before it, and below high. The
// first key may equal the one before it, which is the parent's key for the page.
func (p page) ordered(i int, before, key, high []byte) error {
	after := before == nil && i == 0
	if c := bytes.Compare(before, key); c < 0 || c == 0 && i == 0 {
		after = true
	}
	if !after || high != nil && bytes.Compare(key, high) >= 0 {
		return fmt.Errorf("page %d: key %d is not in order", p.id, i)
	}
	return nil
}

// walkChild checks the tree below child i of a branch, whose keys are below the next
// child's.
func (t *tree) walkChild(p page, i int, key, high []byte, depth int) (last []byte, err error) {
	child, err := p.child(i)
	if err != nil {
		return nil, err
	}
	if i+1 < p.count() {
		if high, err = p.key(i + 1); err != nil {
			return nil, err
		}
	}
	return t.walk(child, key, high, depth+1)
}

// walkBucket checks the tree of element i of a leaf, if it is a bucket with pages of its
// own.
func (t *tree) walkBucket(p page, i, depth int) error {
	root, err := p.bucket(i)
	if err == nil && root != 0 {
		_, err = t.walk(root, nil, nil, depth+1)
	}
	return err
}
