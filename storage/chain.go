package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	berrors "go.etcd.io/bbolt/errors"

	"gatebook/events"
	"gatebook/storage/boltfile"
)

// openSegments is the most sealed segments that are kept open.
const openSegments = 64

// chain is the segments of a log, as readers see them. It is safe for concurrent use.
type chain struct {
	damageHook DamageHook // nil for none

	mu       sync.Mutex // guards the fields below, and those of segments that it names
	segments []*segment // in their order
	closed   bool
	clock    uint64 // counts uses of segments
}

// segment is one file of a log.
type segment struct {
	path  string
	first uint64
	// db is the file while it is written, nil once it is sealed.
	db atomic.Pointer[boltfile.DB]

	// The fields below are guarded by the chain's mu.
	file  *boltfile.File // of a sealed segment, nil while it is not open
	users int            // of file
	// stale is true where a read has met damage in file: it is opened again, because a whole one
	// may have been put in its place.
	stale bool
	used  uint64 // when file was used last
	// own and before are the seals in the segment, once it was opened.
	own, before *seal
}

// listSegments returns the segments in a folder, in their order. The error is a
// [*CorruptError] where the first is missing, or a name is a second one of another segment's file.
func listSegments(folder string) ([]*segment, error) {
	all, err := segmentsIn(folder)
	if err != nil {
		return nil, err
	}
	if strays := secondNames(all); len(strays) > 0 {
		return nil, strays[0]
	}
	return all, nil
}

// segmentsIn returns all files in a folder that have the name of a segment, in their order.
func segmentsIn(folder string) ([]*segment, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s %w", folder, ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	var all []*segment
	for _, e := range entries {
		if first, ok := firstOf(e.Name()); ok {
			all = append(all, &segment{path: filepath.Join(folder, e.Name()), first: first})
		}
	}
	if len(all) == 0 || all[0].first != 1 {
		return nil, &CorruptError{File: folder, Sequence: 1, Err: fmt.Errorf("%s, the first segment, is missing", segmentName(1))}
	}
	return all, nil
}

// add adds the newest segment, which follows one with the given seal.
func (c *chain) add(s *segment, before *seal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.before = before
	c.segments = append(c.segments, s)
}

// present returns an error if the newest segment was removed or replaced while it is open.
func (c *chain) present() error {
	c.mu.Lock()
	newest := c.segments[len(c.segments)-1]
	c.mu.Unlock()
	if db := newest.db.Load(); db != nil {
		return db.Same(0)
	}
	return nil
}

// find returns the segment that has a record, or would have it, and the first sequence of
// the one after it, 0 where there is none. It is nil where the chain is closed.
func (c *chain) find(sequence uint64) (s *segment, next uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, 0
	}
	i := sort.Search(len(c.segments), func(i int) bool { return c.segments[i].first > sequence })
	if i < len(c.segments) {
		next = c.segments[i].first
	}
	return c.segments[max(i, 1)-1], next
}

// read fills buffer with the records after a sequence.
func (c *chain) read(after uint64, buffer []events.Record, coder *events.Coder) (n int, err error) {
	for n < len(buffer) {
		s, next := c.find(after + uint64(n) + 1)
		if s == nil {
			return n, ErrClosed
		}
		want := buffer[n:]
		if next != 0 {
			want = want[:min(uint64(len(want)), next-1-after-uint64(n))]
		}
		got, err := c.readSegment(s, next, after+uint64(n), want, coder)
		n += got
		switch {
		case err != nil:
			return n, err
		case got < len(want) && next != 0:
			return n, &CorruptError{File: s.path, Sequence: after + uint64(n) + 1, Err: errors.New("it is missing")}
		case next == 0:
			return n, nil
		}
	}
	return n, nil
}

// readSegment fills buffer with the records of one segment.
func (c *chain) readSegment(s *segment, next, after uint64, buffer []events.Record, coder *events.Coder) (n int, err error) {
	from := blockReader{path: s.path, coder: coder}
	return c.view(s, next, func(r *boltfile.Reader) (int, error) { return from.records(r, after, buffer) })
}

