package storage

import (
	"encoding/binary"
	"errors"
	"fmt"

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
	c, err := r.Bucket(recordsBucket)
	if err != nil {
		return 0, b.corrupt(after+1, err)
	}
	next := after + 1
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], next)
	found, err := c.Seek(key[:])
	for ; err == nil && found && n < len(buffer); found, err = c.Next() {
		if n, err = b.block(c, next, buffer, n); err != nil {
			return n, err
		}
		next = after + 1 + uint64(n)
	}
	if err != nil {
		return n, b.corrupt(next, err)
	}
	return n, nil
}

// block adds to the first n records of buffer those of a block from the sequence next on.
func (b *blockReader) block(c *boltfile.Cursor, next uint64, buffer []events.Record, n int) (int, error) {
	sequence, err := b.sequence(c.Key())
	if err != nil {
		return n, err
	}
	if sequence > next || sequence < next && n > 0 {
		return n, b.corrupt(next, fmt.Errorf("record %d is in its place", sequence))
	}
	for block := c.Value(); len(block) > 0 && n < len(buffer); sequence++ {
		var record []byte
		if record, block, err = cutRecord(block); err != nil {
			return n, b.corrupt(sequence, err)
		}
		if sequence < next {
			continue
		}
		if buffer[n], err = b.decode(sequence, record); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
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
	return &CorruptError{File: b.path, Sequence: sequence, Err: err}
}
