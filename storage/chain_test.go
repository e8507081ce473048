package storage_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"

	"gatebook/events"
)

// newChain creates a log with a segment for each of some commits of 10 records, and returns
// its folder, its segments and its records.
func newChain(t testing.TB, commits int) (folder string, segments []string, records []events.Record) {
	t.Helper()
	path := segmentPath(t.TempDir())
	records = fillSegments(t, path, 10*commits, 10, 1)
	return filepath.Dir(path), segmentsOf(t, filepath.Dir(path)), records
}

func segmentsOf(t testing.TB, folder string) []string {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(folder, "*.db"))
	if err != nil {
		t.Fatal(err)
	}
	return segments
}

// TestSegments fills several segments, and opens them again.
func TestSegments(t *testing.T) {
	t.Parallel()
	folder, segments, want := newChain(t, 5)
	if len(segments) != 5 || filepath.Base(segments[2]) != "00000000000000000021.db" {
		t.Fatalf("the segments are %q", segments)
	}
	path := filepath.Join(folder, firstSegment)
	got, err := replayed(path)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("replayed %d records with error %v, want %d", len(got), err, len(want))
	}
	log, err := openSegment(path)
	if err != nil {
		t.Fatal(err)
	}
	for after := range len(want) {
		buffer := make([]events.Record, 17)
		n, err := log.Read(uint64(after), buffer)
		if err != nil || !reflect.DeepEqual(buffer[:n], want[after:min(after+17, len(want))]) {
			t.Fatalf("after %d: read %d records with error %v", after, n, err)
		}
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
}

// TestSeals reads the seals with bbolt: each has the hash of its segment's records and of
// the seal before it, and stands in the next segment too.
func TestSeals(t *testing.T) {
	t.Parallel()
	_, segments, _ := newChain(t, 4)
	var before []byte
	for i, path := range segments {
		db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		var seal, previous []byte
		sum := sha256.New()
		err = db.View(func(tx *bolt.Tx) error {
			meta := tx.Bucket([]byte("meta"))
			seal, previous = bytes.Clone(meta.Get([]byte("seal"))), bytes.Clone(meta.Get([]byte("previous")))
			return tx.Bucket([]byte("records")).ForEach(func(_, block []byte) error {
				_, err := sum.Write(block) // records, each after its length
				return err
			})
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(previous, before) {
			t.Errorf("segment %d does not have the seal of the one before", i)
		}
		if i == len(segments)-1 { // it is written still, unless the limit was reached
			break
		}
		if !bytes.Equal(seal[32:64], sum.Sum(nil)) {
			t.Errorf("segment %d: the seal has another hash than its records", i)
		}
		if id := sha256.Sum256(before); i > 0 && !bytes.Equal(seal[64:96], id[:]) {
			t.Errorf("segment %d: the seal does not name the one before", i)
		}
		before = seal
	}
}

// TestDamagedChain damages the chain of segments. Opening or reading it returns an error.
func TestDamagedChain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage func(t *testing.T, folder string, segments []string) error
		want   func(error) bool
	}{
		"the first is missing":     {func(_ *testing.T, _ string, s []string) error { return os.Remove(s[0]) }, corruptAt(1)},
		"one is missing":           {func(_ *testing.T, _ string, s []string) error { return os.Remove(s[2]) }, corruptAnywhere},
		"the last two are missing": {func(_ *testing.T, _ string, s []string) error { return errors.Join(os.Remove(s[4]), os.Remove(s[5])) }, corruptAt(41)},
		"all but the last":         {func(_ *testing.T, _ string, s []string) error { return removeAll(s[:5]) }, corruptAt(1)},
		"two are exchanged": {func(_ *testing.T, _ string, s []string) error {
			return errors.Join(os.Rename(s[1], s[1]+"x"), os.Rename(s[2], s[1]), os.Rename(s[1]+"x", s[2]))
		}, corrupt},
		"one is another log's": {func(t *testing.T, _ string, s []string) error {
			_, other, _ := newChain(t, 3)
			return os.Rename(other[1], s[1])
		}, corrupt},
		"one is not sealed": {func(t *testing.T, _ string, s []string) error {
			withBolt(t, s[2], func(tx *bolt.Tx) error { return tx.Bucket([]byte("meta")).Delete([]byte("seal")) })
			return nil
		}, corrupt},
		"a bit of a seal": {func(t *testing.T, _ string, s []string) error {
			withBolt(t, s[2], func(tx *bolt.Tx) error {
				seal := bytes.Clone(tx.Bucket([]byte("meta")).Get([]byte("seal")))
				seal[40] ^= 1
				return tx.Bucket([]byte("meta")).Put([]byte("seal"), seal)
			})
			return nil
		}, corrupt},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, segments, _ := newChain(t, 6)
			if err := c.damage(t, folder, segments); err != nil {
				t.Fatal(err)
			}
			if _, err := replayed(filepath.Join(folder, firstSegment)); !c.want(err) {
				t.Errorf("got error %v of another type than wanted", err)
			}
		})
	}
}

