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

// TestPowerLossAfterKill kills a program that records sessions before one of its commits is
// synced. The next one opens the book: what it finds may be in the system's memory alone. Then
// the power is lost. The book opens, with all that was acknowledged.
func TestPowerLossAfterKill(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(rand.Uint64(), 0))
	crashed := filepath.Join(diskFolder(t), "crashed")
	for range killedAndLost {
		folder, done := filepath.Join(t.TempDir(), "data"), newProgress()
		disk := faults.NewDisk(filepath.Dir(folder))
		inject := fmt.Sprintf("inject=fdatasync:signal=SIGKILL:when=%d", 2+random.IntN(30))
		for _, child := range []*exec.Cmd{
			underStrace(t, workload(t, folder, outsidePrefix, 8), append(faults.TraceOptions(), "-e", inject)...),
			underStrace(t, workload(t, folder, openPrefix, 0), faults.TraceOptions()...),
		} {
			if err := followRun(t, disk, child, done); err != nil {
				t.Fatalf("%s: %v", inject, err)
			}
		}
		for range 3 {
			if err := os.RemoveAll(crashed); err != nil {
				t.Fatal(err)
			}
			err := disk.Crash(random, crashed)
			if err == nil {
				err = done.check(t.Context(), filepath.Join(crashed, "data"))
			}
			if err != nil {
				t.Fatalf("%s: %v", inject, err)
			}
		}
	}
}

// followRun runs a traced command to its end, and follows what it did.
func followRun(t *testing.T, disk *faults.Disk, child *exec.Cmd, done *progress) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace")
	child.Args = append([]string{child.Args[0], "-o", path}, child.Args[1:]...)
	if _, err := output(child); err != nil {
		return err
	}
	trace, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	disk.NextProcess()
	return faults.ReadTrace(bytes.NewReader(trace), func(s *faults.Step) error {
		done.read(string(s.Output()))
		return disk.Follow(s)
	})
}
