package heads

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"gatebook/events"
	"gatebook/storage"
	"gatebook/storage/treehead"
)

// InvalidError reports a proof that cannot be asked for.
type InvalidError struct{ Why string }

func (e *InvalidError) Error() string { return e.Why }

// NotSignedError reports a proof for a tree that is larger than the newest head.
type NotSignedError struct {
	Asked, Newest uint64
}

func (e *NotSignedError) Error() string {
	return fmt.Sprintf("no head of %d records has been signed: the newest is of %d", e.Asked, e.Newest)
}

// prover proves from one head. It is made for one request.
type prover struct {
	log    *storage.Bolt
	path   string // of the log
	head   treehead.Head
	hashes tlog.HashReader
}

func (h *Heads) prover() *prover {
	head := h.Status().Head
	return &prover{log: h.o.Log, path: h.o.Folder.Log(), head: head, hashes: h.o.Log.Hashes(head.Size)}
}

// ProveRecord returns the proof that the tree over so many of the first records contains a record,
// and the hash of its leaf. Size 0 stands for the newest head's. The proof was checked against the
// newest head. Errors: [*InvalidError], [*NotSignedError], [*storage.CorruptError].
func (h *Heads) ProveRecord(sequence, size uint64) (proof tlog.RecordProof, leaf tlog.Hash, of uint64, err error) {
	p := h.prover()
	if size == 0 {
		size = p.head.Size
	}
	switch {
	case size > p.head.Size:
		return nil, leaf, 0, &NotSignedError{Asked: size, Newest: p.head.Size}
	case sequence == 0:
		return nil, leaf, 0, &InvalidError{"records are numbered from 1, and 0 was asked for"}
	case sequence > size && size == p.head.Size:
		return nil, leaf, 0, &NotSignedError{Asked: sequence, Newest: p.head.Size}
	case sequence > size:
		return nil, leaf, 0, &InvalidError{fmt.Sprintf("record %d is not among the first %d", sequence, size)}
	}
	root, err := p.root(size)
	if err != nil {
		return nil, leaf, 0, err
	}
	stored, err := p.log.Stored(sequence)
	if err != nil {
		return nil, leaf, 0, err
	}
	leaf = tlog.RecordHash(Leaf(sequence, stored))
	if proof, err = tlog.ProveRecord(int64(size), int64(sequence-1), p.hashes); err != nil {
		return nil, leaf, 0, err
	}
	if err := tlog.CheckRecord(proof, int64(size), root, int64(sequence-1), leaf); err != nil {
		return nil, leaf, 0, p.damaged(sequence, size)
	}
	return proof, leaf, size, nil
}

// Leaf returns the bytes of a record that the tree's leaf is the hash of.
func Leaf(sequence uint64, stored events.Stored) []byte {
	return append(binary.BigEndian.AppendUint64(nil, sequence), stored.Core...)
}

// ProveTree returns the proof that the tree over so many of the first records begins with a
// smaller one. Size 0 of the larger stands for the newest head's. The proof was checked against
// the newest head. Errors: those of [Heads.ProveRecord].
func (h *Heads) ProveTree(from, to uint64) (proof tlog.TreeProof, of uint64, err error) {
	p := h.prover()
	if to == 0 {
		to = p.head.Size
	}
	switch {
	case to > p.head.Size:
		return nil, 0, &NotSignedError{Asked: to, Newest: p.head.Size}
	case from == 0:
		return nil, 0, &InvalidError{"the empty log is the beginning of every log: ask from 1 on"}
	case from > to && to == p.head.Size:
		return nil, 0, &NotSignedError{Asked: from, Newest: p.head.Size}
	case from > to:
		return nil, 0, &InvalidError{fmt.Sprintf("%d records are more than %d: a proof is from the smaller number to the larger", from, to)}
	}
	root, err := p.root(to)
	if err != nil {
		return nil, 0, err
	}
	older, err := p.root(from)
	if err != nil {
		return nil, 0, err
	}
	if proof, err = tlog.ProveTree(int64(to), int64(from), p.hashes); err != nil {
		return nil, 0, err
	}
	if err := tlog.CheckTree(proof, int64(to), root, int64(from), older); err != nil {
		return nil, 0, p.damaged(from, to)
	}
	return proof, to, nil
}

// root returns the root of the tree over the first records, which the newest head contains.
func (p *prover) root(size uint64) (tlog.Hash, error) {
	if size == p.head.Size {
		return p.head.Root, nil
	}
	root, err := tlog.TreeHash(int64(size), p.hashes)
	if err != nil {
		return root, err
	}
	proof, err := tlog.ProveTree(int64(p.head.Size), int64(size), p.hashes)
	if err != nil {
		return root, err
	}
	if err := tlog.CheckTree(proof, int64(p.head.Size), p.head.Root, int64(size), root); err != nil {
		return root, p.damaged(size, p.head.Size)
	}
	return root, nil
}

// damaged returns the error for a proof that does not lead to the newest head.
func (p *prover) damaged(sequence, size uint64) error {
	return &storage.CorruptError{File: p.path, Err: fmt.Errorf(
		"what it has now of records up to %d of %d is not what its head was signed for; gatebook verify says more", sequence, size)}
}
