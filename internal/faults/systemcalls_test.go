package faults_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// changing are the system calls that change files, those of the log's and the archive's life.
var changing = []string{"pwrite64", "write", "fdatasync", "fsync", "ftruncate", "renameat", "unlinkat", "mkdirat", "openat", "mmap"}

// TestSystemCallsFail makes system calls of a program that records sessions fail, once or from
// some time on.
func TestSystemCallsFail(t *testing.T) {
	t.Parallel()
	injections(t, callsFailed, func(random *rand.Rand) string {
		call := changing[random.IntN(len(changing))]
		fault := []string{"EIO", "ENOSPC"}[random.IntN(2)]
		return fmt.Sprintf("inject=%s:error=%s:when=%d%s", call, fault, 1+random.IntN(40), []string{"", "+"}[random.IntN(2)])
	})
}

// TestKilledAtSystemCall kills a program that records sessions when it is about to change a
// file: at each step of beginning a book, appending, sealing, and writing a checkpoint.
func TestKilledAtSystemCall(t *testing.T) {
	t.Parallel()
	injections(t, callsKilled, func(random *rand.Rand) string {
		call := changing[random.IntN(len(changing))]
		return fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", call, 1+random.IntN(60))
	})
}

// injections runs the workload n times under strace, each time with a fault, and checks the
// book that is left.
func injections(t *testing.T, n int, fault func(*rand.Rand) string) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("%d faults, seed %d", n, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	parent := diskFolder(t)
	for range n {
		inject, folder, done := fault(random), filepath.Join(parent, "data"), newProgress()
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		err := run(underStrace(t, workload(t, folder, "", 8), "-f", "-o", os.DevNull, "-e", inject), done)
		if err == nil {
			err = done.check(t.Context(), folder)
		}
		if err != nil {
			t.Fatalf("%s: %v", inject, err)
		}
	}
}
