package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatebook/cmd/gatebook"
)

// TestMan writes the manual pages: one for each command, with its flags and examples, and
// without complaints of the formatter, where there is one.
func TestMan(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	run := func(args ...string) string {
		var out, errs bytes.Buffer
		if status := main.RunAt(t.Context(), append([]string{"man"}, args...), &out, &errs, 0, false, time.Time{}, time.UTC); status != 0 {
			t.Fatalf("status %d: %s", status, &errs)
		}
		return out.String()
	}
	page := run()
	for _, want := range []string{".TH GATEBOOK 1", ".SH NAME\ngatebook \\- ", ".B serve\n", "gatebook\\-list(1)", ".SH EXIT STATUS"} {
		if !strings.Contains(page, want) {
			t.Errorf("there is no %q in\n%s", want, page)
		}
	}
	if strings.Contains(page, "__complete") {
		t.Error("it shows a hidden command")
	}
	run(folder)
	pages, err := filepath.Glob(filepath.Join(folder, "gatebook*.1"))
	if err != nil || len(pages) < 20 {
		t.Errorf("%d pages: %v", len(pages), err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "gatebook-user-add.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{".B gatebook user add\n", ".B \\-\\-role=admin|basic|source\n", ".SH EXAMPLES\n.nf\n  gatebook user add ann", "GATEBOOK_DATA"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	if _, err := exec.LookPath("groff"); err != nil {
		return
	}
	for _, path := range pages {
		out, err := exec.CommandContext(t.Context(), "groff", "-man", "-ww", "-Tutf8", "-z", path).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", path, err, out)
		}
	}
}
