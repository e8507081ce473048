package boltfile

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// A page of a bbolt file has a header of 16 bytes (see inspect.go) and then count elements
// of 16 bytes. An element of a branch ends in the child's page. An element of a leaf has
// flags, the position of the key, the size of the key and of the value (4 bytes each); the
// position is relative to the element.
const (
	branchFlag   = 1
	leafFlag     = 2
	freelistFlag = 16
	headerSize   = 16
	elementSize  = 16
	// bucketFlag is the flag of an element whose value is a bucket: its root page (0 when
	// the value contains the bucket itself) and its sequence.
	bucketFlag       = 1
	bucketHeaderSize = 16
	// maxDepth is more than the depth of any tree.
	maxDepth = 32
)

// tree checks that the branch pages of a bbolt file form trees: bbolt would follow a
// cycle for ever, with ever more memory. It reads only the branch pages, about one page of a
// hundred. A damaged leaf is an error when it is read.
type tree struct {
	f    io.ReaderAt
	meta meta
	seen []uint64 // a bit for each page
	// header is where overflow reads, and branch[depth] where a branch that far above its
	// leaves is read: a large file has ten thousands of them.
	header [headerSize]byte
	branch [maxDepth + 1][]byte
}

// checkTree checks the branch pages. It checks all pages of a file that keeps no free
// list, or whose trees do not have the form in which bbolt writes them and can still be
// read.
func checkTree(f io.ReaderAt, meta meta) error {
	if meta.freelist != noFreelist {
		t := newTree(f, meta)
		if t.branches() == nil {
			return t.freelist()
		}
	}
	return newTree(f, meta).pages()
}

func newTree(f io.ReaderAt, meta meta) *tree {
	return &tree{f: f, meta: meta, seen: make([]uint64, meta.highest/64+1)}
}

// branches checks the branch pages of the file.
func (t *tree) branches() error {
	if err := t.visit(t.meta.freelist); err != nil {
		return err
	}
	if _, err := t.page(t.meta.freelist); err != nil {
		return err
	}
	// The root has few leaves: they hold the names of the buckets.
	return t.tree(t.meta.root, t.buckets)
}

// tree checks the tree below a page, whose leaves are all equally deep, and calls
// leaf for each.
func (t *tree) tree(root uint64, leaf func(id uint64) error) error {
	depth, last := 0, root
	for ; ; depth++ {
		p, err := t.page(last)
		if err != nil {
			return err
		}
		if p.flags() == leafFlag {
			break
		}
		if depth == maxDepth {
			return fmt.Errorf("page %d: a cycle, or %d branches on the way", root, depth)
		}
		// The next commit replaces the last leaf.
		if last, err = p.child(p.count() - 1); err != nil {
			return err
		}
	}
	return t.below(root, depth, leaf)
}

// below checks the tree below a page that is depth branches above its leaves.
func (t *tree) below(id uint64, depth int, leaf func(id uint64) error) error {
	if err := t.visit(id); err != nil {
		return err
	}
	if depth == 0 {
		return leaf(id)
	}
	p, err := t.read(id, t.branch[depth])
	if err != nil {
		return err
	}
	t.branch[depth] = p.b
	if err := p.checkElements(nil, nil); err != nil {
		return err
	}
	for i := range p.count() {
		child, err := p.child(i)
		if err != nil {
			return err
		}
		if err := t.below(child, depth-1, leaf); err != nil {
			return err
		}
	}
	return nil
}