func removeAll(paths []string) (err error) {
	for _, path := range paths {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// TestCrashBetweenSegments opens a log whose newest segment is sealed, and whose next one
// does not exist or was half made.
func TestCrashBetweenSegments(t *testing.T) {
	t.Parallel()
	for _, left := range []string{"", "half a segment"} {
		folder, segments, want := newChain(t, 3)
		path := filepath.Join(folder, firstSegment)
		if left != "" {
			if err := os.WriteFile(filepath.Join(folder, "00000000000000000031.db.new"), []byte(left), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want = append(want, appendOne(t, path, want))
		if got, err := replayed(path); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %d records with error %v, want %d", len(got), err, len(want))
		}
		if now := segmentsOf(t, folder); len(now) != len(segments)+1 {
			t.Errorf("the segments are %q", now)
		}
	}
}

// TestTail cuts records off the end of a log, as no crash does. It is refused, unless the
// tail was lost too, as a loss of power can lose it.
func TestTail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(tail []byte) []byte
		want func(error) bool
	}{
		"as it was written": {func(tail []byte) []byte { return tail }, corruptAt(201)},
		"torn":              {func(tail []byte) []byte { return slices.Concat(tail[:20], make([]byte, len(tail)-20)) }, is(nil)},
		"never written":     {func([]byte) []byte { return nil }, is(nil)},
		"another log's": {func(tail []byte) []byte {
			other := segmentPath(t.TempDir())
			fill(t, other, 300, 100)
			b, err := os.ReadFile(filepath.Join(filepath.Dir(other), "tail"))
			if err != nil {
				t.Error(err)
			}
			return b
		}, is(nil)},
	} {
		t.Run(name, func(t *testing.T) {
			path := segmentPath(t.TempDir())
			fill(t, path, 300, 100)
			tail := filepath.Join(filepath.Dir(path), "tail")
			b, err := os.ReadFile(tail)
			if err != nil {
				t.Fatal(err)
			}
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			image(file).page(image(file).meta())[metaTx] ^= 1 // the head of the last commit does not count
			if err := errors.Join(os.WriteFile(path, file, 0o600), os.WriteFile(tail, c.edit(b), 0o600)); err != nil {
				t.Fatal(err)
			}
			if _, err := replayed(path); !c.want(err) {
				t.Errorf("got error %v of another type than wanted", err)
			}
		})
	}
}

// TestFreeListInUse changes one bit in the list of free pages, so that it names a page in
// use, which the next commits would write on.
func TestFreeListInUse(t *testing.T) {
	t.Parallel()
	whole := newBase(t)
	b := image(whole.file)
	free := b.page(b.page(b.meta()).u64(metaFreelist))
	tried := 0
	for i := range free.count() {
		for bit := range 7 {
			edited := image(bytes.Clone(b))
			id := free.u64(16+8*i) ^ 1<<bit
			edited.page(b.page(b.meta()).u64(metaFreelist)).put64(16+8*i, id)
			path := segmentPath(t.TempDir())
			writeSegment(t, path, edited)
			if _, err := openSegment(path); !corrupt(err) {
				t.Errorf("free page %d became %d: got error %v, want a CorruptError", free.u64(16+8*i), id, err)
			}
			tried++
		}
	}
	if tried == 0 {
		t.Error("no page is free: the test proves nothing")
	}
}

// TestKeyOfLastChild changes one bit of the key of the last child of the branch: records
// that are appended would go into another leaf, and not be the last.
func TestKeyOfLastChild(t *testing.T) {
	t.Parallel()
	whole := newBase(t)
	b := image(whole.file)
	for bit := range 64 {
		edited := image(bytes.Clone(b))
		p := edited.page(b.records())
		at := 16 + 16*(p.count()-1)
		key := at + int(binary.NativeEndian.Uint32(p[at:]))
		p[key+bit/8] ^= 1 << (bit % 8)
		path := segmentPath(t.TempDir())
		writeSegment(t, path, edited)
		if _, err := openSegment(path); !corrupt(err) {
			t.Errorf("bit %d: got error %v, want a CorruptError", bit, err)
		}
	}
}
