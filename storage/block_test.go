package storage_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"gatebook/storage"
)

// TestBlocksHoldTheValues splits any values into blocks. Cutting the blocks returns the values in
// order, no block of several values is too long, and none has room for the next value.
func TestBlocksHoldTheValues(t *testing.T) {
	t.Parallel()
	var buffer []byte
	rapid.Check(t, func(r *rapid.T) {
		value := rapid.SliceOfN(rapid.Byte(), 1, 300)
		large := rapid.Map(rapid.IntRange(1, 5000), func(n int) []byte { return bytes.Repeat([]byte{7}, n) })
		values := rapid.SliceOfN(rapid.OneOf(value, value, large), 0, 60).Draw(r, "values")
		var found [][]byte
		last, err := 0, error(nil)
		buffer, err = storage.Blocks(buffer, values, func(first int, block []byte) error {
			if first != len(found) {
				r.Fatalf("a block begins with value %d after %d values", first, len(found))
			}
			if first > 0 && last+len(values[first])+1 <= storage.BlockBytes-1 {
				r.Errorf("value %d, of %d bytes, is not in the block before, of %d bytes", first, len(values[first]), last)
			}
			last = len(block)
			for rest := block; len(rest) > 0; {
				var record []byte
				var err error
				if record, rest, err = storage.CutRecord(rest); err != nil {
					return err
				}
				found = append(found, bytes.Clone(record))
			}
			if n := len(found) - first; n == 0 || n > 1 && len(block) > storage.BlockBytes {
				r.Errorf("a block of %d bytes holds %d values", len(block), n)
			}
			return nil
		})
		if err != nil {
			r.Fatal(err)
		}
		if !slices.EqualFunc(found, values, bytes.Equal) {
			r.Errorf("%d values became %d others", len(values), len(found))
		}
	})
}

// TestBlocksEndAtAnError fails to store a block, after which none is tried.
func TestBlocksEndAtAnError(t *testing.T) {
	t.Parallel()
	refused, calls := errors.New("refused"), 0
	_, err := storage.Blocks(nil, [][]byte{make([]byte, 900), make([]byte, 900), make([]byte, 900)}, func(int, []byte) error {
		calls++
		return refused
	})
	if !errors.Is(err, refused) || calls != 1 {
		t.Errorf("got error %v after %d calls, want the first one's", err, calls)
	}
}

// FuzzCutRecord cuts any bytes into records that lie in them, or gets an error.
func FuzzCutRecord(f *testing.F) {
	f.Add([]byte{2, 'a', 'b', 0, 1, 'c'})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, block []byte) {
		for rest := block; len(rest) > 0; {
			record, after, err := storage.CutRecord(rest)
			if err != nil {
				return
			}
			if len(after) >= len(rest) || !bytes.HasSuffix(rest[:len(rest)-len(after)], record) {
				t.Fatalf("%x was cut into %x and %x", rest, record, after)
			}
			rest = after
		}
	})
}
