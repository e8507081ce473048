package storage_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"gatebook/events"
	"gatebook/storage"
)

// leavesOf returns the leaves of a log: its records' cores behind their sequences.
func leavesOf(t fatal, log *storage.Bolt, from, to uint64) (leaves [][]byte) {
	t.Helper()
	for sequence := from; sequence <= to; sequence++ {
		stored, err := log.Stored(sequence)
		if err != nil {
			t.Fatalf("record %d: %v", sequence, err)
		}
		leaves = append(leaves, append(binary.BigEndian.AppendUint64(nil, sequence), stored.Core...))
	}
	return leaves
}

// modelTree is the tree over leaves, as tlog alone keeps it.
type modelTree struct {
	hashes []tlog.Hash
	leaves int64
}

func (m *modelTree) ReadHashes(indexes []int64) (hashes []tlog.Hash, err error) {
	for _, i := range indexes {
		hashes = append(hashes, m.hashes[i])
	}
	return hashes, nil
}

func (m *modelTree) add(t fatal, leaves [][]byte) {
	t.Helper()
	for _, leaf := range leaves {
		more, err := tlog.StoredHashes(m.leaves, leaf, m)
		if err != nil {
			t.Fatalf("%v", err)
		}
		m.hashes = append(m.hashes, more...)
		m.leaves++
	}
}

func (m *modelTree) root(t fatal) tlog.Hash {
	t.Helper()
	h, err := tlog.TreeHash(m.leaves, m)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return h
}

// wantTree fails unless a log has the tree of the model, and gives its proofs.
func wantTree(t fatal, log *storage.Bolt, model *modelTree) {
	t.Helper()
	size, root := log.Tree()
	want := model.root(t)
	if int64(size) != model.leaves || root != want {
		t.Fatalf("the tree has %d leaves and root %v, want %d and %v", size, root, model.leaves, want)
	}
	hashes := log.Hashes(size)
	for _, n := range []int64{0, 1, 254, 255, 256, 511, 512, model.leaves - 1} {
		if n < 0 || n >= model.leaves {
			continue
		}
		proof, err := tlog.ProveRecord(model.leaves, n, hashes)
		if err != nil {
			t.Fatalf("record %d: %v", n+1, err)
		}
		if err := tlog.CheckRecord(proof, model.leaves, root, n, model.hashes[tlog.StoredHashIndex(0, n)]); err != nil {
			t.Fatalf("record %d of %d: %v", n+1, size, err)
		}
		older, err := tlog.TreeHash(n+1, model)
		if err != nil {
			t.Fatalf("%v", err)
		}
		consistency, err := tlog.ProveTree(model.leaves, n+1, hashes)
		if err != nil {
			t.Fatalf("tree of %d: %v", n+1, err)
		}
		if err := tlog.CheckTree(consistency, model.leaves, root, n+1, older); err != nil {
			t.Fatalf("from %d to %d: %v", n+1, size, err)
		}
	}
}

