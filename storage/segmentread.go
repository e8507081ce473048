package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"gatebook/events"
	"gatebook/storage/boltfile"
)

// blockReader reads the records of one segment. It is for one goroutine at a time.
type blockReader struct {
	path  string
	coder *events.Coder
}

// records fills buffer with the records after a sequence, as far as the segment has them.
func (b *blockReader) records(r *boltfile.Reader, after uint64, buffer []events.Record) (n int, err error) {
	err = b.stored(r, after, func(sequence uint64, record []byte) (bool, error) {
		if n == len(buffer) {
			return false, nil
		}
		if buffer[n], err = b.decode(sequence, record); err != nil {
			return false, err
		}
		n++
		return true, nil
	})
	return n, err
}

// stored calls f with the records after a sequence as they are stored, in their order,
// until it returns false or an error. Their bytes are valid during the call.
func (b *blockReader) stored(r *boltfile.Reader, after uint64, f func(sequence uint64, record []byte) (bool, error)) error {
	c, err := r.Bucket(recordsBucket)
	if err != nil {
		return b.corrupt(after+1, err)
	}
	next, begun := after+1, false
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], next)
	found, err := c.Seek(key[:])
	for ; err == nil && found; found, err = c.Next() {
		sequence, err := b.sequence(c.Key())
		if err != nil {
			return err
		}
		if sequence > next || sequence < next && begun {
			return b.corrupt(next, fmt.Errorf("record %d is in its place", sequence))
		}
		for block := c.Value(); len(block) > 0; sequence++ {
			var record []byte
			if record, block, err = cutRecord(block); err != nil {
				return b.corrupt(sequence, err)
			}
			if sequence < next {
				continue
			}
			if more, err := f(sequence, record); err != nil || !more {
				return err
			}
			next, begun = sequence+1, true
		}
	}
	if err != nil {
		return b.corrupt(next, err)
	}
	return nil
}

// last returns the last record of a segment that begins at first, and false where there is
// none.
func (b *blockReader) last(r *boltfile.Reader, first uint64) (last events.Record, found bool, err error) {
	c, err := r.Bucket(recordsBucket)
	if err == nil {
		found, err = c.First()
	}
	if err != nil || !found {
		return last, false, b.corrupt(0, err)
	}
	if key := c.Key(); len(key) != 8 || binary.BigEndian.Uint64(key) != first {
		return last, false, b.corrupt(first, fmt.Errorf("key %x is in its place", key))
	}
	if err = c.CheckEdge(); err == nil {
		if found, err = c.Last(); err == nil && !found {
			err = errors.New("its last page is empty")
		}
	}
	if err != nil {
		return last, false, b.corrupt(0, err)
	}
	sequence, err := b.sequence(c.Key())
	if err != nil {
		return last, false, err
	}
	var record []byte
	for block := c.Value(); ; sequence++ {
		if record, block, err = cutRecord(block); err != nil {
			return last, false, b.corrupt(sequence, err)
		}
		if len(block) == 0 {
			break
		}
	}
	last, err = b.decode(sequence, record)
	return last, true, err
}

// sequence decodes the key of a block.
func (b *blockReader) sequence(key []byte) (uint64, error) {
	if len(key) != 8 {
		return 0, b.corrupt(0, fmt.Errorf("a key of %d bytes among the records", len(key)))
	}
	return binary.BigEndian.Uint64(key), nil
}

func (b *blockReader) decode(sequence uint64, record []byte) (events.Record, error) {
	r, err := b.coder.Decode(sequence, record)
	switch {
	case errors.Is(err, events.ErrDamaged):
		err = b.corrupt(sequence, err)
	case err != nil:
		err = fmt.Errorf("%s: %w", b.path, err)
	}
	return r, err
}

// corrupt returns the [*CorruptError] of an error, nil for none.
func (b *blockReader) corrupt(sequence uint64, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, syscall.EIO) {
		err = fmt.Errorf("the disk cannot read it: %w", err)
	} else if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		return err // other failed reads do not show that the content is damaged
	}
	return &CorruptError{File: b.path, Sequence: sequence, Err: err}
}
