package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"gatebook/events"
	"gatebook/storage/boltfile"
	"gatebook/storage/tree"
	"gatebook/storage/treehead"
)

// ReadStored calls f with every record of the log in a folder, which no process has open, as it
// is stored. It returns the log's end and the root of the tree over the records. The error is f's, or
// a [*CorruptError], also where that of f wraps [events.ErrDamaged].
func ReadStored(ctx context.Context, folder string, pace Pace, f func(sequence uint64, stored []byte) error) (head Head, root tree.Hash, err error) {
	segments, err := listSegments(folder)
	if err != nil {
		return head, root, err
	}
	r := &storedReader{ctx: ctx, pace: pace, f: f}
	for _, s := range segments {
		size, err := new(verifier).sizeOf(s)
		if err != nil {
			return head, root, err
		}
		r.of += size
	}
	for _, s := range segments {
		if err := r.segment(s); err != nil {
			return head, root, err
		}
	}
	return r.head, r.edge.Root(), nil
}

// storedReader reads the records of a log in their order.
type storedReader struct {
	ctx  context.Context
	pace Pace
	f    func(sequence uint64, stored []byte) error

	head     Head
	edge     tree.Frontier
	leaf     []byte
	done, of int64
}

// segment reads the records of the next segment.
func (r *storedReader) segment(s *segment) error {
	from := blockReader{path: s.path}
	return s.view(func(pages *boltfile.Reader) error {
		m, err := readSegmentMeta(s.path, s.first, pages)
		if err != nil {
			return err
		}
		if s.first != r.head.Sequence+1 {
			return from.corrupt(r.head.Sequence+1, fmt.Errorf("it is missing: the next segment begins at %d", s.first))
		}
		err = from.stored(pages, r.head.Sequence, func(sequence uint64, stored []byte) (bool, error) {
			return sequence < m.end.head.Sequence, r.record(&from, sequence, stored)
		})
		if err == nil && r.head.Sequence != m.end.head.Sequence {
			err = from.corrupt(r.head.Sequence+1, fmt.Errorf("it is missing, the segment ends at %d", m.end.head.Sequence))
		}
		r.head = m.end.head
		return err
	})
}

func (r *storedReader) record(from *blockReader, sequence uint64, stored []byte) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	h, err := leafHash(&r.leaf, sequence, stored)
	if err != nil {
		return from.corrupt(sequence, err)
	}
	if err := r.edge.Append(h, noHash); err != nil {
		return err
	}
	if err := r.f(sequence, stored); errors.Is(err, events.ErrDamaged) {
		return from.corrupt(sequence, err) // which names the file
	} else if err != nil {
		return err
	}
	r.head.Sequence = sequence
	r.done += int64(len(stored))
	if r.pace == nil || sequence%verifiedPage != 0 {
		return nil
	}
	return r.pace(min(r.done, r.of), r.of)
}

// LogWriter writes the records of another log, as they were stored there, into a new log of the same
// identity. It is for one goroutine.
type LogWriter struct {
	log    *Bolt
	coder  events.Coder
	named  bool // a record that names a key was added
	end    Head
	values [][]byte
	bytes  int
}

// NewLogWriter creates a log in a folder, which must not exist. first is the first key that signed heads
// of the log; nil where it is not known.
func NewLogWriter(folder string, id [16]byte, first *treehead.PublicKey) (*LogWriter, error) {
	var keys []treehead.Key
	if first != nil {
		keys = []treehead.Key{{Public: *first}}
	}
	if err := createLog(folder, id, keys); err != nil {
		return nil, err
	}
	log, err := OpenBolt(folder, BoltOptions{})
	if err != nil {
		return nil, err
	}
	return &LogWriter{log: log}, nil
}

// Add adds the next record, and keeps its bytes. The error says what is wrong with it.
func (w *LogWriter) Add(stored []byte) error {
	r, err := w.coder.Decode(w.end.Sequence+1, stored)
	if err != nil {
		return err
	}
	if r.Recorded < w.end.Recorded {
		return errors.New("it was recorded before the record before it")
	}
	if e, ok := r.Event.(*events.KeyRotated); ok && !w.named {
		if err := w.firstKey(e); err != nil {
			return err
		}
		w.named = true
	}
	w.end = Head{Sequence: r.Sequence, Recorded: r.Recorded, Stream: max(w.end.Stream, streamOf(&r))}
	w.values = append(w.values, stored)
	if w.bytes += len(stored); w.bytes < pieceBytes && len(w.values) < inboxRecords {
		return nil
	}
	return w.commit()
}

// firstKey takes the log's first key from the first record that names keys, or compares both where the
// key is known. That record has it as the key before, or, where the log was not signed before it, as
// the new one.
func (w *LogWriter) firstKey(e *events.KeyRotated) error {
	keys := w.log.Keys()
	if known := keys.Verifiers(); len(known) > 0 {
		if known[0] != e.Before && known[0] != e.Key {
			return fmt.Errorf("it replaces the key %s, and the first key of the log is %s", e.Before, known[0])
		}
		return nil
	}
	public, err := treehead.ParseVerifier(keys.Origin, cmp.Or(e.Before, e.Key))
	if err != nil {
		return err
	}
	w.log.BeginSigning(public)
	return nil
}

func (w *LogWriter) commit() error {
	if len(w.values) == 0 {
		return nil
	}
	err := w.log.commit(w.end, w.values)
	w.values, w.bytes = w.values[:0], 0
	return err
}

// Finish makes all records durable, and returns the log's end and the root of the tree over them.
func (w *LogWriter) Finish() (Head, tree.Hash, error) {
	if err := w.commit(); err != nil {
		return Head{}, tree.Hash{}, err
	}
	_, root := w.log.Tree()
	return w.end, root, nil
}

// Keys returns the keys of the log, as far as the records that were written name them.
func (w *LogWriter) Keys() treehead.Keys { return w.log.Keys() }

// RootAt returns the root of the tree over the first records, after Finish.
func (w *LogWriter) RootAt(size uint64) (tree.Hash, error) { return w.log.RootAt(size) }

// Close closes the log.
func (w *LogWriter) Close() error { return w.log.Close() }
