package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"gatebook/events"
	"gatebook/storage/boltfile"
	"gatebook/storage/tree"
)

// hashesBucket is the bucket of a segment that has hashes of the tree over the log's records,
// by their indexes as 8 bytes, big-endian, each followed by a CRC-32C of key and hash. They are
// the frontier of the tree before the segment, and then those that are complete with a record
// of the segment and are stored. So a segment has all that its own records need to be added.
const hashesBucket = "hashes"

func hashKey(index int64) (key [8]byte) {
	binary.BigEndian.PutUint64(key[:], uint64(index))
	return key
}

func putHash(bucket *bolt.Bucket, index int64, h tree.Hash) error {
	key := hashKey(index)
	if err := bucket.Put(key[:], sealRow(key[:], h[:])); err != nil {
		return fmt.Errorf("put hash %d of the tree: %w", index, err)
	}
	return nil
}

// createHashes creates the bucket in a new segment.
func createHashes(tx *bolt.Tx, edge *tree.Frontier) error {
	bucket, err := tx.CreateBucket([]byte(hashesBucket))
	if err != nil {
		return err
	}
	bucket.FillPercent = 1 // its keys only ascend
	return edge.Each(func(index int64, h tree.Hash) error { return putHash(bucket, index, h) })
}

// leafHash returns the hash of a stored record in the tree. It uses the memory of leaf.
func leafHash(leaf *[]byte, sequence uint64, stored []byte) (tree.Hash, error) {
	b, err := events.AppendLeaf(append((*leaf)[:0], tree.LeafPrefix), sequence, stored)
	if err != nil {
		return tree.Hash{}, err
	}
	*leaf = b
	return tree.Leaf(b), nil
}

// hashWriter adds records to the tree, and its hashes to the segment that is written. It is
// for one goroutine at a time.
type hashWriter struct {
	// edge is the tree at the segment's end, and next the one after the commit that is made.
	edge, next tree.Frontier
	last       []byte // the key of the last hash in the segment; nil for none
	nextLast   []byte
	leaf       []byte
}

// open loads the tree as of the end of a segment, from that segment alone.
func (w *hashWriter) open(from *blockReader, r *boltfile.Reader, first, end uint64) error {
	c, err := r.Bucket(hashesBucket)
	if err != nil {
		return from.corrupt(0, err)
	}
	if _, err := c.Last(); err != nil {
		return from.corrupt(0, err)
	}
	w.last = bytes.Clone(c.Key())
	w.edge, err = frontierIn(from, r, first, end, &w.leaf)
	return err
}

// frontierIn returns the tree as of a record of a segment, or of the one before it. It reads
// at most 256 of the segment's records.
func frontierIn(from *blockReader, r *boltfile.Reader, first, end uint64, leaf *[]byte) (edge tree.Frontier, err error) {
	c, err := r.Bucket(hashesBucket)
	if err != nil {
		return edge, from.corrupt(0, err)
	}
	begin := max(first-1, end&^(tree.BlockLeaves-1))
	if edge, err = tree.Load(int64(begin), hashesIn{from: from, cursor: c}); err != nil || begin == end {
		return edge, err
	}
	err = from.stored(r, begin, func(sequence uint64, record []byte) (bool, error) {
		h, err := leafHash(leaf, sequence, record)
		if err != nil {
			return false, from.corrupt(sequence, err)
		}
		if err := edge.Append(h, noHash); err != nil {
			return false, err
		}
		return sequence < end, nil
	})
	if err == nil && uint64(edge.Size()) != end {
		err = from.corrupt(uint64(edge.Size())+1, errors.New("it is missing"))
	}
	return edge, err
}

func noHash(int64, tree.Hash) error { return nil }

// hashesIn reads hashes of the tree from a segment.
type hashesIn struct {
	from   *blockReader
	cursor *boltfile.Cursor
}

// ReadHashes is that of tlog.HashReader.
func (h hashesIn) ReadHashes(indexes []int64) ([]tree.Hash, error) {
	hashes := make([]tree.Hash, len(indexes))
	for i, index := range indexes {
		var err error
		if hashes[i], err = h.read(index); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

func (h hashesIn) read(index int64) (hash tree.Hash, err error) {
	key := hashKey(index)
	found, err := h.cursor.Seek(key[:])
	if err == nil && (!found || !bytes.Equal(h.cursor.Key(), key[:])) {
		err = fmt.Errorf("hash %d of the tree is missing", index)
	}
	if err != nil {
		return hash, h.from.corrupt(0, err)
	}
	return hash, h.from.corrupt(0, openHash(&hash, key[:], h.cursor.Value()))
}

// openHash sets a hash to that of a row.
func openHash(hash *tree.Hash, key, value []byte) error {
	value, ok := openRow(key, value)
	if !ok || len(value) != len(hash) {
		return fmt.Errorf("the checksum of hash %x of the tree is wrong", key)
	}
	copy(hash[:], value)
	return nil
}

// completes reports whether the tree from one number of leaves to another has hashes to store.
func completes(from, to uint64) bool { return from/tree.BlockLeaves != to/tree.BlockLeaves }

// checkEdge returns a [*CorruptError] unless the pages that a commit will replace are as the
// last commit left them.
func (w *hashWriter) checkEdge(from *blockReader, r *boltfile.Reader, end uint64) error {
	if !completes(uint64(w.edge.Size()), end) {
		return nil
	}
	c, err := r.Bucket(hashesBucket)
	if err == nil {
		err = c.CheckEdge()
	}
	if err != nil {
		return from.corrupt(0, err)
	}
	if key := c.Key(); !bytes.Equal(key, w.last) {
		return from.corrupt(0, fmt.Errorf("its last hash of the tree is %x, and was %x when it was written", key, w.last))
	}
	return nil
}

// put adds records, from a sequence on, to the tree, and puts the hashes that are complete with
// them into a transaction.
func (w *hashWriter) put(tx *bolt.Tx, first uint64, values [][]byte) error {
	w.next.Set(&w.edge)
	w.nextLast = append(w.nextLast[:0], w.last...)
	var bucket *bolt.Bucket
	for i, v := range values {
		h, err := leafHash(&w.leaf, first+uint64(i), v)
		if err != nil {
			return err
		}
		err = w.next.Append(h, func(index int64, h tree.Hash) error {
			if bucket == nil {
				bucket = tx.Bucket([]byte(hashesBucket))
				bucket.FillPercent = 1
			}
			key := hashKey(index)
			w.nextLast = append(w.nextLast[:0], key[:]...)
			return putHash(bucket, index, h)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// keep takes over what was put, once it is durable.
func (w *hashWriter) keep() {
	w.edge, w.next = w.next, w.edge
	w.last, w.nextLast = w.nextLast, w.last
}
