package build_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRevision builds a program as the Makefile does: in a repository, in a worktree of it, and
// where there is none.
func TestRevision(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	repository, worktree, bare := filepath.Join(root, "repository"), filepath.Join(root, "worktree"), filepath.Join(root, "bare")
	for _, folder := range []string{repository, bare} {
		for from, to := range map[string]string{
			"build.go": "internal/build/build.go", "testdata/program/main.go": "main.go", "../../.ci/stamp": ".ci/stamp",
		} {
			text, err := os.ReadFile(from)
			check(t, err)
			check(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, to)), 0o755))
			check(t, os.WriteFile(filepath.Join(folder, to), text, 0o755))
		}
		check(t, os.WriteFile(filepath.Join(folder, "go.mod"), []byte("module gatebook\n\ngo 1.26\n"), 0o644))
	}
	run(t, repository, "git", "init", "--quiet")
	run(t, repository, "git", "add", ".")
	run(t, repository, "git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "--message", "one",
		"--date", "2026-11-29T01:02:03+02:00")
	run(t, repository, "git", "worktree", "add", "--quiet", worktree)
	revision := run(t, repository, "git", "log", "-1", "--format=%H")
	if len(revision) < 40 {
		t.Fatalf("the revision is %q", revision)
	}
	for name, x := range map[string]struct{ folder, want, modified string }{
		"repository": {repository, revision, "false"},
		"worktree":   {worktree, revision, "false"},
		"bare":       {bare, "", ""},
	} {
		if got := strings.Split(built(t, x.folder), ","); len(got) != 3 || got[0] != x.want || got[2] != x.modified {
			t.Errorf("%s: got %q", name, got)
		}
	}
	check(t, os.WriteFile(filepath.Join(worktree, "new"), nil, 0o644))
	if got := built(t, worktree); !strings.HasPrefix(got, revision) || !strings.HasSuffix(got, "Z,true") {
		t.Errorf("with a change: got %q", got)
	}
	inner := filepath.Join(repository, "inner") // sources in a repository that is not theirs
	check(t, os.CopyFS(inner, os.DirFS(bare)))
	if got := run(t, inner, ".ci/stamp"); got != "" {
		t.Errorf("within another repository: got %q", got)
	}
}

// built returns what a program prints that is built in a folder.
func built(t *testing.T, folder string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	run(t, folder, "go", "build", "-trimpath", "-ldflags", run(t, folder, ".ci/stamp"), "-o", program, ".")
	return run(t, folder, program)
}

// run runs a program in a folder, and returns what it prints.
func run(t *testing.T, folder, name string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir = folder
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return strings.TrimSpace(string(out))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
