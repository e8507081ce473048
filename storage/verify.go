package storage

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"gatebook/events"
	"gatebook/internal/regular"
	"gatebook/storage/boltfile"
	"gatebook/storage/tree"
	"gatebook/storage/treehead"
)

// verifiedPage is the number of records that are verified between two calls of the pace.
const verifiedPage = 1024

// Verified is what a verification has found.
type Verified struct {
	// Segments and Records are how many were read, Bytes how many bytes the segments take.
	Segments int
	Records  uint64
	Bytes    int64
	// ID is the log's identity, Head its end.
	ID   [16]byte
	Head Head
	// Roots are the roots of the trees over as many of the first records as were asked for,
	// made from the records. One that is missing is beyond the log, or behind a fault.
	Roots map[uint64]tree.Hash
	// Keys are the keys that sign the log's heads, as its segments and records name them.
	Keys treehead.Keys
	// Rotations are the records that name keys, as far as nothing before them is damaged.
	Rotations []treehead.Rotation
	// Faults are what is wrong, in the order of the log. A segment whose pages cannot be
	// followed has one for the rest of it.
	Faults []*CorruptError
	// Claims are the heads that the log was compared with besides its own.
	Claims []ClaimedHead
}

// ClaimedHead is a head that a log was compared with. That the log does not contain it is a fault of
// the log.
type ClaimedHead struct {
	Name string
	// Size is the number of records that it covers.
	Size uint64
	// Unvouched are the records after it that name a key for which the one before does not vouch: the key that
	// signed the head says nothing of the keys since.
	Unvouched []uint64
	// Err is why it is no head of the log, nil when it is one.
	Err error
}

// Pace is called while a log is verified, with the bytes that were read and all that there
// are. It may take its time. An error ends the verification.
type Pace func(read, of int64) error

// Verify reads the log in a folder, which nobody has open, from its files: every record, its
// checksum and its place, the hash and the seal of every segment, the chain of seals, the hashes
// of the tree, and the end that the log has acknowledged. It returns the roots of the trees of
// the given sizes. The error is that of reading, not of what is wrong.
func Verify(ctx context.Context, folder string, pace Pace, sizes ...uint64) (*Verified, error) {
	segments, err := segmentsIn(folder)
	v := newVerifier(ctx, pace, sizes...)
	if err != nil {
		return &v.Verified, v.fault(err)
	}
	v.Faults = secondNames(segments)
	if err := v.segments(without(v.Faults, segments)); err != nil {
		return &v.Verified, err
	}
	if v.newest == nil {
		return &v.Verified, nil
	}
	v.ID, v.Head = v.newest.id, v.newest.end.head
	return &v.Verified, v.tail(folder)
}

// Verify is [Verify] of a log that is open, up to the records that are durable when their
// segment is read. It holds up neither appends nor reads.
func (l *Bolt) Verify(ctx context.Context, pace Pace, sizes ...uint64) (*Verified, error) {
	return l.verify(newVerifier(ctx, pace, sizes...))
}

// VerifyChain checks of a log that is open that every segment is there, and follows the one
// before. It reads what the segments say of themselves, and no record.
func (l *Bolt) VerifyChain(ctx context.Context) (*Verified, error) {
	v := newVerifier(ctx, nil)
	v.chainOnly = true
	return l.verify(v)
}

// verify has the log's segments verified, and compared with what it has acknowledged.
func (l *Bolt) verify(v *verifier) (*Verified, error) {
	acknowledged := l.Head()
	v.open = true
	if err := v.segments(l.segments()); err != nil {
		return &v.Verified, err
	}
	return &v.Verified, v.running(l, acknowledged)
}

// segments returns the segments that the log has now.
func (l *Bolt) segments() []*segment {
	l.chain.mu.Lock()
	defer l.chain.mu.Unlock()
	return append([]*segment(nil), l.chain.segments...)
}

// running checks that the files of an open log have what it has acknowledged.
func (v *verifier) running(l *Bolt, acknowledged Head) error {
	if v.newest == nil {
		return nil
	}
	v.ID, v.Head = v.newest.id, v.newest.end.head
	if err := l.Present(); err != nil {
		return v.fault(&CorruptError{File: l.folder, Err: err})
	}
	return v.fault(checkTail(l.folder, acknowledged, v.Head))
}

