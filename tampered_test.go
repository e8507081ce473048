package gatebook_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"gatebook"
	"gatebook/events"
	"gatebook/storage"
)

// TestTamperedRecord changes a record on the disk, with the right checksum, as the owner of the
// host can. No proof of it is given, others are, and verifying finds it.
func TestTamperedRecord(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	r := open(t, folder)
	s := start(t, r, "gateway")
	for range 300 {
		openSession(t, s)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	const changed = 5
	tamper(t, filepath.Join(folder, "log", firstSegmentName), changed)
	if found := verifies(t, folder); len(found.Faults) == 0 {
		t.Error("verify finds nothing")
	}
	r, err := gatebook.Open(t.Context(), folder, gatebook.Options{ScrubPeriod: -1})
	if err != nil {
		t.Fatal(err)
	}
	var corrupt *storage.CorruptError
	if p, err := r.ProveRecord(changed, 0); !errors.As(err, &corrupt) {
		t.Errorf("the changed record is proven: %+v, %v", p, err)
	}
	for _, sequence := range []uint64{300, 400} { // in other parts of the tree
		if _, err := r.ProveRecord(sequence, 0); err != nil {
			t.Errorf("record %d: %v", sequence, err)
		}
	}
	for _, size := range []uint64{changed, 100} {
		if p, err := r.ProveTree(size, 0); !errors.As(err, &corrupt) {
			t.Errorf("from %d: %+v, %v", size, p, err)
		}
	}
	if v, err := r.Verify(t.Context(), nil); err != nil || len(v.Faults) == 0 {
		t.Errorf("verifying finds %+v, %v", v, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

// tamper changes a byte of a record's core in a segment, and its checksum.
func tamper(t *testing.T, path string, sequence uint64) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		records := tx.Bucket([]byte("records"))
		key, stored := records.Cursor().Seek(binary.BigEndian.AppendUint64(nil, sequence))
		if binary.BigEndian.Uint64(key) != sequence {
			t.Fatalf("no block begins with record %d", sequence)
		}
		block := bytes.Clone(stored)
		length, n := binary.Uvarint(block)
		record := block[n:][:length]
		at := bytes.Index(record, []byte("orders"))
		if at < 0 {
			t.Fatalf("record %d names no service", sequence)
		}
		record[at] ^= 1
		body := bytes.Clone(record[:len(record)-4])
		copy(record, events.Seal(body, sequence, events.Time(binary.BigEndian.Uint64(body[3:]))))
		return records.Put(key, block)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestForeignHeadIsNotReadFor compares a log with a head that none of its keys has signed, with nobody in the
// folder and while the log is open: that is found before anything is read.
func TestForeignHeadIsNotReadFor(t *testing.T) {
	t.Parallel()
	other := filepath.Join(t.TempDir(), "other")
	ok(t, open(t, other).Close())
	signed, err := os.ReadFile(filepath.Join(other, "head"))
	ok(t, err)
	claim := gatebook.HeadClaim{Name: "a head", Signed: signed}
	read := func(int64, int64) error {
		t.Error("the log is read")
		return nil
	}
	refused := func(v *storage.Verified, err error) {
		t.Helper()
		ok(t, err)
		if len(v.Claims) != 1 || v.Claims[0].Err == nil || v.Claims[0].Name != "a head" {
			t.Errorf("of the head it says %+v", v.Claims)
		}
	}
	folder := filepath.Join(t.TempDir(), "data")
	r := open(t, folder)
	openSession(t, start(t, r, "gateway"))
	refused(r.Verify(t.Context(), read, claim))
	ok(t, r.Close())
	locked, err := storage.LockExisting(folder)
	ok(t, err)
	refused(gatebook.VerifyFolder(t.Context(), locked, read, claim))
	ok(t, locked.Unlock())
}
