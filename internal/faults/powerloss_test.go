package faults_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gatebook/internal/faults"
)

// TestPowerLoss traces a program that records sessions, and opens the book from what a disk
// may hold if the power is lost at any of its steps.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	folder, done := filepath.Join(t.TempDir(), "data"), newProgress()
	trace := traced(t, workload(t, folder, "", sessionsTraced))
	losePower(t, trace, filepath.Dir(folder), powerLosses, done.read, func(crashed string) error {
		return done.check(t.Context(), filepath.Join(crashed, "data"))
	})
}

// losePower follows a trace of a program that worked in an empty folder, and loses the power n
// times, at any of its steps and at the end. Each time check is called with the folder as it is
// left. printed is called with what the program prints, in time.
func losePower(t *testing.T, trace []byte, folder string, n int, printed func(string), check func(crashed string) error) {
	t.Helper()
	total := 0
	count := func(*faults.Step) error { total++; return nil }
	if err := faults.ReadTrace(bytes.NewReader(trace), count); err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("%d steps, %d losses of power, seed %d", total, n, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	disk, crashed := faults.NewDisk(folder), filepath.Join(diskFolder(t), "crashed")
	left, tried := total, 0
	loss := func() error {
		err := os.RemoveAll(crashed)
		if err == nil {
			err = disk.Crash(random, crashed)
		}
		if err == nil {
			err = check(crashed)
		}
		return err
	}
	err := faults.ReadTrace(bytes.NewReader(trace), func(s *faults.Step) error {
		printed(string(s.Output()))
		if err := disk.Follow(s); err != nil {
			return err
		}
		for range share(random, n-tried, left) {
			tried++
			if err := loss(); err != nil {
				return fmt.Errorf("power is lost after %s: %w", s.Name, err)
			}
		}
		left--
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if tried != n {
		t.Errorf("%d losses of power were tried, want %d", tried, n)
	}
	// The whole trace leaves all that the program did: the model missed nothing.
	if err := loss(); err != nil {
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

// traced runs a command under strace, and returns the trace.
func traced(t *testing.T, child *exec.Cmd) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace")
	child = underStrace(t, child, append(faults.TraceOptions(), "-o", path)...)
	if output, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	trace, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return trace
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