// view calls f with a reader of a segment; again where the segment was sealed meanwhile. next is
// where the segment after it begins, 0 for none.
func (c *chain) view(s *segment, next uint64, f func(*boltfile.Reader) (int, error)) (n int, err error) {
	if db := s.db.Load(); db != nil {
		n, err = readLive(db, f)
		if db.Err() == nil && !errors.Is(err, berrors.ErrDatabaseNotOpen) {
			return n, err
		} // it was sealed meanwhile, or bbolt has failed, and nobody writes it any more
	}
	file, err := c.acquire(s, next)
	if err != nil {
		return 0, err
	}
	defer func() { c.release(s, isDamage(err)) }()
	r := file.Reader()
	defer r.Release()
	return f(r)
}

// readLive calls f with a reader of a file that is written.
func readLive(db *boltfile.DB, f func(*boltfile.Reader) (int, error)) (n int, err error) {
	tx, err := db.Begin(false)
	if err != nil {
		return 0, err
	}
	r, err := db.Reader(tx)
	if err == nil {
		n, err = f(r)
		r.Release()
	}
	return n, errors.Join(err, db.Rollback(tx))
}

// acquire opens the file of a sealed segment, which is checked the first time, and keeps it
// open until release. next is where the segment after it begins.
func (c *chain) acquire(s *segment, next uint64) (*boltfile.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	c.retire(s)
	if s.file == nil {
		if err := c.open(s, next); err != nil {
			return nil, err
		}
	}
	c.clock++
	s.users, s.used = s.users+1, c.clock
	return s.file, nil
}

// release ends the use of a segment's file, in which the user has met damage or not.
func (c *chain) release(s *segment, damaged bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.users--
	s.stale = s.stale || damaged || c.closed
	c.retire(s)
}

// retire closes a segment's file that is stale and that nobody uses. Its caller holds mu.
func (c *chain) retire(s *segment) {
	if s.stale && s.users == 0 && s.file != nil {
		s.file.Close() // nothing was written
		s.file, s.stale = nil, false
	}
}

// open opens and checks a sealed segment. Of many that are open, the one that was used least
// recently is closed. Its caller holds mu.
func (c *chain) open(s *segment, next uint64) error {
	f, err := openSealed(s)
	if err != nil {
		return forbidden(s, err)
	}
	r := f.Reader()
	m, err := readSegmentMeta(s.path, s.first, r)
	r.Release()
	if err == nil {
		err = c.checkSealed(s, &m, next)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	var idle []*segment
	for _, other := range c.segments {
		if other.file != nil && other.users == 0 {
			idle = append(idle, other)
		}
	}
	if len(idle) >= openSegments {
		oldest := slices.MinFunc(idle, func(a, b *segment) int { return int(a.used) - int(b.used) })
		oldest.file.Close()
		oldest.file = nil
	}
	s.file = f
	return nil
}

// checkSealed returns a [*CorruptError] unless a segment is sealed, ends where the next one
// begins, and has the seals that its neighbours know, as far as these were opened. Its
// caller holds mu.
func (c *chain) checkSealed(s *segment, m *segmentMeta, next uint64) error {
	switch {
	case m.seal == nil && next == 0: // the newest one, whose bbolt has failed
		return nil
	case m.seal == nil:
		return &CorruptError{File: s.path, Err: errors.New("it is not sealed, although another segment follows it")}
	case next != 0 && m.seal.Last+1 != next:
		return notNext(s.path, m.seal.Last, next)
	}
	return c.link(s, m.seal, m.previous)
}

// link notes the seals in a segment and compares them with those of its neighbours. Its
// caller holds mu.
func (c *chain) link(s *segment, own, before *seal) error {
	s.own, s.before = own, before
	i := slices.Index(c.segments, s)
	for _, pair := range [][2]int{{i - 1, i}, {i, i + 1}} {
		if pair[0] < 0 || pair[1] >= len(c.segments) {
			continue
		}
		first, second := c.segments[pair[0]], c.segments[pair[1]]
		if first.own != nil && second.before != nil && *first.own != *second.before {
			s.own, s.before = nil, nil // its neighbours are not measured by it
			return &CorruptError{File: second.path, Err: fmt.Errorf("it follows another segment than %s", filepath.Base(first.path))}
		}
	}
	return nil
}

// close refuses further reads, and closes what is not being read.
func (c *chain) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, s := range c.segments {
		if s.file != nil && s.users == 0 {
			s.file.Close()
			s.file = nil
		}
	}
}
