package storage

import (
	"errors"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"gatebook/events"
	"gatebook/storage/boltfile"
	"gatebook/storage/tree"
)

// durableTree is the tree over the durable records, for those who do not write.
type durableTree struct {
	mu   sync.Mutex // guards edge
	edge tree.Frontier
}

func (t *durableTree) set(edge *tree.Frontier) {
	t.mu.Lock()
	t.edge.Set(edge)
	t.mu.Unlock()
}

// Tree returns the number of records that are durable, and the root of the tree over them. It
// was hashed while they were written, and is not read from the disk.
func (l *Bolt) Tree() (size uint64, root tree.Hash) {
	var edge tree.Frontier
	l.trees.mu.Lock()
	edge.Set(&l.trees.edge)
	l.trees.mu.Unlock()
	return uint64(edge.Size()), edge.Root()
}

// Hashes returns a reader of the hashes of the tree over the first records of the log, for one
// request. It reads the hashes that are stored, and makes lower ones again from records. The
// caller has to check proofs that are made of them against a root that was signed.
func (l *Bolt) Hashes(size uint64) tlog.HashReader {
	return tree.NewReader(int64(size), &chainTree{chain: l.chain})
}

// RootAt returns the root of the tree over the first records of the log, from what is on the
// disk. It reads the newest segment alone where the tree ends in it.
func (l *Bolt) RootAt(size uint64) (root tree.Hash, err error) {
	s, next := l.chain.find(size + 1)
	if s == nil {
		return root, ErrClosed
	}
	if next != 0 { // the tree ends in a sealed segment
		return tlog.TreeHash(int64(size), l.Hashes(size))
	}
	from := blockReader{path: s.path, coder: new(events.Coder)}
	_, err = l.chain.view(s, next, func(r *boltfile.Reader) (int, error) {
		edge, err := frontierIn(&from, r, s.first, size, new([]byte))
		root = edge.Root()
		return 0, err
	})
	return root, l.chain.met(err)
}

// chainTree is the [tree.Source] of a log's segments.
type chainTree struct {
	chain *chain
	leaf  []byte
}

// Stored is that of [tree.Source].
func (t *chainTree) Stored(index, lastLeaf int64) (h tree.Hash, err error) {
	s, next := t.chain.find(uint64(lastLeaf) + 1)
	if s == nil {
		return h, ErrClosed
	}
	from := blockReader{path: s.path}
	_, err = t.chain.view(s, next, func(r *boltfile.Reader) (int, error) {
		c, err := r.Bucket(hashesBucket)
		if err != nil {
			return 0, from.corrupt(0, err)
		}
		h, err = hashesIn{from: &from, cursor: c}.read(index)
		return 0, err
	})
	return h, t.chain.met(err)
}

// Leaves is that of [tree.Source].
func (t *chainTree) Leaves(first int64, n int, add func(tree.Hash) error) error {
	return t.chain.met(t.chain.stored(uint64(first), n, func(from *blockReader, sequence uint64, record []byte) error {
		if _, err := from.decode(sequence, record); err != nil {
			return err
		}
		h, err := leafHash(&t.leaf, sequence, record)
		if err != nil {
			return from.corrupt(sequence, err)
		}
		return add(h)
	}))
}

// stored calls f with n records after a sequence as they are stored, in their order.
func (c *chain) stored(after uint64, n int, f func(from *blockReader, sequence uint64, record []byte) error) error {
	coder := new(events.Coder)
	for end := after + uint64(n); after < end; {
		s, next := c.find(after + 1)
		if s == nil {
			return ErrClosed
		}
		last := end
		if next != 0 {
			last = min(end, next-1)
		}
		from := blockReader{path: s.path, coder: coder}
		_, err := c.view(s, next, func(r *boltfile.Reader) (int, error) {
			return 0, from.stored(r, after, func(sequence uint64, record []byte) (bool, error) {
				if err := f(&from, sequence, record); err != nil {
					return false, err
				}
				after = sequence
				return after < last, nil
			})
		})
		if err != nil {
			return err
		}
		if after < last {
			return &CorruptError{File: s.path, Sequence: after + 1, Err: errors.New("it is missing")}
		}
	}
	return nil
}

// Stored returns a durable record as it is stored.
func (l *Bolt) Stored(sequence uint64) (stored events.Stored, err error) {
	err = l.chain.stored(sequence-1, 1, func(from *blockReader, sequence uint64, record []byte) error {
		stored, err = events.Split(sequence, record)
		if errors.Is(err, events.ErrDamaged) {
			err = from.corrupt(sequence, err)
		}
		return err
	})
	return stored, l.chain.met(err)
}
