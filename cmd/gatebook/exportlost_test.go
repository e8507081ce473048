package main_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatebook/storage"
)

// newestSegment returns the path of the newest segment of the log in a folder.
func newestSegment(t *testing.T, folder string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(folder, "log", "*.db"))
	must(t, err)
	if len(all) < 2 {
		t.Fatalf("the log has the segments %q, want several", all)
	}
	return slices.Max(all)
}

// replaced puts the file of an older folder in the place of that of a newer one.
func replaced(older, name string) damage {
	return damage{"with an older " + name, func(t *testing.T, folder string) {
		b, err := os.ReadFile(filepath.Join(older, name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(folder, name), b, 0o600))
	}}
}

// rolledBack puts the segments of an older copy of a log in the place of its own, and removes the files that are named.
func rolledBack(older string, without ...string) damage {
	return damage{"rolled back, without " + strings.Join(without, " and "), func(t *testing.T, folder string) {
		log := filepath.Join(folder, "log")
		tail, err := os.ReadFile(filepath.Join(log, "tail"))
		must(t, err)
		must(t, os.RemoveAll(log))
		must(t, os.CopyFS(log, os.DirFS(filepath.Join(older, "log"))))
		must(t, os.WriteFile(filepath.Join(log, "tail"), tail, 0o600))
		for _, name := range without {
			must(t, os.Remove(filepath.Join(folder, name)))
		}
	}}
}

// olderAndNewer returns a data folder, and a copy of it from before it went on in its newest segment.
func olderAndNewer(t *testing.T) (older, data string) {
	t.Helper()
	data, older = newSegments(t), filepath.Join(t.TempDir(), "older")
	grow(t, data, 2)
	copyFolder(t, older, data)
	grow(t, data, 2)
	return older, data
}

// TestExportOfALogThatLostRecords exports logs whose last records were lost, or whose head is not theirs: each is
// refused in both formats, nothing is written, and the way out is said.
func TestExportOfALogThatLostRecords(t *testing.T) {
	t.Parallel()
	older, data := olderAndNewer(t)
	backup := filepath.Join(t.TempDir(), "backup")
	mustRun(t, "backup", backup, "--data", data)
	newest := damage{"without its newest segment", func(t *testing.T, folder string) { must(t, os.Remove(newestSegment(t, folder))) }}
	all := append(damages("head"), newest, replaced(older, filepath.Join("log", filepath.Base(newestSegment(t, older)))))
	for _, from := range []string{data, backup} {
		cases := all
		if from == data {
			cases = append(slices.Clone(all), rolledBack(older, "log/tail"), rolledBack(older, "log/tail", "book.db"), rolledBack(older, "head", "book.db"))
		}
		for _, d := range cases {
			for _, format := range []string{"ndjson", "csv"} {
				folder, out := filepath.Join(t.TempDir(), "copy"), filepath.Join(t.TempDir(), "out")
				copyFolder(t, folder, from)
				d.do(t, folder)
				said, status := gatebookCommand(t, "export", "--format", format, "--data", folder, "--out", out)
				if status != 1 || !strings.Contains(said, "cannot be exported: "+folder) || !strings.Contains(said, "--salvage") || isThere(out) {
					t.Errorf("%s, %s, %s: status %d, it says %q, and the file is there: %t", filepath.Base(from), d.name, format, status, said, isThere(out))
				}
			}
		}
	}
	for _, from := range []string{data, backup} {
		mustRun(t, "export", "--data", from)
		mustRun(t, "export", "--format", "csv", "--data", from)
	}
}

// TestRootOfEachSize compares the roots that a stopped log gives for each size, on which the check of a head before an
// export rests, with those that its records give.
func TestRootOfEachSize(t *testing.T) {
	t.Parallel()
	data := newSegments(t)
	locked, err := storage.LockExisting(data)
	must(t, err)
	log, err := storage.DescribeLog(locked.Log())
	must(t, err)
	var sizes []uint64
	for size := range log.Head.Sequence + 1 {
		sizes = append(sizes, size)
	}
	v, err := storage.Verify(t.Context(), locked.Log(), nil, sizes...)
	must(t, err)
	for _, size := range sizes {
		root, known, err := locked.RootAt(log, size)
		if want, found := v.Roots[size]; err != nil || !known || !found || root != want {
			t.Fatalf("the root over %d records is %s (known %t), %v; want %s", size, root, known, err, want)
		}
	}
	must(t, locked.Unlock())
}
