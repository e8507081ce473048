package storage_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNamesAreDurable traces the system calls. The content of a file is synced before
// the file is renamed, and each folder with a new name after it. Otherwise a power
// failure could leave a name without its content, or remove the name.
func TestNamesAreDurable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		work, name string
		// want are the calls to expect, in this order, as regular expressions. DIR
		// stands for the folder of the test.
		want []string
	}{
		{"create", "log", []string{
			`f(data)?sync\(\d+<DIR/log\.new/0+1\.db\.new>`, `rename\w*\(.*/log\.new"`, `fsync\(\d+<DIR>`,
		}},
		{"folder", "data", []string{`mkdir\w*\(.*data`, `fsync\(\d+<DIR>`}},
	} {
		t.Run(c.work, func(t *testing.T) {
			t.Parallel()
			strace, err := exec.LookPath("strace")
			if err == nil {
				err = exec.CommandContext(t.Context(), strace, "-o", os.DevNull, strace, "-V").Run()
			}
			if err != nil {
				t.Skipf("system calls cannot be watched: strace: %v", err)
			}
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			trace := filepath.Join(t.TempDir(), "trace")
			child := exec.CommandContext(t.Context(), strace,
				"-f", "-y", "-o", trace, "-e", "trace=fsync,fdatasync,rename,renameat,renameat2,mkdir,mkdirat", self)
			child.Env = append(os.Environ(), childVariable+"="+c.work+" "+filepath.Join(dir, c.name))
			if output, err := child.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			calls, err := os.ReadFile(trace)
			if err != nil {
				t.Fatal(err)
			}
			rest := string(calls)
			for _, want := range c.want {
				pattern := regexp.MustCompile(strings.ReplaceAll(want, "DIR", regexp.QuoteMeta(dir)))
				at := pattern.FindStringIndex(rest)
				if at == nil {
					t.Fatalf("%q was not called, or too early:\n%s", want, calls)
				}
				rest = rest[at[1]:]
			}
		})
	}
}
