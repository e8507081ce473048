package storage_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"
)

// TestFlippedBits flips bits anywhere in a log file, half of them at the beginning of
// pages. Each is noticed, or makes no difference. The exception is the newer meta page:
// with a wrong checksum it looks like the trace of a crash, and the log ends with the
// commit before.
func TestFlippedBits(t *testing.T) {
	t.Parallel()
	t.Run("as it was written", func(t *testing.T) {
		t.Parallel()
		flipBits(t, newBase(t))
	})
	t.Run("without a free list", func(t *testing.T) {
		t.Parallel()
		whole := newBase(t)
		image(whole.file).abandon()
		flipBits(t, whole)
	})
}

func flipBits(t *testing.T, whole base) {
	t.Helper()
	const flips, seed = 100, 1
	path := segmentPath(quickDir(t))
	writeSegment(t, path, whole.file)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	random := rand.New(rand.NewPCG(seed, 0))
	noticed := 0
	for i := range flips {
		at := random.IntN(len(whole.file))
		if i%2 == 0 {
			at = at/pageSize*pageSize + random.IntN(80)
		}
		flipped := whole.file[at] ^ 1<<random.IntN(8)
		if _, err := f.WriteAt([]byte{flipped}, int64(at)); err != nil {
			t.Fatal(err)
		}
		want := whole.records
		if uint64(at)/pageSize == image(whole.file).meta() {
			want = want[:baseRecords-baseCommit]
		}
		forgetTail(t, path)
		got, err := replayed(path)
		switch {
		case err == nil && !reflect.DeepEqual(got, want) && !reflect.DeepEqual(got, whole.records):
			t.Errorf("seed %d: byte %d of page %d became %#x, and the log has %d other records", seed, at%pageSize, at/pageSize, flipped, len(got))
		case err != nil && !corruptAnywhere(err):
			t.Errorf("seed %d: byte %d of page %d became %#x: got %v, want a CorruptError", seed, at%pageSize, at/pageSize, flipped, err)
		case err != nil:
			noticed++
		}
		if _, err := f.WriteAt(whole.file[at:at+1], int64(at)); err != nil {
			t.Fatal(err)
		}
	}
	if noticed < flips/2 {
		t.Errorf("%d of %d flips were noticed: the test does not reach the pages in use", noticed, flips)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, whole.file) {
		t.Errorf("the file was changed, or cannot be read: %v", err)
	}
}
