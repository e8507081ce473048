package tree

import (
	"crypto/sha256"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// StoredLevel is the lowest level of the tree whose hashes are stored.
	StoredLevel = 8
	// BlockLeaves is the number of leaves that a hash of that level covers.
	BlockLeaves = 1 << StoredLevel
)

// Hash is a hash of the tree.
type Hash = tlog.Hash

// LeafPrefix is the byte that precedes the data of a leaf where it is hashed.
const LeafPrefix = 0

// Leaf returns the hash of a leaf, of its data behind a [LeafPrefix]. It is [tlog.RecordHash]
// without that function's allocation.
func Leaf(prefixed []byte) Hash { return sha256.Sum256(prefixed) }

// Frontier is the right edge of a tree: the roots of its complete subtrees, the largest first.
// It is all that is needed to add leaves. The zero value is the empty tree.
type Frontier struct {
	size  int64
	roots []Hash
}

// Load returns the frontier of the tree with that many leaves.
func Load(size int64, from tlog.HashReader) (f Frontier, err error) {
	indexes := frontierIndexes(size)
	if len(indexes) == 0 {
		return f, nil
	}
	roots, err := from.ReadHashes(indexes)
	return Frontier{size: size, roots: roots}, err
}

// frontierIndexes returns the indexes of a frontier's hashes, as [tlog.StoredHashIndex] counts
// them. They ascend.
func frontierIndexes(size int64) (indexes []int64) {
	for done := int64(0); done < size; {
		level := bits.Len64(uint64(size-done)) - 1
		indexes = append(indexes, tlog.StoredHashIndex(level, done>>level))
		done += 1 << level
	}
	return indexes
}

// Size returns the number of leaves.
func (f *Frontier) Size() int64 { return f.size }

// Each calls do with each hash of the frontier and its index, in ascending order.
func (f *Frontier) Each(do func(index int64, h Hash) error) error {
	for i, index := range frontierIndexes(f.size) {
		if err := do(index, f.roots[i]); err != nil {
			return err
		}
	}
	return nil
}

// Set makes f a copy of another frontier, in the memory that f has.
func (f *Frontier) Set(other *Frontier) {
	f.size, f.roots = other.size, append(f.roots[:0], other.roots...)
}

// Append adds a leaf. It calls store with each hash that is complete with it and has to be
// stored, and its index; the indexes ascend from one call to the next.
func (f *Frontier) Append(leaf Hash, store func(index int64, h Hash) error) error {
	h, level := leaf, 0
	for n := f.size; n&1 == 1; n >>= 1 {
		last := len(f.roots) - 1
		h = tlog.NodeHash(f.roots[last], h)
		f.roots = f.roots[:last]
		if level++; level >= StoredLevel {
			if err := store(tlog.StoredHashIndex(level, f.size>>level), h); err != nil {
				return err
			}
		}
	}
	f.roots = append(f.roots, h)
	f.size++
	return nil
}

// Root returns the hash of the whole tree.
func (f *Frontier) Root() Hash {
	last := len(f.roots) - 1
	if last < 0 {
		h, _ := tlog.TreeHash(0, nil) // it reads nothing
		return h
	}
	h := f.roots[last]
	for i := last - 1; i >= 0; i-- {
		h = tlog.NodeHash(f.roots[i], h)
	}
	return h
}
