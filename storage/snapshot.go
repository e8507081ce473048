package storage

import (
	"encoding/binary"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"gatebook/storage/boltfile"
)

// Snapshot reads an archive as of one commit. Close it within one page of work: the
// archive's file grows while it is open.
type Snapshot struct {
	tx   *bolt.Tx
	path string

	// rows is the bucket of table, the table that was read last. Most consecutive reads are
	// of one table.
	table string
	rows  *bolt.Bucket

	indexes indexRows // not open until it is needed
}

// Snapshot returns a snapshot of the last commit.
func (a *Archive) Snapshot() (*Snapshot, error) {
	tx, err := a.db.Begin(false)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", a.path, err)
	}
	return &Snapshot{tx: tx, path: a.path}, nil
}

// Close ends the snapshot, and the validity of the slices it returned.
func (s *Snapshot) Close() error { return s.tx.Rollback() }

// Position returns the sequence of the log that the archive stands for.
func (s *Snapshot) Position() uint64 {
	return binary.BigEndian.Uint64(s.tx.Bucket([]byte(metaBucket)).Get([]byte(positionKey)))
}

// open returns the bucket of a table.
func (s *Snapshot) open(table string) *bolt.Bucket {
	if s.rows == nil || s.table != table {
		s.table, s.rows = table, s.tx.Bucket([]byte(tablePrefix+table))
	}
	return s.rows
}

// Get returns the value under key, nil if there is none. It is valid until the snapshot
// is closed. The error is a [*CorruptError].
func (s *Snapshot) Get(table string, key []byte) (value []byte, err error) {
	err = boltfile.Guard(s.path, func() error {
		v := s.open(table).Get(key)
		if v == nil {
			return nil
		}
		value, err = s.unseal(table, key, v)
		return err
	})
	return value, err
}

// Scan calls row for each row whose key is at least from, in ascending order, until it
// returns false or an error. Slices are valid until the snapshot is closed.
func (s *Snapshot) Scan(table string, from []byte, row func(key, value []byte) (bool, error)) error {
	return boltfile.Guard(s.path, func() error {
		c := s.open(table).Cursor()
		for k, v := c.Seek(from); k != nil; k, v = c.Next() {
			value, err := s.unseal(table, k, v)
			if err != nil {
				return err
			}
			if more, err := row(k, value); err != nil || !more {
				return err
			}
		}
		return nil
	})
}

// Damaged returns a [*CorruptError] for rows that contradict each other.
func (s *Snapshot) Damaged(format string, args ...any) error {
	return &CorruptError{File: s.path, Err: fmt.Errorf(format, args...)}
}

// unseal checks and removes the checksum of a row's value.
func (s *Snapshot) unseal(table string, key, value []byte) ([]byte, error) {
	v, ok := openRow(key, value)
	if !ok {
		return nil, s.Damaged("the checksum of row %x of table %q is wrong", key, table)
	}
	return v, nil
}
