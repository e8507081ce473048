package regular_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gatebook/internal/regular"
)

// TestExplain explains errors of files that may not be used, and no others. (That of another user's file is tested
// with the program.)
func TestExplain(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "f")
	if err := os.WriteFile(path, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{nil, errors.New("another"), fs.ErrPermission, &fs.PathError{Op: "open", Path: path, Err: syscall.ENOENT}} {
		if got := regular.Explain(err); got != err { //nolint:errorlint // it is the very same
			t.Errorf("%v became %v", err, got)
		}
	}
	for _, c := range []struct{ op, path, barrier string }{
		{"open", path, "the file " + path + " belongs to uid "},
		{"remove", path, "the folder " + folder + " belongs to uid "},
		{"open", filepath.Join(folder, "none", "at", "all"), "the folder " + folder + " belongs to uid "},
	} {
		err := fmt.Errorf("use it: %w", &fs.PathError{Op: c.op, Path: c.path, Err: syscall.EACCES})
		got := regular.Explain(err)
		if !errors.Is(got, err) || !strings.Contains(got.Error(), c.barrier) || !strings.Contains(got.Error(), fmt.Sprintf("this process runs as uid %d", os.Geteuid())) {
			t.Errorf("%s %s: %v", c.op, c.path, got)
		}
	}
}
