package storage

import (
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"gatebook/storage/boltfile"
	"gatebook/storage/sealed"
)

// Snapshot reads an archive as of one commit. Close it within one page of work: the
// archive's file grows while it is open.
type Snapshot struct {
	archive *Archive
	db      *boltfile.DB
	tx      *bolt.Tx
	root    archiveRoot
	tree    *sealed.Tree
	key     []byte // a buffer
}

// Snapshot returns a snapshot of the last commit. Errors: [ErrRebuilding], with the
// [*CorruptError], and bbolt's.
func (a *Archive) Snapshot() (*Snapshot, error) {
	db, known, err := a.open()
	if err != nil {
		return nil, err
	}
	// While the lock is held no commit makes the root of this transaction an unknown one.
	known.mu.RLock()
	defer known.mu.RUnlock()
	tx, err := db.Begin(false)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", a.path, a.note(db, err))
	}
	s := &Snapshot{archive: a, db: db, tx: tx}
	err = s.read(func() error {
		if s.root, err = a.knownRoot(tx, known); err == nil {
			s.tree = sealed.Open(boltNodes{tx.Bucket([]byte(nodesBucket))}, s.root.tree.Ref)
		}
		return err
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close ends the snapshot, and the validity of the slices it returned.
func (s *Snapshot) Close() error { return s.db.Rollback(s.tx) }

// Position returns the sequence of the log that the archive stands for, and the hash of the
// record there.
func (s *Snapshot) Position() (uint64, RecordSum) { return s.root.position, s.root.record }

// read calls f, and returns damage as a [*CorruptError] and [ErrRebuilding].
func (s *Snapshot) read(f func() error) error {
	err := s.db.Guard(f)
	if err == nil {
		return nil
	}
	return s.archive.note(s.db, s.archive.corrupt(err))
}

// rowKey returns the key of a table's row in the tree. It is used until the next call.
func (s *Snapshot) rowKey(table string, key []byte) []byte {
	s.key = append(append(s.key[:0], s.archive.tables[table]), key...)
	return s.key
}

// Get returns the value under key, nil if there is none. It is valid until the snapshot
// is closed. The error is a [*CorruptError].
func (s *Snapshot) Get(table string, key []byte) (value []byte, err error) {
	err = s.read(func() error {
		value, _, err = s.tree.Get(s.rowKey(table, key))
		return err
	})
	return value, err
}

// Scan calls row for each row whose key is at least from, in ascending order, until it
// returns false or an error. Slices are valid until the snapshot is closed.
func (s *Snapshot) Scan(table string, from []byte, row func(key, value []byte) (bool, error)) error {
	first := append([]byte{s.archive.tables[table]}, from...)
	return s.read(func() error {
		return s.tree.Scan(first, func(key, value []byte) (bool, error) {
			if key[0] != first[0] {
				return false, nil
			}
			return row(key[1:], value)
		})
	})
}

// Damaged returns the error for rows that contradict each other, which is the end of the file.
func (s *Snapshot) Damaged(format string, args ...any) error {
	return s.archive.note(s.db, s.archive.corruptError(format, args...))
}