// verifier reads segments one after the other.
type verifier struct {
	Verified
	// pace returns the error of a context that has ended.
	pace Pace

	read, of int64
	before   *seal        // of the last segment; nil for the first, and where it is unknown
	newest   *segmentMeta // of the last segment; nil where it could not be read
	recorded events.Time  // of the last record
	coder    events.Coder
	hashes   hashVerifier
	// chainOnly is set where no records are read, open where the log is open.
	chainOnly, open bool
}

func newVerifier(ctx context.Context, pace Pace, sizes ...uint64) *verifier {
	v := &verifier{pace: func(read, of int64) error {
		if err := ctx.Err(); err != nil || pace == nil {
			return err
		}
		return pace(read, of)
	}}
	v.Roots = make(map[uint64]tree.Hash)
	v.hashes.roots, v.hashes.wanted = v.Roots, slices.Sorted(slices.Values(sizes))
	v.hashes.rotations = &v.Rotations
	v.hashes.noteRoot()
	return v
}

// fault notes what is wrong. It returns other errors.
func (v *verifier) fault(err error) error {
	if corrupt, ok := errors.AsType[*CorruptError](err); ok {
		v.Faults = append(v.Faults, corrupt)
		return nil
	}
	return err
}

func (v *verifier) segments(all []*segment) error {
	for _, s := range all {
		size, err := v.sizeOf(s)
		if err != nil {
			return err
		}
		v.of += size
	}
	v.Bytes = v.of
	for i, s := range all {
		if v.before != nil && s.first <= v.before.Last { // a stray, of which link has said so
			continue
		}
		done := v.read
		if err := v.segment(s, all[i+1:]); err != nil {
			return err
		}
		size, err := v.sizeOf(s)
		if err != nil {
			return err
		}
		v.read = done + size
		if err := v.step(); err != nil {
			return err
		}
	}
	return nil
}

