package storage

import (
	"encoding/binary"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"gatebook/events"
	"gatebook/storage/boltfile"
)

// readHead reads the end of the log.
func (l *Bolt) readHead() (head Head, err error) {
	err = l.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket([]byte(recordsBucket)).Cursor()
		k, _ := c.First()
		if k == nil {
			return nil
		}
		if string(k) != "\x00\x00\x00\x00\x00\x00\x00\x01" {
			return &CorruptError{File: l.path, Sequence: 1, Err: fmt.Errorf("key %x is in its place", k)}
		}
		k, v := c.Last()
		sequence, err := l.sequence(k)
		if err != nil {
			return err
		}
		record, v, err := l.cut(sequence, v)
		for err == nil && len(v) > 0 {
			sequence++
			record, v, err = l.cut(sequence, v)
		}
		if err != nil {
			return err
		}
		r, err := l.decode(sequence, record, new(events.Coder))
		head = Head{Sequence: r.Sequence, Recorded: r.Recorded}
		return err
	})
	return head, err
}

// Read is [Log.Read].
func (l *Bolt) Read(after uint64, buffer []events.Record) (int, error) {
	buffer, err := l.clip(after, buffer)
	if err != nil || len(buffer) == 0 {
		return 0, err
	}
	n, err := l.read(after, buffer, new(events.Coder))
	if errors.Is(err, berrors.ErrDatabaseNotOpen) { // closed meanwhile
		err = ErrClosed
	}
	return n, err
}

func (l *Bolt) read(after uint64, buffer []events.Record, coder *events.Coder) (n int, err error) {
	err = boltfile.Guard(l.path, func() error {
		return l.db.View(func(tx *bolt.Tx) error {
			n, err = l.readPage(tx, after, buffer, coder)
			return err
		})
	})
	return n, err
}

// readPage reads from the block that contains the first record, and skips the records
// before it in that block.
func (l *Bolt) readPage(tx *bolt.Tx, after uint64, buffer []events.Record, coder *events.Coder) (n int, err error) {
	c := tx.Bucket([]byte(recordsBucket)).Cursor()
	next := after + 1
	for k, v := seekBlock(c, next); k != nil && n < len(buffer); k, v = c.Next() {
		sequence, err := l.sequence(k)
		if err != nil {
			return n, err
		}
		if sequence > next || sequence < next && n > 0 {
			return n, &CorruptError{File: l.path, Sequence: next, Err: fmt.Errorf("record %d is in its place", sequence)}
		}
		for more := true; more && n < len(buffer); sequence++ {
			var record []byte
			if record, v, err = l.cut(sequence, v); err != nil {
				return n, err
			}
			more = len(v) > 0
			if sequence < next {
				continue
			}
			if buffer[n], err = l.decode(sequence, record, coder); err != nil {
				return n, err
			}
			n++
			next++
		}
	}
	return n, nil
}

// seekBlock moves to the block that contains a record: the last block whose key is at most
// its sequence.
func seekBlock(c *bolt.Cursor, sequence uint64) (k, v []byte) {
	var seek [8]byte
	binary.BigEndian.PutUint64(seek[:], sequence)
	k, v = c.Seek(seek[:])
	switch {
	case k == nil:
		return c.Last()
	case string(k) == string(seek[:]):
		return k, v
	}
	if k, v = c.Prev(); k == nil {
		return c.First()
	}
	return k, v
}

// sequence decodes the key of a block.
func (l *Bolt) sequence(k []byte) (uint64, error) {
	if len(k) != 8 {
		return 0, &CorruptError{File: l.path, Err: fmt.Errorf("a key of %d bytes among the records", len(k))}
	}
	return binary.BigEndian.Uint64(k), nil
}

// cut splits the first record, which has that sequence, off the rest of a block.
func (l *Bolt) cut(sequence uint64, block []byte) (record, rest []byte, err error) {
	if record, rest, err = cutRecord(block); err != nil {
		err = &CorruptError{File: l.path, Sequence: sequence, Err: err}
	}
	return record, rest, err
}

func (l *Bolt) decode(sequence uint64, record []byte, coder *events.Coder) (events.Record, error) {
	r, err := coder.Decode(sequence, record)
	switch {
	case errors.Is(err, events.ErrDamaged):
		err = &CorruptError{File: l.path, Sequence: sequence, Err: err}
	case err != nil:
		err = fmt.Errorf("%s: %w", l.path, err)
	}
	return r, err
}
