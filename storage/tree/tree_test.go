package tree_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"gatebook/storage/tree"
)

// plain is a tree whose every hash is kept, as tlog keeps it: the model.
type plain []tlog.Hash

func (p *plain) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = (*p)[index]
	}
	return hashes, nil
}

func (p *plain) add(t require, n int64, data []byte) {
	hashes, err := tlog.StoredHashes(n, data, p)
	if err != nil {
		t.Fatal(err)
	}
	*p = append(*p, hashes...)
}

// require is what the checks need of a test.
type require interface {
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// kept is what the tree under test has stored, and its leaves.
type kept struct {
	stored map[int64]tree.Hash
	leaves []tree.Hash
	last   int64 // the index that was stored last
	reads  int   // leaves
}

func (k *kept) store(index int64, h tree.Hash) error {
	if index <= k.last {
		return errors.New("the indexes do not ascend")
	}
	k.last = index
	k.stored[index] = h
	return nil
}

func (k *kept) Stored(index, lastLeaf int64) (tree.Hash, error) {
	level, n := tlog.SplitStoredHashIndex(index)
	if lastLeaf != (n+1)<<level-1 {
		return tree.Hash{}, errors.New("another last leaf")
	}
	h, ok := k.stored[index]
	if !ok {
		return h, errors.New("it was not stored")
	}
	return h, nil
}

func (k *kept) Leaves(first int64, n int, add func(tree.Hash) error) error {
	for _, h := range k.leaves[first:][:n] {
		k.reads++
		if err := add(h); err != nil {
			return err
		}
	}
	return nil
}

func leaf(n int64) tree.Hash { return tree.Leaf(append([]byte{tree.LeafPrefix}, data(n)...)) }

func data(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// grow returns a tree of that many leaves, in both forms.
func grow(t require, size int64) (*plain, *kept, *tree.Frontier) {
	model, k, f := new(plain), &kept{stored: map[int64]tree.Hash{}, last: -1}, new(tree.Frontier)
	for n := range size {
		model.add(t, n, data(n))
		k.leaves = append(k.leaves, leaf(n))
		if err := f.Append(leaf(n), k.store); err != nil {
			t.Fatal(err)
		}
	}
	return model, k, f
}

// TestRoots compares the root of every size with that of tlog, and the roots of frontiers that
// were loaded.
func TestRoots(t *testing.T) {
	t.Parallel()
	model, k, f := new(plain), &kept{stored: map[int64]tree.Hash{}, last: -1}, new(tree.Frontier)
	for n := range int64(1200) {
		want, err := tlog.TreeHash(n, model)
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := tree.Load(n, tree.NewReader(n, k))
		if err != nil {
			t.Fatal(err)
		}
		if f.Size() != n || f.Root() != want || loaded.Size() != n || loaded.Root() != want {
			t.Fatalf("of %d leaves the root is %v, loaded %v, want %v", n, f.Root(), loaded.Root(), want)
		}
		model.add(t, n, data(n))
		k.leaves = append(k.leaves, leaf(n))
		if err := f.Append(leaf(n), k.store); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(k.stored); n != 4+2+1 {
		t.Errorf("of 1,200 leaves %d hashes are stored, want 7", n)
	}
}

// TestProofsLikeTlog draws trees, records and older trees, and compares the proofs with those
// of tlog. A proof reads a few blocks of leaves at most.
func TestProofsLikeTlog(t *testing.T) {
	t.Parallel()
	const most = 3000
	model, k, _ := grow(t, most)
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, most).Draw(t, "size")
		record := rapid.Int64Range(0, size-1).Draw(t, "record")
		older := rapid.Int64Range(1, size).Draw(t, "older")
		k.reads = 0
		checkProofs(t, model, k, size, record, older)
		if k.reads > 5*tree.BlockLeaves {
			t.Fatalf("%d leaves were read", k.reads)
		}
	})
}

func checkProofs(t require, model *plain, k *kept, size, record, older int64) {
	want, err := tlog.ProveRecord(size, record, model)
	if err != nil {
		t.Fatal(err)
	}
	got, err := tlog.ProveRecord(size, record, tree.NewReader(size, k))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, want, got)
	wantTree, err := tlog.ProveTree(size, older, model)
	if err != nil {
		t.Fatal(err)
	}
	gotTree, err := tlog.ProveTree(size, older, tree.NewReader(size, k))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, tlog.RecordProof(wantTree), tlog.RecordProof(gotTree))
}

func equal(t require, want, got tlog.RecordProof) {
	if len(want) != len(got) {
		t.Fatalf("a proof of %d hashes, want %d", len(got), len(want))
	}
	for i := range want {
		if want[i] != got[i] {
			t.Fatalf("hash %d of a proof is %v, want %v", i, got[i], want[i])
		}
	}
}

// FuzzFrontier grows a tree in pieces, each from a copy, and compares its root with tlog's.
func FuzzFrontier(f *testing.F) {
	f.Add([]byte{1, 2, 3, 255, 0, 1})
	f.Add([]byte{255, 255, 255, 2})
	f.Fuzz(func(t *testing.T, pieces []byte) {
		if len(pieces) > 16 {
			return
		}
		model, k, frontier := new(plain), &kept{stored: map[int64]tree.Hash{}, last: -1}, new(tree.Frontier)
		for _, piece := range pieces {
			next := new(tree.Frontier)
			next.Set(frontier)
			before := frontier.Root()
			for range piece {
				n := next.Size()
				model.add(t, n, data(n))
				k.leaves = append(k.leaves, leaf(n))
				if err := next.Append(leaf(n), k.store); err != nil {
					t.Fatal(err)
				}
			}
			if frontier.Root() != before {
				t.Fatal("growing a copy has changed the original")
			}
			frontier = next
		}
		size := frontier.Size()
		want, err := tlog.TreeHash(size, model)
		if err != nil || frontier.Root() != want {
			t.Fatalf("of %d leaves the root is %v, want %v; %v", size, frontier.Root(), want, err)
		}
		if size > 0 {
			checkProofs(t, model, k, size, size/2, (size+1)/2)
		}
	})
}

// TestIncomplete asks for a hash of leaves that are not in the tree.
func TestIncomplete(t *testing.T) {
	t.Parallel()
	_, k, _ := grow(t, 600)
	for _, c := range []struct {
		level int
		n     int64
	}{{8, 2}, {0, 600}, {9, 1}} {
		if _, err := tree.NewReader(600, k).ReadHashes([]int64{tlog.StoredHashIndex(c.level, c.n)}); err == nil {
			t.Errorf("hash %d of level %d was read", c.n, c.level)
		}
	}
}
