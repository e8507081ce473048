package storage

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"gatebook/events"
	"gatebook/migrations"
	"gatebook/storage/boltfile"
	"gatebook/storage/tree"
	"gatebook/storage/treehead"
)

// sliceWriter writes the newest segment of a copy of a log, from records as they are stored. It
// checks each one.
type sliceWriter struct {
	writer segmentWriter
	coder  events.Coder
	end    Head
	values [][]byte
	// seen is called with each record as it is stored; nil for none.
	seen func(sequence uint64, stored []byte) error
}

// newSlice creates a segment in a folder: the first of a log, or the one after a segment in
// another folder with the given seal. firstKey is the first key of the log, in hexadecimal, "" for
// none: no record names it.
func newSlice(folder string, id [16]byte, log string, before *seal, firstKey string) (*sliceWriter, error) {
	edge, keys, err := edgeAfter(log, before)
	if err == nil && len(keys) == 0 && firstKey != "" {
		keys = make([]treehead.Key, 1)
		var n int
		if n, err = hex.Decode(keys[0].Public[:], []byte(firstKey)[:min(len(firstKey), 2*len(keys[0].Public))]); err == nil && n != len(keys[0].Public) {
			err = fmt.Errorf("%q is no key", firstKey)
		}
	}
	if err != nil {
		return nil, err
	}
	path, err := createSegment(folder, id, before, edge, keys)
	if err != nil {
		return nil, err
	}
	w := &sliceWriter{writer: segmentWriter{commits: (*bolt.Tx).Commit, mapped: int(2 * segmentBytes)}}
	if before != nil {
		w.end = before.head()
	}
	if _, err := w.writer.open(&segment{path: path, first: w.end.Sequence + 1}); err != nil {
		return nil, err
	}
	return w, nil
}

// edgeAfter returns the tree as of the end of the segment with the given seal, and the keys of the
// log; those of an empty log for none.
func edgeAfter(log string, before *seal) (edge *tree.Frontier, keys []treehead.Key, err error) {
	edge = new(tree.Frontier)
	if before == nil {
		return edge, nil, nil
	}
	s := &segment{path: filepath.Join(log, segmentName(before.First)), first: before.First}
	err = s.view(func(r *boltfile.Reader) (err error) {
		m, err := readSegmentMeta(s.path, s.first, r)
		if err != nil {
			return err
		}
		keys = m.keys
		var leaf []byte
		*edge, err = frontierIn(&blockReader{path: s.path, coder: new(events.Coder)}, r, s.first, before.Last, &leaf)
		return err
	})
	return edge, keys, err
}

// add adds the records of a piece: each after its length.
func (w *sliceWriter) add(piece []byte) error {
	w.values = w.values[:0]
	for len(piece) > 0 {
		stored, rest, err := cutRecord(piece)
		if err != nil {
			return w.corrupt(err)
		}
		if err := w.take(stored); err != nil {
			return err
		}
		piece = rest
	}
	return w.commit()
}

// take takes the next record.
func (w *sliceWriter) take(stored []byte) error {
	r, err := w.coder.Decode(w.end.Sequence+1, stored)
	if errors.Is(err, events.ErrDamaged) {
		return w.corrupt(err)
	}
	if err != nil {
		return fmt.Errorf("record %d: %w", w.end.Sequence+1, err)
	}
	if r.Recorded < w.end.Recorded {
		return w.corrupt(errors.New("it was recorded before the record before it"))
	}
	if w.seen != nil {
		if err := w.seen(r.Sequence, stored); err != nil {
			return err
		}
	}
	w.end = Head{Sequence: r.Sequence, Recorded: r.Recorded, Stream: max(w.end.Stream, streamOf(&r))}
	w.values = append(w.values, stored)
	return nil
}

// corrupt returns the [*CorruptError] of the next record.
func (w *sliceWriter) corrupt(err error) error {
	return &CorruptError{File: w.writer.segment.path, Sequence: w.end.Sequence + 1, Err: err}
}

// commit makes the records that were taken durable.
func (w *sliceWriter) commit() error {
	if len(w.values) == 0 {
		return nil
	}
	err := w.writer.commit(w.end, w.values, math.MaxInt64)
	w.values = w.values[:0]
	return err
}

// close closes the segment's file, unless it is closed, and returns its path.
func (w *sliceWriter) close() (path string, err error) {
	err = w.writer.close()
	w.writer.db = nil
	return w.writer.segment.path, err
}

// streamOf returns the highest number of a stream that is taken by a record: its own, and where
// the log was restored also those that were given after the backup.
func streamOf(r *events.Record) uint64 {
	if e, ok := r.Event.(*events.LogRestored); ok {
		return max(r.Session, max(e.NextSession, 1)-1)
	}
	return r.Session
}

// coreSum returns the hash of a record's core, in hexadecimal: what erasing leaves as it is.
func coreSum(sequence uint64, stored []byte) (string, error) {
	core, err := events.Core(nil, sequence, stored)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(core)
	return hex.EncodeToString(sum[:]), nil
}

var (
	errNotSealed = errors.New("it is not sealed")
	// errOldSegment: the segment is whole, and the log has been brought up to date since.
	errOldSegment = errors.New("the segment is of an older format")
)

// checkedSegment reads a sealed segment through, with a verifier that has read those before it,
// and returns its seal. The error is a [*CorruptError] where it is not as it was written; the
// verifier is then as if it had not read it.
func (v *verifier) checkedSegment(path string, id [16]byte) (own *seal, err error) {
	first, ok := firstOf(filepath.Base(path))
	if !ok {
		return nil, &CorruptError{File: path, Err: errors.New("it has not the name of a segment")}
	}
	before, recorded, faults := v.before, v.recorded, len(v.Faults)
	defer func() {
		if err != nil {
			v.before, v.recorded, v.Faults = before, recorded, v.Faults[:faults]
		}
	}()
	if err := v.segment(&segment{path: path, first: first}, nil); err != nil {
		return nil, err
	}
	if len(v.Faults) > faults {
		return nil, v.Faults[faults]
	}
	switch m := v.newest; {
	case m.seal == nil:
		return nil, &CorruptError{File: path, Err: errNotSealed}
	case m.format < migrations.TreeFormat:
		return nil, errOldSegment
	case m.id != id:
		return nil, &CorruptError{File: path, Err: errors.New("it is of another log")}
	case before == nil && m.previous != nil || before != nil && m.previous == nil:
		return nil, &CorruptError{File: path, Err: errors.New("it does not follow the segment before it")}
	default:
		return m.seal, nil
	}
}

// storedRecord calls f with a record of a segment, as it is stored.
func storedRecord(path string, sequence uint64, f func(stored []byte) error) error {
	file, err := boltfile.OpenFile(path)
	if err != nil {
		return err
	}
	r := file.Reader()
	from, found := blockReader{path: path}, false
	err = from.stored(r, sequence-1, func(_ uint64, stored []byte) (bool, error) {
		found = true
		return false, f(stored)
	})
	r.Release()
	if err == nil && !found {
		err = from.corrupt(sequence, errors.New("it is missing"))
	}
	return errors.Join(err, file.Close())
}
