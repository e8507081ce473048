package boltfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// Reader reads the pages of a bbolt file as of one transaction, without bbolt and without a
// map: nothing in the file can make it panic, fault, or read without end. Each page is
// checked when it is read. It is for one goroutine at a time.
//
// Pages, keys and values from it are valid until it is released.
type Reader struct {
	pages pageSource
	meta  meta // its freelist is noFreelist where it does not matter
	pool  *sync.Pool
}

// Reader returns a reader of the file as a transaction sees it. It is valid as long as the
// transaction is open and has changed nothing, and of one that writes it is used inside
// [DB.Guard].
func (d *DB) Reader(tx *bolt.Tx) (*Reader, error) {
	m := meta{
		pageSize: d.pageSize, root: uint64(tx.Cursor().Bucket().Root()), freelist: noFreelist,
		highest: uint64(tx.Size()) / uint64(d.pageSize), transaction: uint64(tx.ID()),
	}
	if !tx.Writable() {
		return newReader(&d.readers, d.file, m), nil // the meta pages may be those of later commits
	}
	if d.committed.transaction+1 != m.transaction {
		return nil, fmt.Errorf("its head is damaged while it is open: neither meta page is that of transaction %d", m.transaction-1)
	}
	m.freelist = d.committed.freelist
	r := newReader(&d.readers, d.file, m)
	r.pages.view = d.view
	return r, nil
}

// newReader returns a reader with the memory of one that was released to the pool.
func newReader(pool *sync.Pool, f io.ReaderAt, m meta) *Reader {
	r, ok := pool.Get().(*Reader)
	if !ok {
		r = &Reader{pool: pool}
	}
	r.meta, r.pages.f, r.pages.size = m, f, uint64(m.pageSize)
	return r
}

// Release gives the reader's memory back. Pages, keys and values from it are not valid any
// more.
func (r *Reader) Release() {
	r.pages.reset()
	r.pool.Put(r)
}

// Size returns the number of bytes in use.
func (r *Reader) Size() int64 { return int64(r.meta.highest) * int64(r.meta.pageSize) }

// ErrNoBucket: the file has no bucket of that name.
var ErrNoBucket = errors.New("there is no such bucket")

// Bucket returns a cursor over the bucket of that name. It is before the first element.
func (r *Reader) Bucket(name string) (*Cursor, error) {
	names := newCursor(r, r.meta.root, nil)
	found, err := names.Seek([]byte(name))
	if err != nil {
		return nil, err
	}
	if !found || string(names.Key()) != name {
		return nil, fmt.Errorf("bucket %q: %w", name, ErrNoBucket)
	}
	leaf := names.stack[len(names.stack)-1]
	value, err := leaf.page.value(leaf.i)
	if err != nil {
		return nil, err
	}
	root, err := leaf.page.bucket(leaf.i)
	if err != nil {
		return nil, err
	}
	if root != 0 {
		return newCursor(r, root, nil), nil
	}
	if len(value) < bucketHeaderSize+headerSize {
		return nil, fmt.Errorf("%q is no bucket", name)
	}
	// The bucket is a page inside the element.
	inline := page{id: leaf.page.id, b: bytes.Clone(value[bucketHeaderSize:])}
	if inline.flags() != leafFlag {
		return nil, fmt.Errorf("page %d: the bucket in element %d is no leaf", leaf.page.id, leaf.i)
	}
	return newCursor(r, 0, &inline), nil
}

// page reads a page and checks it: its header, that its elements are within it and their
// keys in order, at least low and below high, unless these are nil.
func (r *Reader) page(id uint64, low, high []byte) (page, error) {
	if !r.meta.holds(id) {
		return page{}, fmt.Errorf("page %d is used, the file has %d", id, r.meta.highest)
	}
	b, err := r.pages.read(id, 1)
	if err != nil {
		return page{}, fmt.Errorf("page %d: %w", id, err)
	}
	p := page{id: id, b: b}
	more, err := p.checkHeader(r.meta.highest)
	if err != nil {
		return p, err
	}
	if f := p.flags(); f != branchFlag && f != leafFlag {
		return p, fmt.Errorf("page %d has flags %#x, and is neither branch nor leaf", id, f)
	}
	if more > 0 {
		if p.b, err = r.pages.read(id, 1+more); err != nil {
			return p, fmt.Errorf("page %d: %w", id, err)
		}
	}
	return p, p.checkElements(low, high)
}

// checkElements checks that all elements are within the page, that they need as many pages
// as it has, and that their keys are in order.
func (p page) checkElements(low, high []byte) error {
	last, leaf := low, p.flags() == leafFlag
	for i := range p.count() {
		key, err := p.key(i)
		if err != nil {
			return err
		}
		if last != nil {
			if c := bytes.Compare(last, key); c > 0 || c == 0 && i > 0 {
				return p.notInOrder(i)
			}
		}
		if leaf {
			if _, err := p.value(i); err != nil {
				return err
			}
		}
		last = key
	}
	if n := p.count(); high != nil && n > 0 && bytes.Compare(last, high) >= 0 { // the last is the highest
		return p.notInOrder(n - 1)
	}
	return nil
}

func (p page) notInOrder(i int) error {
	return fmt.Errorf("page %d: key %d is not in order", p.id, i)
}

// readAhead is the number of pages that are read at once where pages follow each other.
const readAhead = 32

// slabSize is the number of bytes in which memory for pages is allocated.
const slabSize = 256 << 10

// pageSource reads pages. The pages of an append-only tree mostly follow each other, so that
// reading the one after the last reads many.
type pageSource struct {
	f    io.ReaderAt
	size uint64
	view *view // nil where pages are read by calls of the system

	window []byte // holds the pages from first on
	first  uint64
	next   uint64 // the page after the one that was read last

	slab []byte // memory for pages
	used int    // of slab
}

// reset forgets what was read, and keeps a slab for what is read next.
func (s *pageSource) reset() { *s = pageSource{slab: s.slab, next: math.MaxUint64} }

// alloc returns n bytes.
func (s *pageSource) alloc(n int) []byte {
	if n > len(s.slab)-s.used {
		s.slab, s.used = make([]byte, max(n, slabSize)), 0
	}
	b := s.slab[s.used : s.used+n : s.used+n]
	s.used += n
	return b
}

// read returns n consecutive pages.
func (s *pageSource) read(id, n uint64) ([]byte, error) {
	if b := s.view.slice(id*s.size, n*s.size); b != nil {
		return b, nil
	}
	follows := id == s.next
	s.next = id + n
	if held := uint64(len(s.window)) / s.size; id >= s.first && id+n <= s.first+held {
		at := (id - s.first) * s.size
		return s.window[at : at+n*s.size : at+n*s.size], nil
	}
	want := n
	if follows && n < readAhead {
		want = readAhead
	}
	b := s.alloc(int(want * s.size))
	got, err := s.f.ReadAt(b, int64(id*s.size))
	if uint64(got) < n*s.size {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	if want > n {
		s.window, s.first = b[:uint64(got)/s.size*s.size], id
	}
	return b[: n*s.size : n*s.size], nil
}
