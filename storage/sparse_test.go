package storage

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestSparse writes files with zeros in pieces of any length: each has its bytes again, and zeros take nothing of
// the disk.
func TestSparse(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 50 {
		want := make([]byte, random.IntN(1<<20))
		for range random.IntN(5) {
			if len(want) > 0 {
				at := random.IntN(len(want))
				for i := at; i < min(len(want), at+random.IntN(3*holeBytes)); i++ {
					want[i] = byte(random.Uint32())
				}
			}
		}
		f, err := os.Create(filepath.Join(t.TempDir(), "file"))
		if err != nil {
			t.Fatal(err)
		}
		w := &sparseWriter{file: f}
		for rest := want; len(rest) > 0; {
			n := min(len(rest), 1+random.IntN(1<<random.IntN(20)))
			if got, err := w.Write(rest[:n]); got != n || err != nil {
				t.Fatalf("wrote %d of %d bytes, %v", got, n, err)
			}
			rest = rest[n:]
		}
		if err := w.finish(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(f.Name())
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes are not the %d that were written, %v", len(got), len(want), err)
		}
	}
}

// TestZerosTakeNothing writes a file of zeros alone, and compares what it takes.
func TestZerosTakeNothing(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	w := &sparseWriter{file: f}
	if _, err := w.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.finish(); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := info.Sys().(*syscall.Stat_t); !ok || info.Size() != 1<<20 || s.Blocks > 8 {
		t.Errorf("it has %d bytes, and takes %d blocks", info.Size(), s.Blocks)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
