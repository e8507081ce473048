package storage_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"gatebook/storage"
)

// FuzzInspect inspects any file, and expects a *CorruptError or its size. bbolt must
// then be able to open the file or refuse it. Where right is true the checksums of the
// meta pages are corrected, so that the other checks are reached.
func FuzzInspect(f *testing.F) {
	dir := f.TempDir()
	path := segmentPath(dir)
	if err := storage.CreateBolt(filepath.Dir(path)); err != nil {
		f.Fatal(err)
	}
	empty, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	empty = empty[:image(empty).used()]
	f.Add([]byte{}, false)
	f.Add([]byte("text"), false)
	f.Add(empty[:100], false)
	f.Add(empty[:2*pageSize], true)
	f.Add(empty, false)
	path = segmentPath(f.TempDir())
	fill(f, path, 120, 60)
	two, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	two = two[:image(two).used()]
	f.Add(two, true)
	for _, mend := range []func(image){image.abandon, image.revert, func(b image) { b.update(0, metaFreelist, math.MaxUint64) }} {
		b := bytes.Clone(two)
		mend(b)
		f.Add(b, true)
	}
	path = segmentPath(f.TempDir())
	writeSegment(f, path, two)
	f.Fuzz(func(t *testing.T, b []byte, right bool) {
		if right && len(b) >= 2*pageSize {
			b = bytes.Clone(b)
			image(b).page(0).sum()
			image(b).page(1).sum()
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		size, err := storage.Inspect(path)
		if err != nil {
			if !corrupt(err) {
				t.Fatalf("got %v, want a CorruptError", err)
			}
			return
		}
		if size != int64(len(b)) {
			t.Fatalf("got size %d, want %d", size, len(b))
		}
		if _, err := replayed(path); errors.Is(err, storage.ErrNotExist) {
			t.Fatal(err)
		}
	})
}
