package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	bolt "go.etcd.io/bbolt"

	"gatebook/events"
	"gatebook/migrations"
	"gatebook/storage/boltfile"
	"gatebook/storage/treehead"
)

// segmentWriter writes the newest segment. It is for one goroutine at a time.
type segmentWriter struct {
	commits func(*bolt.Tx) error
	mapped  int // the address space of a segment

	segment *segment
	db      *boltfile.DB
	format  uint32 // of the segment's file
	// previous is the seal of the segment before, sealed that of this one once it is
	// complete.
	previous, sealed *seal
	head             Head
	last             [8]byte // the key of the last block
	empty            bool    // there is no block
	sum              *summer
	state            []byte // of sum at head
	hashes           hashWriter
	keys             keyWriter

	// The fields below are memory for the next commit.
	blocks, end, spare []byte
	key                [8]byte
}

// open opens the newest segment, and checks that it ends where it says.
func (w *segmentWriter) open(s *segment) (m segmentMeta, err error) {
	db, err := boltfile.Open(s.path, w.mapped)
	if err != nil {
		return m, err
	}
	next := segmentWriter{commits: w.commits, mapped: w.mapped, segment: s, db: db, blocks: w.blocks, sum: newSummer()}
	_, err = readLive(db, func(r *boltfile.Reader) (int, error) {
		if m, err = readSegmentMeta(s.path, s.first, r); err != nil {
			return 0, err
		}
		return 0, next.read(&m, r)
	})
	if err == nil {
		// A program that was killed within a commit leaves records that may be in the system's
		// memory alone. Nobody is to rely on them, a signed head least of all, before they are
		// on the disk.
		err = db.Sync()
	}
	if err != nil {
		return m, errors.Join(err, db.Close())
	}
	*w = next
	s.db.Store(db)
	return m, nil
}

// read takes over what a segment says of its end, if its last record agrees.
func (w *segmentWriter) read(m *segmentMeta, r *boltfile.Reader) error {
	if m.format < migrations.TreeFormat {
		return &migrations.OlderError{File: w.segment.path, Format: m.format, Writes: migrations.LogFormat}
	}
	w.format, w.previous, w.sealed, w.head, w.state = m.format, m.previous, m.seal, m.end.head, m.end.state
	from := blockReader{path: w.segment.path, coder: new(events.Coder)}
	last, found, err := from.last(r, w.segment.first)
	if err != nil {
		return err
	}
	w.empty = !found
	end := Head{Sequence: w.segment.first - 1, Recorded: w.head.Recorded, Stream: w.head.Stream}
	if found {
		end.Sequence, end.Recorded = last.Sequence, last.Recorded
	}
	if end != w.head {
		return from.corrupt(min(end.Sequence, w.head.Sequence)+1, fmt.Errorf("its records end at %d, and it says at %d", end.Sequence, w.head.Sequence))
	}
	if found {
		c, err := r.Bucket(recordsBucket)
		if err == nil {
			_, err = c.Last()
		}
		if err != nil {
			return from.corrupt(0, err)
		}
		copy(w.last[:], c.Key())
	}
	w.keys = keyWriter{origin: treehead.Origin(m.id), keys: m.keys, stored: len(m.keys)}
	if err := w.hashes.open(&from, r, w.segment.first, w.head.Sequence); err != nil {
		return err
	}
	if w.sealed != nil {
		return nil // it is hashed
	}
	if err := w.sum.restore(w.state); err != nil {
		return from.corrupt(0, fmt.Errorf("the state of its hash: %w", err))
	}
	return nil
}

// commit makes values durable. A segment that has reached the limit is sealed with them.
func (w *segmentWriter) commit(end Head, values [][]byte, limit int64) error {
	var size int64
	for tries := 0; ; tries++ {
		var err error
		if size, err = w.write(end, values, limit); err == nil {
			break
		}
		if failed := w.sum.restore(w.state); failed != nil {
			return errors.Join(err, failed)
		}
		if !errors.Is(err, errInterrupted) || tries == syncTries {
			return err
		}
	}
	if err := w.db.Same(size); err != nil {
		return fmt.Errorf("%w; the records since were not acknowledged", err)
	}
	return nil
}

// write writes values in one transaction, and returns the bytes of the file in use.
func (w *segmentWriter) write(end Head, values [][]byte, limit int64) (size int64, err error) {
	tx, err := w.db.Begin(true)
	if err != nil {
		return 0, fmt.Errorf("begin: %w", err)
	}
	var sealed *seal
	var state []byte
	err = w.db.Guard(func() (err error) {
		if err = w.checkEdge(tx, end); err != nil {
			return err
		}
		size = tx.Size()
		if sealed, state, err = w.put(tx, end, values, size >= limit); err != nil {
			return err
		}
		return w.commits(tx)
	})
	if err != nil {
		err = errors.Join(err, w.db.Rollback(tx))
		if settled, failed := w.settle(end, err); failed != nil || !settled {
			return 0, fmt.Errorf("commit: %w", errors.Join(err, failed))
		}
	}
	w.format, w.head, w.sealed, w.empty = migrations.LogFormat, end, sealed, false
	w.state, w.spare = state, w.state
	copy(w.last[:], w.key[:])
	w.hashes.keep()
	w.keys.keep()
	return size, nil
}