// sizeOf returns the size of a segment's file, 0 for one that is missing.
func (v *verifier) sizeOf(s *segment) (int64, error) {
	info, err := os.Stat(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if errors.Is(err, syscall.EIO) {
		return 0, nil // reading it says so
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// step lets the pace have its time.
func (v *verifier) step() error { return v.pace(min(v.read, v.of), v.of) }

// segment verifies one segment, after which the rest follow.
func (v *verifier) segment(s *segment, rest []*segment) error {
	v.Segments++
	v.newest = nil
	if _, err := os.Stat(s.path); errors.Is(err, os.ErrNotExist) {
		v.before = nil
		return v.fault(missingSegment(s))
	}
	view, done, err := s.viewer()
	if err != nil {
		v.before = nil
		if v.open {
			err = forbidden(s, err)
		}
		return v.fault(err)
	}
	defer done()
	m, err := view.meta(s)
	if err != nil {
		v.before = nil
		return v.fault(err)
	}
	v.newest = &m
	if err := v.link(s, &m, rest); err != nil {
		return err
	}
	v.before = m.seal
	v.Keys = treehead.Keys{Origin: treehead.Origin(m.id), All: m.keys}
	if v.chainOnly {
		return nil
	}
	sum := newSummer()
	if err := v.fault(v.hashes.begin(s, &m, view)); err != nil {
		return err
	}
	whole, err := v.records(s, &m, view, sum)
	if err != nil || !whole {
		return err
	}
	return errors.Join(v.ends(s, &m, view), v.compare(s, &m, sum), v.fault(v.hashes.compare(s, &m, view)))
}

// ends checks that the first and the last record of a segment are those that it says. The
// newest one may have more by now.
func (v *verifier) ends(s *segment, m *segmentMeta, view viewFunc) error {
	from := blockReader{path: s.path, coder: &v.coder}
	return v.fault(view(func(r *boltfile.Reader) error {
		last, found, err := from.last(r, s.first)
		if end := m.end.head.Sequence; err == nil && found && (last.Sequence < end || s.db.Load() == nil && last.Sequence > end) {
			err = from.corrupt(min(last.Sequence, end)+1, fmt.Errorf("its records end at %d, and it says at %d", last.Sequence, end))
		}
		return err
	}))
}

// tail checks that the log does not end before it has acknowledged.
func (v *verifier) tail(folder string) error {
	path := filepath.Join(folder, tailName)
	f, err := regular.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return v.fault(Unreadable(path, err))
	}
	acknowledged, err := readTail(f, v.newest.id)
	if err == nil {
		err = checkTail(folder, acknowledged, v.Head)
	}
	return errors.Join(v.fault(Unreadable(path, err)), f.Close())
}

// link checks that a segment follows the one before and is followed by the first of the rest. Files of the rest
// that begin within it are strays.
func (v *verifier) link(s *segment, m *segmentMeta, rest []*segment) error {
	corrupt := func(format string, args ...any) error {
		return v.fault(&CorruptError{File: s.path, Err: fmt.Errorf(format, args...)})
	}
	for ; m.seal != nil && len(rest) > 0 && rest[0].first <= m.seal.Last; rest = rest[1:] {
		v.Faults = append(v.Faults, notNext(s.path, m.seal.Last, rest[0].first))
	}
	switch {
	case v.before != nil && v.before.Last+1 == s.first && m.previous != nil && *v.before != *m.previous: // one between is a fault already
		return corrupt("it follows another segment than the one before it")
	case len(rest) > 0 && m.seal == nil:
		return corrupt("it is not sealed, although another segment follows it")
	case len(rest) > 0 && m.seal.Last+1 != rest[0].first && rest[0].named(): // otherwise that one has a fault of its own
		return v.fault(notNext(s.path, m.seal.Last, rest[0].first))
	}
	return nil
}

// records reads all records of a segment, up to the end that it says it has. It returns false
// where they could not be read to the end.
func (v *verifier) records(s *segment, m *segmentMeta, view viewFunc, sum *summer) (whole bool, err error) {
	from := blockReader{path: s.path, coder: &v.coder}
	after, end := s.first-1, m.end.head.Sequence
	for after < end {
		began, bytes := after, int64(0)
		err := view(func(r *boltfile.Reader) error {
			return from.stored(r, after, func(sequence uint64, record []byte) (bool, error) {
				bytes += int64(len(record))
				sum.add(record)
				after = sequence
				if err := v.record(&from, sequence, record); err != nil {
					return false, err
				}
				return after-began < verifiedPage && after < end, nil
			})
		})
		if err == nil && after == began {
			err = from.corrupt(after+1, fmt.Errorf("it is missing, the segment ends at %d", end))
		}
		if err != nil {
			return false, v.fault(err)
		}
		v.read += bytes
		if err := v.step(); err != nil {
			return false, err
		}
	}
	return true, nil
}

// record checks one record.
func (v *verifier) record(from *blockReader, sequence uint64, stored []byte) error {
	v.Records++
	r, err := from.decode(sequence, stored)
	if err != nil {
		return v.fault(err)
	}
	if r.Recorded < v.recorded {
		return v.fault(from.corrupt(sequence, errors.New("it was recorded before the record before it")))
	}
	v.recorded = r.Recorded
	return v.hashes.add(sequence, stored)
}

// compare checks the hash of a segment's records.
func (v *verifier) compare(s *segment, m *segmentMeta, sum *summer) error {
	var want [sha256.Size]byte
	if m.seal != nil {
		want = m.seal.Sum
	} else {
		stored := newSummer()
		if err := stored.restore(m.end.state); err != nil {
			return v.fault(&CorruptError{File: s.path, Err: fmt.Errorf("the state of its hash: %w", err)})
		}
		want = stored.sum()
	}
	if sum.sum() != want {
		return v.fault(&CorruptError{File: s.path, Err: errors.New("its records have another hash than its seal: some are not those that were written")})
	}
	return nil
}

// viewFunc calls f with a reader of a segment.
type viewFunc func(f func(*boltfile.Reader) error) error

// meta reads what a segment says of itself.
func (view viewFunc) meta(s *segment) (m segmentMeta, err error) {
	err = view(func(r *boltfile.Reader) (err error) {
		m, err = readSegmentMeta(s.path, s.first, r)
		return err
	})
	return m, err
}

// viewer returns how to read a segment piece by piece. A sealed one is read from the disk,
// past what the system remembers of it, and is forgotten again. done is called when it was
// read.
func (s *segment) viewer() (view viewFunc, done func(), err error) {
	if db := s.db.Load(); db != nil {
		return func(f func(*boltfile.Reader) error) error {
			_, err := readLive(db, func(r *boltfile.Reader) (int, error) { return 0, f(r) })
			return err
		}, func() {}, nil
	}
	file, err := openSealed(s)
	if err != nil {
		return nil, nil, err
	}
	file.Forget()
	view = func(f func(*boltfile.Reader) error) error {
		r := file.Reader()
		defer r.Release()
		return f(r)
	}
	return view, func() {
		file.Forget()
		file.Close() // nothing was written
	}, nil
}
