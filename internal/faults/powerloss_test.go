package faults_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"gatebook/internal/faults"
)

// TestPowerLoss traces a program that records sessions, and opens the book from what a disk
// may hold if the power is lost at any of its steps.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	trace, folder := traced(t, sessionsTraced)
	total := 0
	count := func(*faults.Step) error { total++; return nil }
	if err := faults.ReadTrace(bytes.NewReader(trace), count); err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("%d steps, %d losses of power, seed %d", total, powerLosses, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	disk, done := faults.NewDisk(filepath.Dir(folder)), newProgress()
	data := filepath.Join(diskFolder(t), "crashed")
	left, tried := total, 0
	err := faults.ReadTrace(bytes.NewReader(trace), func(s *faults.Step) error {
		done.read(string(s.Output()))
		if err := disk.Follow(s); err != nil {
			return err
		}
		for range share(random, powerLosses-tried, left) {
			tried++
			if err := loss(t.Context(), disk, random, data, done); err != nil {
				return fmt.Errorf("power is lost after %s: %w", s.Name, err)
			}
		}
		left--
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if tried != powerLosses {
		t.Errorf("%d losses of power were tried, want %d", tried, powerLosses)
	}
	// The whole trace leaves all that the program did: the model missed nothing.
	if err := loss(t.Context(), disk, random, data, done); err != nil {
		t.Error(err)
	}
}

// share returns how many of what is to be tried fall on one of the steps that are left.
func share(random *rand.Rand, tries, left int) int {
	n := tries / left
	if random.IntN(left) < tries%left {
		n++
	}
	return n
}

// loss loses the power, and checks the book that is left.
func loss(ctx context.Context, disk *faults.Disk, random *rand.Rand, folder string, done *progress) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := disk.Crash(random, folder); err != nil {
		return err
	}
	return done.check(ctx, filepath.Join(folder, "data"))
}

// traced runs the workload under strace, and returns the trace and the book's folder.
func traced(t *testing.T, sessions int) (trace []byte, folder string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "data")
	path := filepath.Join(t.TempDir(), "trace")
	child := underStrace(t, workload(t, folder, "", sessions), append(faults.TraceOptions(), "-o", path)...)
	if output, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	trace, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return trace, folder
}

// diskFolder returns a folder in memory where there is one: thousands of books are written
// to it.
func diskFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "gatebook")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	return folder
}
