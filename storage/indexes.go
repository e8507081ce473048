package storage

import (
	"gatebook/storage/index"
	"gatebook/storage/sealed"
)

// indexRows are the rows of the indexes in the archive's tree.
type indexRows struct {
	tree *sealed.Tree
	key  []byte // a buffer
	// changes are those that Put makes.
	changes []sealed.Change
}

// rowKey returns the key of an index's row in the tree. It is used until the next call.
func (r *indexRows) rowKey(key []byte) []byte {
	r.key = append(append(r.key[:0], indexTable), key...)
	return r.key
}

// Get is [index.Reader.Get].
func (r *indexRows) Get(key []byte) ([]byte, error) {
	value, _, err := r.tree.Get(r.rowKey(key))
	return value, err
}

// Seek is [index.Reader.Seek].
func (r *indexRows) Seek(key []byte) (found []byte, err error) {
	err = r.tree.Scan(r.rowKey(key), func(k, _ []byte) (bool, error) {
		if k[0] == indexTable {
			found = k[1:]
		}
		return false, nil
	})
	return found, err
}

// Put is [index.Rows.Put].
func (r *indexRows) Put(key, value []byte) error {
	r.changes = append(r.changes, sealed.Change{Key: append([]byte{indexTable}, key...), Value: value})
	return nil
}

// indexChanges returns an update of the indexes as changes to the tree, in ascending order of
// key.
func indexChanges(tree *sealed.Tree, u *index.Update) ([]sealed.Change, error) {
	rows := indexRows{tree: tree}
	err := index.Apply(&rows, u)
	return sortRows(rows.changes), err
}

// readIndexes calls f with the rows of the indexes.
func (s *Snapshot) readIndexes(f func(*indexRows) error) error {
	return s.read(func() error { return f(&indexRows{tree: s.tree}) })
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