// TestTreeOverSegments grows a log over the ends of segments, and opens it again after each
// commit. Its tree is that of tlog.
func TestTreeOverSegments(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(quickDir(t), "log")
	if err := storage.CreateBolt(folder); err != nil {
		t.Fatal(err)
	}
	model := new(modelTree)
	for i, n := range []int{1, 100, 154, 1, 1, 255, 256, 257, 3, 512, 1000, 2} {
		// A segment takes one commit; every third commit is added to a segment with others.
		limit := int64(1)
		if i%3 == 0 {
			limit = 1 << 20
		}
		log, err := storage.OpenBolt(folder, storage.BoltOptions{SegmentBytes: limit})
		if err != nil {
			t.Fatal(err)
		}
		wantTree(t, log, model)
		if err := log.Start(log.Head().Sequence, func([]events.Record) error { return nil }); err != nil {
			t.Fatal(err)
		}
		before := log.Head().Sequence
		list := make([]storage.Entry, n)
		for k := range list {
			list[k].Record = events.Record{Event: &events.KillRequested{Why: fmt.Sprint(k), By: "dba"}}
		}
		if err := log.Append(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		model.add(t, leavesOf(t, log, before+1, log.Head().Sequence))
		wantTree(t, log, model)
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	size := uint64(model.leaves)
	v, err := storage.Verify(t.Context(), folder, nil, 0, 300, size, size+1)
	if err != nil || len(v.Faults) > 0 {
		t.Fatalf("verify: %+v, %v", v, err)
	}
	middle, err := tlog.TreeHash(300, model)
	if err != nil {
		t.Fatal(err)
	}
	if v.Roots[size] != model.root(t) || v.Roots[300] != middle || v.Roots[0] != new(modelTree).root(t) || len(v.Roots) != 3 {
		t.Errorf("verifying found the roots %v", v.Roots)
	}
	segments := segmentsOf(t, folder)
	to := filepath.Join(quickDir(t), "log")
	if _, fault, err := storage.Salvage(t.Context(), folder, to, nil); err != nil || fault != nil {
		t.Fatal(fault, err)
	}
	copied, err := storage.OpenBolt(to, storage.BoltOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wantTree(t, copied, model)
	if err := copied.Close(); err != nil {
		t.Error(err)
	}
	if len(segments) < 5 {
		t.Errorf("there are %d segments: the test proves little", len(segments))
	}
}

// TestTreeSurvivesFailedCommits draws commits, some of which fail, with and without having been
// made, and compares the tree with that of tlog.
func TestTreeSurvivesFailedCommits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		folder, err := os.MkdirTemp("/dev/shm", "gatebook-test-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(folder)
		l := openFaulty(t, filepath.Join(folder, "log"))
		model := new(modelTree)
		for range rapid.IntRange(1, 5).Draw(t, "commits") {
			l.fault = nil
			switch rapid.IntRange(0, 3).Draw(t, "fault") {
			case 0:
				l.fault = notPersisted(&fs.PathError{Op: "write", Path: l.path, Err: syscall.ENOSPC})
			case 1:
				l.fault = interruptedOnce(l)
			}
			list := make([]string, rapid.SampledFrom([]int{1, 7, 250, 300}).Draw(t, "records"))
			before := l.Head().Sequence
			if err := l.put(list...); err != nil && !errors.Is(err, storage.ErrDiskFull) {
				t.Fatalf("put: %v", err)
			}
			model.add(t, leavesOf(t, l.Bolt, before+1, l.Head().Sequence))
			wantTree(t, l.Bolt, model)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = openFaulty(t, l.path)
		wantTree(t, l.Bolt, model)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// interruptedOnce makes the commit durable, and reports that a signal had ended it.
func interruptedOnce(l *faulty) func(*bolt.Tx) error {
	return func(tx *bolt.Tx) error {
		l.fault = nil
		return persisted(&fs.PathError{Op: "fdatasync", Path: l.path, Err: syscall.EINTR})(tx)
	}
}

// TestDamagedHashes damages the hashes of a log in all ways that leave its records whole.
// Verifying finds each, and a proof that needs the hash is not given.
func TestDamagedHashes(t *testing.T) {
	t.Parallel()
	const stored = 256 // the index of the first hash is that of record 256 and level 8
	index := tlog.StoredHashIndex(8, 0)
	key := binary.BigEndian.AppendUint64(nil, uint64(index))
	for name, damage := range map[string]func(b *bolt.Bucket) error{
		"a bit": func(b *bolt.Bucket) error {
			v := append([]byte(nil), b.Get(key)...)
			v[3] ^= 1
			return b.Put(key, v)
		},
		"it is missing":   func(b *bolt.Bucket) error { return b.Delete(key) },
		"it is cut short": func(b *bolt.Bucket) error { return b.Put(key, b.Get(key)[:20]) },
		"that of another": func(b *bolt.Bucket) error { return b.Put(key, []byte("another hash, with no checksum......")) },
		"another, with a checksum": func(b *bolt.Bucket) error {
			h := make([]byte, 32)
			sum := crc32.Checksum(append(append([]byte(nil), key...), h...), crc32.MakeTable(crc32.Castagnoli))
			return b.Put(key, binary.BigEndian.AppendUint32(h, sum))
		},
		"one too many":     func(b *bolt.Bucket) error { return b.Put(binary.BigEndian.AppendUint64(nil, 1), b.Get(key)) },
		"one after all":    func(b *bolt.Bucket) error { return b.Put([]byte{0xff, 0, 0, 0, 0, 0, 0, 0}, b.Get(key)) },
		"a key of another": func(b *bolt.Bucket) error { return b.Put([]byte("key"), b.Get(key)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := segmentPath(quickDir(t))
			fill(t, path, 2*stored+10, 10)
			withBolt(t, path, func(tx *bolt.Tx) error { return damage(tx.Bucket([]byte("hashes"))) })
			v, err := storage.Verify(t.Context(), filepath.Dir(path), nil)
			if err != nil || len(v.Faults) != 1 || v.Records != 2*stored+10 {
				t.Errorf("verify: %+v, %v; want one fault", v, err)
			}
			log, err := openSegment(path)
			if err != nil {
				if !corruptAnywhere(err) {
					t.Errorf("open: %v, want a CorruptError", err)
				}
				return
			}
			defer log.Close()
			size, root := log.Tree()
			leaf := leavesOf(t, log, stored+1, stored+1)[0]
			proof, err := tlog.ProveRecord(int64(size), stored, log.Hashes(size))
			if err == nil {
				err = tlog.CheckRecord(proof, int64(size), root, stored, tlog.RecordHash(leaf))
			} else if !corruptAnywhere(err) {
				t.Errorf("a proof: %v, want a CorruptError", err)
			}
			if whole := name[0] == 'o' || name[:5] == "a key"; (err == nil) != whole {
				t.Errorf("a proof: %v", err)
			}
		})
	}
}
