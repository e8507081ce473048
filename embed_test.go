package gatebook_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestEmbed builds a module of its own that has the registry inside it, as a
// gateway or a bastion would, and lets it crash once: what a Go program can
// import is enough, and the next run knows about the session.
func TestEmbed(t *testing.T) {
	t.Parallel()
	program := buildEmbed(t)
	folder := filepath.Join(t.TempDir(), "data")
	for _, want := range []string{
		"opened 1 jdoe live\n",
		"found 1 jdoe lost\nopened 2 jdoe live\n",
	} {
		output, err := exec.CommandContext(t.Context(), program, folder).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 3 {
			t.Fatalf("the program ended with %v:\n%s", err, output)
		}
		if string(output) != want {
			t.Errorf("it said %q, want %q", output, want)
		}
	}
}

// buildEmbed builds testdata/embed in a throwaway module and returns its path.
func buildEmbed(t *testing.T) string {
	t.Helper()
	repository, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	copyFile(t, filepath.Join("testdata", "embed", "main.go"), filepath.Join(dir, "main.go"))
	copyFile(t, "go.sum", filepath.Join(dir, "go.sum"))
	text := strings.Join([]string{
		"module example.com/embed",
		"go 1.26.0",
		"require gatebook v0.0.0",
		"replace gatebook => " + repository,
	}, "\n\n") + "\n"
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "embed")
	build := exec.CommandContext(t.Context(), "go", "build", "-mod=mod", "-o", program, ".")
	build.Dir = dir
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, output)
	}
	return program
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
