package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// failingReads runs the program under strace, which has reads of a file fail from the n-th on, as those of a disk
// that cannot read it, and returns what it says, and its status.
func failingReads(t *testing.T, path string, n int, args ...string) (string, int) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err == nil {
		err = exec.CommandContext(t.Context(), strace, "-o", os.DevNull, strace, "-V").Run()
	}
	if err != nil {
		t.Skipf("system calls cannot be made to fail: strace: %v", err)
	}
	command := exec.CommandContext(t.Context(), strace, append([]string{
		"-f", "-o", os.DevNull, "-P", path, "-e", "trace=read,pread64", "-e", "inject=read,pread64:error=EIO:when=" + strconv.Itoa(n) + "+", binary,
	}, args...)...)
	out, _ := command.CombinedOutput() // the status says it
	return string(out), command.ProcessState.ExitCode()
}

// TestUnreadableFiles has the disk fail to read a file, from one of its parts on. Verifying names it as damaged and
// reads the rest, and a start that needs it says the same.
func TestUnreadableFiles(t *testing.T) {
	t.Parallel()
	data := newSegments(t)
	segments, err := filepath.Glob(filepath.Join(data, "log", "*.db"))
	must(t, err)
	for _, c := range []struct {
		path   string
		most   int // reads of it that go well
		opened bool
	}{
		{segments[1], 8, false},
		{segments[len(segments)-1], 8, true},
		{filepath.Join(data, "log", "tail"), 0, true},
		{filepath.Join(data, "head"), 0, true},
		{filepath.Join(data, "key"), 0, true},
	} {
		for well := range c.most + 1 {
			out, status := failingReads(t, c.path, well+1, "verify", "--data", data)
			if status != 1 || !strings.Contains(out, c.path) || !strings.Contains(out, "the disk cannot read it") || !strings.Contains(out, "damaged: ") {
				t.Errorf("%s cannot be read after %d reads; verify: status %d: %s", c.path, well, status, out)
			}
		}
		if !c.opened {
			continue
		}
		if out, status := failingReads(t, c.path, 1, "serve", "--listen", "127.0.0.1:0", "--data", data); status != 1 || !strings.Contains(out, c.path) || !strings.Contains(out, "input/output error") {
			t.Errorf("%s cannot be read; serve: status %d: %s", c.path, status, out)
		}
	}
}
