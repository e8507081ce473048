package boltfile

import (
	"bytes"
	"fmt"
	"slices"
)

// CheckReplaced checks the pages that the next commit replaces when it changes the elements of
// a bucket with the given keys, which ascend: those on the way to them, and the list of free
// pages. bbolt frees as many pages as they say they have. A commit that deletes replaces
// neighbours too: deletes is set for it.
func (r *Reader) CheckReplaced(bucket string, keys [][]byte, deletes bool) error {
	if err := r.CheckFreelist(); err != nil {
		return err
	}
	top, err := r.page(r.meta.root, nil, nil)
	if err == nil {
		err = top.checkExtent(r.meta.pageSize)
	}
	if err != nil {
		return err
	}
	c, err := r.Bucket(bucket)
	if err != nil || c.inline != nil {
		return err
	}
	return r.checkReplaced(c.root, nil, nil, keys, deletes, 0)
}

// checkReplaced checks the page of some keys, and those below it on the way to them.
func (r *Reader) checkReplaced(id uint64, low, high []byte, keys [][]byte, deletes bool, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("page %d is too deep", id)
	}
	p, err := r.page(id, low, high)
	if err == nil {
		err = p.checkExtent(r.meta.pageSize)
	}
	if err != nil || p.flags() != branchFlag {
		return err
	}
	of := make([][][]byte, p.count()) // the keys below each child
	for i := range of {
		of[i] = keys
		if i+1 < len(of) {
			next, err := p.key(i + 1)
			if err != nil {
				return err
			}
			n, _ := slices.BinarySearchFunc(keys, next, bytes.Compare)
			of[i] = keys[:n]
		}
		keys = keys[len(of[i]):]
	}
	for i := range of {
		beside := deletes && (i > 0 && len(of[i-1]) > 0 || i+1 < len(of) && len(of[i+1]) > 0)
		if len(of[i]) == 0 && !beside {
			continue
		}
		first, err := p.key(i)
		if err != nil {
			return err
		}
		end := high
		if i+1 < len(of) {
			if end, err = p.key(i + 1); err != nil {
				return err
			}
		}
		child, err := p.child(i)
		if err == nil {
			err = r.checkReplaced(child, first, end, of[i], deletes, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