// put puts the values and the new end into a transaction, and the seal where the segment is
// complete with them.
func (w *segmentWriter) put(tx *bolt.Tx, end Head, values [][]byte, complete bool) (sealed *seal, state []byte, err error) {
	bucket, first := tx.Bucket([]byte(recordsBucket)), end.Sequence-uint64(len(values))+1
	// Keys only ascend, so that full pages are never split. They halve the file.
	bucket.FillPercent = 1
	if cap(w.blocks) > maxBlocks {
		w.blocks = nil
	}
	w.blocks, err = blocks(w.blocks, values, func(i int, block []byte) error {
		binary.BigEndian.PutUint64(w.key[:], first+uint64(i))
		if err := bucket.Put(w.key[:], block); err != nil {
			return fmt.Errorf("put record %d: %w", first+uint64(i), err)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for _, v := range values {
		w.sum.add(v)
	}
	if state, err = w.sum.state(w.spare[:0]); err != nil {
		return nil, nil, err
	}
	if err := w.hashes.put(tx, first, values); err != nil {
		return nil, nil, err
	}
	meta, last := tx.Bucket([]byte(metaBucket)), segmentEnd{head: end, state: state}
	if err := w.keys.put(meta, first, values); err != nil {
		return nil, nil, err
	}
	if complete {
		last.state = nil // it has bytes of the last record, which may be erased one day
	}
	// A segment that an older program began takes records of this one's format from now on.
	if w.format != migrations.LogFormat {
		if err := meta.Put([]byte(formatKey), logFormat()); err != nil {
			return nil, nil, err
		}
	}
	w.end = last.append(w.end[:0])
	if err := meta.Put([]byte(endKey), w.end); err != nil || !complete {
		return nil, state, err
	}
	sealed = &seal{First: w.segment.first, Last: end.Sequence, Recorded: end.Recorded, Stream: end.Stream, Sum: w.sum.sum()}
	if w.previous != nil {
		sealed.Previous = w.previous.id()
	}
	return sealed, state, meta.Put([]byte(sealKey), sealed.encode())
}

// checkEdge returns a [*CorruptError] unless the pages that the commit will replace are as
// the last commit left them: damage there would be written on.
func (w *segmentWriter) checkEdge(tx *bolt.Tx, end Head) error {
	r, err := w.db.Reader(tx)
	if err != nil {
		return &CorruptError{File: w.segment.path, Err: err}
	}
	defer r.Release()
	from := blockReader{path: w.segment.path}
	if err := r.CheckFreelist(); err != nil {
		return from.corrupt(0, err)
	}
	c, err := r.Bucket(recordsBucket)
	if err == nil {
		err = c.CheckEdge()
	}
	if err != nil {
		return from.corrupt(0, err)
	}
	if key := c.Key(); (key == nil) != w.empty || key != nil && !bytes.Equal(key, w.last[:]) {
		return from.corrupt(w.head.Sequence, fmt.Errorf("its last block is %x, and was %x when it was written", key, w.last))
	}
	return w.hashes.checkEdge(&from, r, end.Sequence)
}

// settle finds out what a commit that failed has done. It returns true if the records are
// durable after all. It returns [ErrDiskFull] where nothing has changed because there was no
// space: bbolt writes and syncs all other pages before the meta page that makes them valid.
func (w *segmentWriter) settle(end Head, cause error) (durable bool, err error) {
	interrupted := errors.Is(cause, syscall.EINTR)
	// A write names its file. A sync that found no space does not: what it has written is
	// unknown.
	if named := (*fs.PathError)(nil); !interrupted && (diskFull(cause) == cause || !errors.As(cause, &named) && !isGrowth(cause)) {
		return false, nil
	}
	for tries := 0; interrupted && tries < syncTries; tries++ {
		// A signal has ended the wait, and no write has failed: a sync that succeeds settles it.
		if err := w.db.Sync(); !errors.Is(err, syscall.EINTR) {
			if err != nil {
				return false, err
			}
			interrupted = false
		}
	}
	if interrupted {
		return false, nil
	}
	var m segmentMeta
	_, err = readLive(w.db, func(r *boltfile.Reader) (_ int, err error) {
		m, err = readSegmentMeta(w.segment.path, w.segment.first, r)
		return 0, err
	})
	switch {
	case err != nil:
		return false, err
	case errors.Is(cause, syscall.EINTR):
		if m.end.head == w.head {
			return false, errInterrupted
		}
		return m.end.head == end, nil
	case m.end.head == w.head:
		return false, ErrDiskFull
	}
	return false, nil
}

// errInterrupted: a signal has ended a commit that changed nothing.
var errInterrupted = errors.New("interrupted before anything was changed")

// syncTries is how often a sync that signals interrupt is tried again.
const syncTries = 100

// diskFull wraps [ErrDiskFull] around an error that says that there was no space, and
// returns other errors as they are. bbolt passes the error of growing its file on as a text.
func diskFull(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || isGrowth(err) &&
		(strings.Contains(err.Error(), syscall.ENOSPC.Error()) || strings.Contains(err.Error(), syscall.EDQUOT.Error())) {
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	}
	return err
}

// isGrowth reports whether an error is bbolt's of growing a file, before it writes anything.
func isGrowth(err error) bool {
	return err != nil && strings.Contains(err.Error(), "file resize error")
}

// close closes the segment that is written.
func (w *segmentWriter) close() error {
	if w.db == nil {
		return nil
	}
	return w.db.Close()
}

// retire closes the file of a segment that is sealed. It is read as a sealed one from then
// on.
func (s *segment) retire() error {
	db := s.db.Swap(nil)
	return db.Close()
}