// buckets checks the trees of the buckets in a leaf.
func (t *tree) buckets(id uint64) error {
	p, err := t.page(id)
	if err != nil {
		return err
	}
	if p.flags() != leafFlag {
		return fmt.Errorf("page %d is no leaf", id)
	}
	for i := range p.count() {
		root, err := p.bucket(i)
		if err != nil {
			return err
		}
		if root == 0 {
			continue
		}
		if err := t.tree(root, func(uint64) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

// visit marks a page as used. It returns an error if the page was used before.
func (t *tree) visit(id uint64) error {
	if !t.meta.holds(id) {
		return fmt.Errorf("page %d is used, the file has %d", id, t.meta.highest)
	}
	bit := uint64(1) << (id % 64)
	if t.seen[id/64]&bit != 0 {
		return fmt.Errorf("page %d is used twice", id)
	}
	t.seen[id/64] |= bit
	return nil
}

// page reads a page and checks its header.
func (t *tree) page(id uint64) (page, error) { return t.read(id, nil) }

// read is page, which reads into b if it is large enough.
func (t *tree) read(id uint64, b []byte) (page, error) {
	if !t.meta.holds(id) {
		return page{}, fmt.Errorf("page %d is used, the file has %d", id, t.meta.highest)
	}
	size := int(t.meta.pageSize)
	p := page{id: id, b: slices.Grow(b[:0], size)[:size]}
	if _, err := t.f.ReadAt(p.b, int64(id)*int64(t.meta.pageSize)); err != nil {
		return p, fmt.Errorf("page %d: %w", id, err)
	}
	overflow, err := p.checkHeader(t.meta.highest)
	if err != nil || overflow == 0 {
		return p, err
	}
	p.b = make([]byte, (1+overflow)*uint64(t.meta.pageSize))
	if _, err := t.f.ReadAt(p.b, int64(id)*int64(t.meta.pageSize)); err != nil {
		return p, fmt.Errorf("page %d: %w", id, err)
	}
	return p, nil
}

// overflow reads the header of a page alone, and returns the number of its overflow pages.
func (t *tree) overflow(id uint64) (uint64, error) {
	p := page{id: id, b: t.header[:]}
	if _, err := t.f.ReadAt(p.b, int64(id)*int64(t.meta.pageSize)); err != nil {
		return 0, fmt.Errorf("page %d: %w", id, err)
	}
	return p.checkHeader(t.meta.highest)
}

// page is a page with its overflow pages.
type page struct {
	id uint64
	b  []byte
}

// checkHeader checks the header of a page in a file of that many pages, and returns the
// number of its overflow pages.
func (p page) checkHeader(highest uint64) (overflow uint64, err error) {
	order := binary.NativeEndian
	overflow = uint64(order.Uint32(p.b[12:]))
	if got := order.Uint64(p.b); got != p.id || overflow >= highest-p.id {
		return 0, fmt.Errorf("page %d has number %d and %d pages more", p.id, got, overflow)
	}
	if f := p.flags(); f == branchFlag && p.count() == 0 || f == 0 || f&(f-1) != 0 {
		return 0, fmt.Errorf("page %d has flags %#x and %d elements", p.id, f, p.count())
	}
	return overflow, nil
}

func (p page) flags() uint16 { return binary.NativeEndian.Uint16(p.b[8:]) }
func (p page) count() int    { return int(binary.NativeEndian.Uint16(p.b[10:])) }

// element returns the bytes of the page from element i on.
func (p page) element(i int) ([]byte, error) {
	at := headerSize + i*elementSize
	if at+elementSize > len(p.b) {
		return nil, fmt.Errorf("page %d has no room for %d elements", p.id, p.count())
	}
	return p.b[at:], nil
}

func (p page) child(i int) (uint64, error) {
	if p.flags() != branchFlag {
		return 0, fmt.Errorf("page %d is no branch", p.id)
	}
	e, err := p.element(i)
	if err != nil {
		return 0, err
	}
	return binary.NativeEndian.Uint64(e[8:]), nil
}

// key returns the key of element i.
func (p page) key(i int) ([]byte, error) {
	e, err := p.element(i)
	if err != nil {
		return nil, err
	}
	order, at := binary.NativeEndian, 4 // a leaf's flags come first
	if p.flags() == branchFlag {
		at = 0
	}
	return p.cut(i, e, uint64(order.Uint32(e[at:])), uint64(order.Uint32(e[at+4:])))
}

// value returns the value of element i of a leaf.
func (p page) value(i int) ([]byte, error) {
	e, err := p.element(i)
	if err != nil {
		return nil, err
	}
	order := binary.NativeEndian
	return p.cut(i, e, uint64(order.Uint32(e[4:]))+uint64(order.Uint32(e[8:])), uint64(order.Uint32(e[12:])))
}

// bucket returns the root page of the bucket in element i, 0 if it is no bucket.
func (p page) bucket(i int) (uint64, error) {
	e, err := p.element(i)
	if err != nil {
		return 0, err
	}
	order := binary.NativeEndian
	value, err := p.value(i)
	if err != nil || order.Uint32(e)&bucketFlag == 0 {
		return 0, err
	}
	if len(value) < bucketHeaderSize {
		return 0, fmt.Errorf("page %d: element %d is no whole bucket", p.id, i)
	}
	root := order.Uint64(value)
	if root == 0 && len(value) < bucketHeaderSize+headerSize {
		return 0, fmt.Errorf("page %d: element %d has no room for its bucket", p.id, i)
	}
	return root, nil
}

// cut returns a part of element i, which begins at e.
func (p page) cut(i int, e []byte, at, size uint64) ([]byte, error) {
	if at+size > uint64(len(e)) {
		return nil, fmt.Errorf("page %d: element %d is beyond its end", p.id, i)
	}
	return e[at : at+size : at+size], nil
}
