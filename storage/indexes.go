package storage

import (
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"gatebook/storage/boltfile"
	"gatebook/storage/index"
)

// indexBucket holds the rows of all indexes.
const indexBucket = "i"

// indexRows are the rows of the indexes in one transaction, with sealed values. The
// zero value has to be opened.
type indexRows struct {
	bucket *bolt.Bucket
	cursor *bolt.Cursor // nil until it is needed
	path   string
}

// open looks up the bucket, once.
func (r *indexRows) open(tx *bolt.Tx, path string) {
	if r.bucket == nil {
		r.bucket, r.path = tx.Bucket([]byte(indexBucket)), path
	}
}

// corrupt turns the error for a malformed node into a [*CorruptError].
func (r *indexRows) corrupt(err error) error {
	if malformed := (*index.MalformedError)(nil); errors.As(err, &malformed) {
		return &CorruptError{File: r.path, Err: err}
	}
	return err
}

// Get is [index.Reader.Get].
func (r *indexRows) Get(key []byte) ([]byte, error) {
	sealed := r.bucket.Get(key)
	if sealed == nil {
		return nil, nil
	}
	value, ok := openRow(key, sealed)
	if !ok {
		return nil, &CorruptError{File: r.path, Err: fmt.Errorf("the checksum of index row %x is wrong", key)}
	}
	return value, nil
}

// Seek is [index.Reader.Seek].
func (r *indexRows) Seek(key []byte) ([]byte, error) {
	if r.cursor == nil {
		r.cursor = r.bucket.Cursor()
	}
	found, _ := r.cursor.Seek(key)
	return found, nil
}

// Put is [index.Rows.Put].
func (r *indexRows) Put(key, value []byte) error { return r.bucket.Put(key, sealRow(key, value)) }

// readIndexes calls f with the rows of the indexes.
func (s *Snapshot) readIndexes(f func(*indexRows) error) error {
	return boltfile.Guard(s.path, func() error {
		s.indexes.open(s.tx, s.path)
		return s.indexes.corrupt(f(&s.indexes))
	})
}

// Search calls found for the entries of the indexes that a search selects, as
// [index.Find] does.
func (s *Snapshot) Search(q index.Search, found func(index.Entry) (bool, error)) error {
	return s.readIndexes(func(rows *indexRows) error { return index.Find(rows, q, found) })
}

// Keys calls found for the keys from low to high that have an index, as [index.Keys]
// does.
func (s *Snapshot) Keys(low, high []byte, found func(key []byte) bool) error {
	return s.readIndexes(func(rows *indexRows) error { return index.Keys(rows, low, high, found) })
}

// Count returns how many entries a search selects, as [index.Count] does.
func (s *Snapshot) Count(q index.Search) (n uint64, err error) {
	err = s.readIndexes(func(rows *indexRows) error {
		n, err = index.Count(rows, q)
		return err
	})
	return n, err
}

// CountBy counts in buckets the entries that a search selects, as [index.CountBy] does.
func (s *Snapshot) CountBy(q index.Search, bucket func(*index.Summary) (int64, bool), add func(bucket int64, n uint64)) error {
	return s.readIndexes(func(rows *indexRows) error { return index.CountBy(rows, q, bucket, add) })
}

// CountEach counts the entries that a search selects under each key of its last group, as
// [index.CountEach] does.
func (s *Snapshot) CountEach(q index.Search, complete bool) (counts []uint64, err error) {
	err = s.readIndexes(func(rows *indexRows) error {
		counts, err = index.CountEach(rows, q, complete)
		return err
	})
	return counts, err
}
