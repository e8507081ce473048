package tree

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Source is where a [Reader] finds what is kept of a tree.
type Source interface {
	// Stored returns a hash that a frontier had stored, by its index. The last of the leaves
	// that it covers is given too.
	Stored(index, lastLeaf int64) (Hash, error)
	// Leaves calls add with the hashes of n leaves from first on, in their order.
	Leaves(first int64, n int, add func(Hash) error) error
}

// cachedBlocks is the number of blocks of leaves whose hashes a reader keeps: a proof needs
// those at the edges of at most two trees, and that of a record.
const cachedBlocks = 4

// Reader is a [tlog.HashReader] of a tree of which only the upper hashes are stored. It is made
// for one request, and is for one goroutine.
type Reader struct {
	from Source
	size int64
	// blocks has the hashes of blocks of leaves, by the first leaf, and order the keys in
	// the order in which they were read.
	blocks map[int64][]Hash
	order  []int64
}

// NewReader returns a reader of the tree with that many leaves.
func NewReader(size int64, from Source) *Reader {
	return &Reader{from: from, size: size, blocks: make(map[int64][]Hash)}
}

// ReadHashes is that of [tlog.HashReader].
func (r *Reader) ReadHashes(indexes []int64) ([]Hash, error) {
	hashes := make([]Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		first, end := n<<level, (n+1)<<level
		if end > r.size {
			return nil, fmt.Errorf("hash %d of level %d is not complete in a tree of %d leaves", n, level, r.size)
		}
		var err error
		if level >= StoredLevel {
			hashes[i], err = r.from.Stored(index, end-1)
		} else {
			hashes[i], err = r.low(level, first)
		}
		if err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

// low returns a hash below the stored ones, by its first leaf.
func (r *Reader) low(level int, first int64) (Hash, error) {
	begin := first &^ (BlockLeaves - 1)
	leaves, err := r.block(begin)
	if err != nil {
		return Hash{}, err
	}
	var f Frontier
	for _, leaf := range leaves[first-begin:][:1<<level] {
		if err := f.Append(leaf, nothingStored); err != nil {
			return Hash{}, err
		}
	}
	return f.Root(), nil
}

func nothingStored(int64, Hash) error { return nil }

// block returns the hashes of the leaves of the block that begins with one.
func (r *Reader) block(begin int64) ([]Hash, error) {
	if leaves, ok := r.blocks[begin]; ok {
		return leaves, nil
	}
	n := int(min(BlockLeaves, r.size-begin))
	leaves := make([]Hash, 0, n)
	err := r.from.Leaves(begin, n, func(h Hash) error {
		leaves = append(leaves, h)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(leaves) != n {
		return nil, fmt.Errorf("%d leaves after leaf %d were read, and %d were asked for", len(leaves), begin, n)
	}
	if len(r.order) == cachedBlocks {
		delete(r.blocks, r.order[0])
		r.order = r.order[1:]
	}
	r.blocks[begin], r.order = leaves, append(r.order, begin)
	return leaves, nil
}
