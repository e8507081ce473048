package gatebook_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"gatebook"
	"gatebook/events"
	"gatebook/storage"
)

// signedBook returns a data folder whose log was signed at some records, and a copy of all its
// files as they were when the log had fewer.
func signedBook(t *testing.T) (folder, older string) {
	t.Helper()
	folder, older = filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "older")
	for range 2 {
		r := open(t, folder)
		s := start(t, r, "gateway")
		for range 3 {
			openSession(t, s)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(older); err != nil {
			if err := os.CopyFS(older, os.DirFS(folder)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return folder, older
}

// verifies fails unless the log of a folder is whole, with its head.
func verifies(t *testing.T, folder string, claims ...gatebook.HeadClaim) *storage.Verified {
	t.Helper()
	locked, err := storage.LockExisting(folder)
	if err != nil {
		t.Fatal(err)
	}
	v, err := gatebook.VerifyFolder(t.Context(), locked, nil, claims...)
	if err := errors.Join(err, locked.Unlock()); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestHeads records, and reads the head that the registry writes when it is idle and when it is
// closed, with package note alone.
func TestHeads(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	r := open(t, folder)
	keys, err := r.VerifierKeys()
	if err != nil || len(keys) != 1 {
		t.Fatalf("the keys are %q; %v", keys, err)
	}
	v, err := note.NewVerifier(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	newest := func() string {
		signed, err := os.ReadFile(filepath.Join(folder, "head"))
		if err != nil {
			t.Fatal(err)
		}
		n, err := note.Open(signed, note.VerifierList(v))
		if err != nil {
			t.Fatal(err)
		}
		return n.Text
	}
	if text := newest(); !strings.HasPrefix(text, v.Name()+"\n0\n") {
		t.Errorf("the head of an empty log is %q", text)
	}
	s := start(t, r, "gateway")
	openSession(t, s)
	eventually(t, "a head of the two records", func() bool { return strings.HasPrefix(newest(), v.Name()+"\n2\n") })
	openSession(t, s)
	openSession(t, s)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if text := newest(); !strings.HasPrefix(text, v.Name()+"\n8\n") { // three that were closed, and the source's stop
		t.Errorf("after a clean stop the head is %q", text)
	}
	for name, mode := range map[string]os.FileMode{"head": 0o600, "key": 0o600} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Mode() != mode {
			t.Errorf("%s is %v; %v", name, info, err)
		}
	}
	if found := verifies(t, folder); len(found.Faults) > 0 || found.Keys.Verifiers()[0] != keys[0] {
		t.Errorf("verify: %+v", found)
	}
}

// TestHeadOfARunThatCrashed ends runs before they have signed what they recorded. Each is signed
// when the next one begins.
func TestHeadOfARunThatCrashed(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	for range 3 {
		r := open(t, folder)
		s := start(t, r, "gateway")
		openSession(t, s)
		openSession(t, s)
		recorded := r.Moment().Sequence
		crashed := filepath.Join(t.TempDir(), "data")
		if err := os.CopyFS(crashed, os.DirFS(folder)); err != nil {
			t.Fatal(err)
		}
		folder = crashed
		next := open(t, folder)
		found, err := next.Heads()
		if err != nil || found.Head.Size < recorded || found.Head.Size != next.Moment().Sequence {
			t.Errorf("%d were recorded, the log has %d, and its head covers %d; %v", recorded, next.Moment().Sequence, found.Head.Size, err)
		}
		if err := errors.Join(next.Close(), r.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRefusedHeads takes the head, the key or the end of a signed log away, or puts others in their
// places. The log is not opened, nothing is changed, the message says what to do, and verify finds
// it too.
func TestRefusedHeads(t *testing.T) {
	t.Parallel()
	swap := func(t *testing.T, from, to string, names ...string) {
		for _, name := range names {
			if err := os.RemoveAll(filepath.Join(to, name)); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(filepath.Join(from, name))
			if err != nil {
				t.Fatal(err)
			}
			if info.IsDir() {
				err = os.CopyFS(filepath.Join(to, name), os.DirFS(filepath.Join(from, name)))
			} else {
				copyFile(t, filepath.Join(from, name), filepath.Join(to, name))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		damage func(t *testing.T, folder, older string)
		want   []string
		// unnoticed: verify does not need the key.
		unnoticed bool
	}{
		"no head": {func(t *testing.T, folder, _ string) { remove(t, folder, "head") }, []string{"head", "it is missing"}, false},
		"no key":  {func(t *testing.T, folder, _ string) { remove(t, folder, "key") }, []string{"key", "it is missing"}, true},
		"rolled back": {
			func(t *testing.T, folder, older string) { swap(t, older, folder, "log", "book.db", "alive") },
			[]string{"it ends at record 8", "signed at record 16", "rolled back"},
			false,
		},
		"a head of another log": {func(t *testing.T, folder, _ string) {
			other, _ := signedBook(t)
			swap(t, other, folder, "head")
		}, []string{"head", "is not a key of gatebook/"}, false},
		"a key of another log": {func(t *testing.T, folder, _ string) {
			other, _ := signedBook(t)
			swap(t, other, folder, "key")
		}, []string{"key", "its key is that of gatebook/"}, false},
		"no head of anybody": {func(t *testing.T, folder, _ string) { write(t, folder, "head", []byte("head")) }, []string{"it is no signed note"}, false},
		"no key of anybody":  {func(t *testing.T, folder, _ string) { write(t, folder, "key", []byte("key\n")) }, []string{"it has no key that signs"}, false},
		"another history": {func(t *testing.T, folder, older string) {
			// The older log goes on with other records, and gets the newer head.
			head := filepath.Join(t.TempDir(), "head")
			copyFile(t, filepath.Join(folder, "head"), head)
			swap(t, older, folder, "log", "book.db", "head", "alive")
			r := open(t, folder)
			s := start(t, r, "gateway")
			for range 9 {
				openSession(t, s)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			copyFile(t, head, filepath.Join(folder, "head"))
		}, []string{"its first 16 records are not those", "another history"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, older := signedBook(t)
			c.damage(t, folder, older)
			if found := verifies(t, folder); (len(found.Faults) == 0) != c.unnoticed {
				t.Errorf("verify: %+v", found)
			}
			before := read(t, folder)
			_, err := gatebook.Open(t.Context(), folder, gatebook.Options{})
			var corrupt *storage.CorruptError
			if !errors.As(err, &corrupt) {
				t.Fatalf("opened: %v", err)
			}
			for _, want := range append(c.want, "gatebook key rotate --force --data "+folder) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
			if after := read(t, folder); after != before {
				t.Error("the files were changed")
			}
			forced(t, folder)
		})
	}
}

// forced signs the log of a folder as it is. It opens then, and says so itself.
func forced(t *testing.T, folder string) {
	t.Helper()
	locked, err := storage.LockExisting(folder)
	if err != nil {
		t.Fatal(err)
	}
	forced, err := gatebook.ForceKey(t.Context(), locked, gatebook.RestoreOptions{By: "dba"})
	if err := errors.Join(err, locked.Unlock()); err != nil {
		t.Fatal(err)
	}
	key := forced.Verifier
	r := open(t, folder)
	keys, err := r.VerifierKeys()
	if err != nil || len(keys) != 2 || keys[0] != key {
		t.Errorf("the keys are %q; %v", keys, err)
	}
	e := rotations(t, r)
	if len(e) != 1 || e[0].Key != key || e[0].Before != keys[1] || e[0].Endorsement != "" || e[0].By != "dba" {
		t.Errorf("the log says %+v", e)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if found := verifies(t, folder); len(found.Faults) > 0 {
		t.Errorf("verify: %+v", found)
	}
}

// rotations returns the changes of the key that a log names.
func rotations(t *testing.T, r *gatebook.Registry) (all []*events.KeyRotated) {
	t.Helper()
	for record, err := range r.Events(0, gatebook.EventFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := record.Event.(*events.KeyRotated); ok {
			all = append(all, e)
		}
	}
	return all
}

// TestFirstHeadIsInterrupted ends the first start after each step. The next one goes on.
func TestFirstHeadIsInterrupted(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string][]string{
		"before the key": {"key", "head"}, "before the head": {"head"}, "before the first record": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(t.TempDir(), "data")
			r := open(t, folder)
			keys, err := r.VerifierKeys()
			if err := errors.Join(err, r.Close()); err != nil {
				t.Fatal(err)
			}
			for _, name := range lost {
				remove(t, folder, name)
			}
			if found := verifies(t, folder); len(found.Faults) > 0 {
				t.Errorf("verify: %+v", found)
			}
			r = open(t, folder)
			now, err := r.VerifierKeys()
			if err != nil || len(now) != 1 || (now[0] == keys[0]) != (len(lost) < 2) {
				t.Errorf("the keys are %q, were %q; %v", now, keys, err)
			}
			start(t, r, "gateway")
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if found := verifies(t, folder); len(found.Faults) > 0 || found.Keys.Verifiers()[0] != now[0] {
				t.Errorf("verify: %+v", found)
			}
		})
	}
}

// TestRotate rotates the key of a log twice. Heads of each key still verify, each key vouches for
// the next, and a key signs nothing that came after it.
func TestRotate(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	r := open(t, folder)
	s := start(t, r, "gateway")
	var claims []gatebook.HeadClaim
	sign := func() {
		t.Helper()
		head := r.Moment().Sequence
		eventually(t, "a head", func() bool {
			status, err := r.Heads()
			return err == nil && status.Head.Size >= head
		})
		status, err := r.Heads()
		if err != nil {
			t.Fatal(err)
		}
		claims = append(claims, gatebook.HeadClaim{Name: "a head", Signed: status.Signed})
	}
	for range 3 {
		openSession(t, s)
		sign()
		if _, err := r.RotateKey(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		sign()
	}
	keys, err := r.VerifierKeys()
	if err != nil || len(keys) != 4 {
		t.Fatalf("the keys are %q; %v", keys, err)
	}
	all := rotations(t, r)
	for i, e := range all {
		if e.Key != keys[2-i] || e.Before != keys[3-i] || e.By != "ann" {
			t.Errorf("rotation %d is %+v", i, e)
		}
		v, err := note.NewVerifier(e.Before)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := note.Open([]byte(e.Endorsement), note.VerifierList(v)); err != nil || !strings.Contains(n.Text, e.Key) {
			t.Errorf("rotation %d: the key before vouches with %q: %v", i, e.Endorsement, err)
		}
		if _, err := note.Open([]byte(e.Head), note.VerifierList(v)); err != nil {
			t.Errorf("rotation %d: the head before is %q: %v", i, e.Head, err)
		}
	}
	if len(all) != 3 {
		t.Errorf("%d rotations are in the log", len(all))
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if found := verifies(t, folder, claims...); len(found.Faults) > 0 || len(found.Keys.All) != 4 {
		t.Errorf("verify: %+v", found)
	}
	if again, err := open(t, folder).VerifierKeys(); err != nil || len(again) != 4 || again[0] != keys[0] {
		t.Errorf("opened again the keys are %q; %v", again, err)
	}
}

// TestRotationIsInterrupted ends a rotation after each of its steps. The next start uses the key
// that the log names.
func TestRotationIsInterrupted(t *testing.T) {
	t.Parallel()
	folder, _ := signedBook(t)
	before := filepath.Join(t.TempDir(), "key")
	copyFile(t, filepath.Join(folder, "key"), before)
	oldHead := filepath.Join(t.TempDir(), "head")
	copyFile(t, filepath.Join(folder, "head"), oldHead)
	r := open(t, folder)
	if _, err := r.RotateKey(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	keys, err := r.VerifierKeys()
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	// The log names the key, and the key is not in its place, and no head is signed with it.
	copyFile(t, filepath.Join(folder, "key"), filepath.Join(folder, "key.next"))
	copyFile(t, before, filepath.Join(folder, "key"))
	copyFile(t, oldHead, filepath.Join(folder, "head"))
	if found := verifies(t, folder); len(found.Faults) > 0 {
		t.Errorf("verify: %+v", found)
	}
	r = open(t, folder)
	if now, err := r.VerifierKeys(); err != nil || now[0] != keys[0] {
		t.Errorf("the keys are %q, want %q; %v", now, keys, err)
	}
	start(t, r, "gateway")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	// A key that was made and is not named is removed.
	copyFile(t, before, filepath.Join(folder, "key.next"))
	r = open(t, folder)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "key.next")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key that the log does not name is kept: %v", err)
	}
	if found := verifies(t, folder); len(found.Faults) > 0 {
		t.Errorf("verify: %+v", found)
	}
}

// TestSwappedKeys replaces what a segment says of the log's keys. Verifying finds that its records
// name others.
func TestSwappedKeys(t *testing.T) {
	t.Parallel()
	folder, _ := signedBook(t)
	r := open(t, folder)
	for range 2 {
		if _, err := r.RotateKey(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	other, _ := signedBook(t)
	keysOf := func(folder string, change func(meta *bolt.Bucket) error) {
		db, err := bolt.Open(filepath.Join(folder, "log", firstSegmentName), 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx *bolt.Tx) error { return change(tx.Bucket([]byte("meta"))) })
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	var row []byte
	keysOf(other, func(meta *bolt.Bucket) error {
		row = append(row, meta.Get([]byte("keys"))...)
		return nil
	})
	keysOf(folder, func(meta *bolt.Bucket) error { return meta.Put([]byte("keys"), row) })
	if found := verifies(t, folder); len(found.Faults) == 0 || !strings.Contains(found.Faults[0].Error(), "keys") {
		t.Errorf("verify: %+v", found)
	}
}

const firstSegmentName = "00000000000000000001.db"

// TestHeadCannotBeWritten takes the place of the head with a folder. What fails is reported once
// and shown, as is the head that is gone at most, recording goes on, and a head is written when it can be again.
func TestHeadCannotBeWritten(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	reports := make(chan error, 100)
	r, err := gatebook.Open(t.Context(), folder, gatebook.Options{Report: func(err error) { reports <- err }})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, r, "gateway")
	head := filepath.Join(folder, "head")
	remove(t, folder, "head")
	if err := os.MkdirAll(filepath.Join(head, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	openSession(t, s)
	var gone, unwritten int
	count := func(err error) {
		t.Helper()
		if fault, ok := errors.AsType[*storage.GoneError](err); ok && fault.File == head {
			gone++
		} else if fault, ok := errors.AsType[*gatebook.HeadError](err); ok && fault.File == head {
			unwritten++
		} else {
			t.Errorf("reported is %v", err)
		}
	}
	for unwritten == 0 {
		count(<-reports)
	}
	if status, err := r.Heads(); err != nil || status.Err == nil {
		t.Errorf("the status is %+v; %v", status, err)
	}
	openSession(t, s)
	if err := os.RemoveAll(head); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a head of all records", func() bool {
		status, err := r.Heads()
		return err == nil && status.Err == nil && status.Head.Size == 3
	})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for len(reports) > 0 {
		count(<-reports)
	}
	if gone > 1 || unwritten != 1 {
		t.Errorf("a head that is gone was reported %d times, one that could not be written %d times", gone, unwritten)
	}
	if found := verifies(t, folder); len(found.Faults) > 0 {
		t.Errorf("verify: %+v", found)
	}
}

// TestProofs proves every record and every older tree of a log, and what cannot be proven is refused.
func TestProofs(t *testing.T) {
	t.Parallel()
	folder, _ := signedBook(t)
	r := open(t, folder)
	status, err := r.Heads()
	if err != nil {
		t.Fatal(err)
	}
	const size = 16
	var leaves []tlog.Hash
	for n := range uint64(size) {
		s, err := r.StoredRecord(n + 1)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, tlog.RecordHash(s.Leaf))
	}
	if status.Head.Size != size {
		t.Fatalf("the head is %+v", status.Head)
	}
	roots := map[uint64]tlog.Hash{size: status.Head.Root}
	for from := uint64(1); from <= size; from++ {
		p, err := r.ProveTree(from, 0)
		if err != nil || p.To != size {
			t.Fatal(p, err)
		}
		roots[from] = rootOf(t, leaves[:from])
		if err := tlog.CheckTree(p.Proof, size, status.Head.Root, int64(from), roots[from]); err != nil {
			t.Errorf("from %d: %v", from, err)
		}
		for sequence := uint64(1); sequence <= from; sequence++ {
			p, err := r.ProveRecord(sequence, from)
			if err != nil || p.Size != from || p.Leaf != leaves[sequence-1] {
				t.Fatal(p, err)
			}
			if err := tlog.CheckRecord(p.Proof, int64(from), roots[from], int64(sequence-1), p.Leaf); err != nil {
				t.Errorf("record %d of %d: %v", sequence, from, err)
			}
		}
	}
	var notSigned *gatebook.NotSignedError
	for name, ask := range map[string]func() error{
		"record 0":           func() error { _, err := r.ProveRecord(0, 0); return err },
		"beyond the size":    func() error { _, err := r.ProveRecord(9, 8); return err },
		"from 0":             func() error { _, err := r.ProveTree(0, 5); return err },
		"to a smaller":       func() error { _, err := r.ProveTree(5, 4); return err },
		"size not signed":    func() error { _, err := r.ProveRecord(1, size+1); return err },
		"record not signed":  func() error { _, err := r.ProveRecord(size+1, 0); return err },
		"from not signed":    func() error { _, err := r.ProveTree(size+1, 0); return err },
		"to not signed":      func() error { _, err := r.ProveTree(1, size+1); return err },
		"no size can be so ": func() error { _, err := r.ProveRecord(1, 1<<63); return err },
	} {
		err := ask()
		if invalid := errors.Is(err, gatebook.ErrInvalid); !invalid && !errors.As(err, &notSigned) {
			t.Errorf("%s: %v", name, err)
		} else if invalid == strings.Contains(name, "no") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, sequence := range []uint64{0, size + 1, 1 << 63} {
		if _, err := r.StoredRecord(sequence); !errors.Is(err, gatebook.ErrNotFound) {
			t.Errorf("record %d: %v", sequence, err)
		}
	}
}

func rootOf(t *testing.T, leaves []tlog.Hash) tlog.Hash {
	t.Helper()
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) (got []tlog.Hash, err error) {
		for _, i := range indexes {
			got = append(got, hashes[i])
		}
		return got, nil
	})
	for n, leaf := range leaves {
		more, err := tlog.StoredHashesForRecordHash(int64(n), leaf, reader)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, more...)
	}
	root, err := tlog.TreeHash(int64(len(leaves)), reader)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// TestProofsBesideClose asks for heads and proofs while the registry is closed. Each call answers,
// or says that it is closed.
func TestProofsBesideClose(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(r *gatebook.Registry) error{
		"Heads":        func(r *gatebook.Registry) error { _, err := r.Heads(); return err },
		"VerifierKeys": func(r *gatebook.Registry) error { _, err := r.VerifierKeys(); return err },
		"ProveRecord":  func(r *gatebook.Registry) error { _, err := r.ProveRecord(1, 0); return err },
		"ProveTree":    func(r *gatebook.Registry) error { _, err := r.ProveTree(1, 0); return err },
		"StoredRecord": func(r *gatebook.Registry) error { _, err := r.StoredRecord(1); return err },
		"RotateKey":    func(r *gatebook.Registry) error { _, err := r.RotateKey(context.Background(), "dba"); return err },
		"Verify":       func(r *gatebook.Registry) error { _, err := r.Verify(context.Background(), nil); return err },
		"Info":         func(r *gatebook.Registry) error { _, err := r.Info(context.Background()); return err },
		"Stats":        func(r *gatebook.Registry) error { r.Stats(); return nil },
		"Damage":       func(r *gatebook.Registry) error { return r.Damage() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, _ := signedBook(t)
			r := open(t, folder)
			asked, done := make(chan struct{}), make(chan error, 1)
			go func() {
				for i := range 100 {
					if err := ask(r); err != nil && !errors.Is(err, gatebook.ErrClosed) {
						done <- err
						return
					}
					if i == 3 {
						close(asked)
					}
				}
				done <- nil
			}()
			<-asked
			if err := errors.Join(r.Close(), <-done); err != nil {
				t.Error(err)
			}
			if err := ask(r); err != nil && !errors.Is(err, gatebook.ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		})
	}
}
