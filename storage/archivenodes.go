package storage

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"

	"gatebook/storage/boltfile"
)

// boltNodes are the nodes of the archive's tree in one transaction.
type boltNodes struct{ bucket *bolt.Bucket }

func nodeKey(number uint64) []byte { return binary.BigEndian.AppendUint64(nil, number) }

// Node is [sealed.Reader.Node]. It is a copy: the pages in memory change with the file, and what
// is used has to be what was checked, also where somebody writes into the file.
func (n boltNodes) Node(number uint64) []byte { return bytes.Clone(n.bucket.Get(nodeKey(number))) }

// changedNodes are nodes with changes that are not written yet.
type changedNodes struct {
	boltNodes
	changed map[uint64][]byte // nil for a node that is deleted
}

// Put is [sealed.Nodes.Put].
func (n changedNodes) Put(number uint64, b []byte) error { n.changed[number] = b; return nil }

// Delete is [sealed.Nodes.Delete].
func (n changedNodes) Delete(number uint64) error { n.changed[number] = nil; return nil }

// write writes the changes, after a look at the pages that they replace: what bbolt frees is
// what these say of themselves.
func (n changedNodes) write(db *boltfile.DB, tx *bolt.Tx) error {
	numbers := slices.Sorted(maps.Keys(n.changed))
	keys := make([][]byte, len(numbers))
	deletes := false
	for i, number := range numbers {
		keys[i] = nodeKey(number)
		deletes = deletes || n.changed[number] == nil
	}
	r, err := db.Reader(tx)
	if err == nil {
		err = r.CheckReplaced(nodesBucket, keys, deletes)
		r.Release()
	}
	if err != nil {
		return &replacedError{err}
	}
	n.bucket.FillPercent = 1 // a node has nearly the length of a page, and keeps it
	for i, number := range numbers {
		if b := n.changed[number]; b != nil {
			err = n.bucket.Put(keys[i], b)
		} else {
			err = n.bucket.Delete(keys[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// replacedError is damage of a page that a commit would have replaced.
type replacedError struct{ err error }

func (e *replacedError) Error() string { return e.err.Error() }

func (e *replacedError) Unwrap() error { return e.err }
