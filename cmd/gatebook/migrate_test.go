package main_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// format2 returns a data folder with a log of format 2.
func format2(t *testing.T) string {
	t.Helper()
	return olderFolder(t, 2)
}

// olderFolder returns a data folder with a log of an older format.
func olderFolder(t *testing.T, format int) string {
	t.Helper()
	from, folder := filepath.Join("..", "..", "testdata", fmt.Sprint("format", format)), filepath.Join(t.TempDir(), "data")
	must(t, os.MkdirAll(filepath.Join(folder, "log"), 0o700))
	packed, err := filepath.Glob(filepath.Join(from, "*.gz"))
	must(t, err)
	for _, path := range packed {
		f, err := os.Open(path)
		must(t, err)
		r, err := gzip.NewReader(f)
		must(t, err)
		content, err := io.ReadAll(r)
		must(t, err)
		must(t, f.Close())
		must(t, os.WriteFile(filepath.Join(folder, "log", strings.TrimSuffix(filepath.Base(path), ".gz")), content, 0o600))
	}
	must(t, os.WriteFile(filepath.Join(folder, "lock"), nil, 0o600)) // the program of format 2 had left one
	return folder
}

// TestMigrate upgrades a log offline, twice, and has a server do it at its start. The server
// removes the older files when it stops.
func TestMigrate(t *testing.T) {
	t.Parallel()
	folder := format2(t)
	for _, want := range []string{
		"6 segments upgraded from format 2 to 3; the older files are kept until the next clean stop of a server\n",
		"The log has format 3 already: there was nothing to do.\n",
	} {
		out, err := exec.Command(binary, "migrate", "--data", folder).CombinedOutput()
		if err != nil || string(out) != want {
			t.Errorf("it says %q with error %v, want %q", out, err, want)
		}
	}
	for _, folder := range []string{folder, format2(t)} {
		p := serve(t, "--data", folder)
		kept, err := filepath.Glob(filepath.Join(folder, "log", "*.format2"))
		if err != nil || len(kept) != 6 {
			t.Errorf("the older files %q are kept: %v", kept, err)
		}
		if status, _, body := p.request("GET", "/sessions/2"); status != 200 || !strings.Contains(body, `"ann"`) {
			t.Errorf("got %d %s", status, body)
		}
		if status := p.stop(); status != 0 {
			t.Fatalf("the server ended with status %d", status)
		}
		if kept, err = filepath.Glob(filepath.Join(folder, "log", "*.format2")); err != nil || len(kept) != 0 {
			t.Errorf("after a clean stop the older files %q are kept: %v", kept, err)
		}
	}
}

// TestOlderFolders gives folders of older formats to each command that works without a server: it does its work, or
// names the format and the command that brings the log up to date, and leaves nothing behind.
func TestOlderFolders(t *testing.T) {
	t.Parallel()
	for _, format := range []int{1, 2} {
		t.Run(fmt.Sprint("format ", format), func(t *testing.T) {
			t.Parallel()
			whole := olderFolder(t, format)
			records, root := storedOf(t, whole)
			refusal := fmt.Sprintf("has format %d, this gatebook writes format 3: bring the log up to date with gatebook migrate", format)
			for _, c := range []struct {
				works bool
				args  []string
			}{
				{true, []string{"info"}},
				{true, []string{"verify"}},
				{true, []string{"verify", "--salvage", "OUT"}},
				{true, []string{"export", "--out", "OUT"}},
				{true, []string{"export", "--format", "csv", "--out", "OUT"}},
				{true, []string{"compact"}},
				{false, []string{"backup", "OUT"}},
				{false, []string{"backup", "OUT", "--with-secrets"}},
				{false, []string{"rebuild"}},
				{false, []string{"key", "rotate"}},
				{false, []string{"key", "rotate", "--force"}},
			} {
				folder, out := olderFolder(t, format), filepath.Join(t.TempDir(), "out")
				args := append(c.args, "--data", folder)
				for i := range args {
					args[i] = strings.Replace(args[i], "OUT", out, 1)
				}
				if c.works {
					mustRun(t, args...)
				} else {
					mustRefuse(t, refusal, args...)
					if left, err := os.ReadDir(filepath.Dir(out)); err != nil || len(left) > 0 {
						t.Errorf("%q has left %v, %v", args, left, err)
					}
				}
				if is, isRoot := storedOf(t, folder); isRoot != root || len(is) != len(records) {
					t.Errorf("after %q the log has %d records and the root %s", args, len(is), isRoot)
				}
				mustRun(t, "migrate", "--data", folder)
				if _, isRoot := storedOf(t, folder); isRoot != root {
					t.Errorf("after %q and migrate the log has the root %s", args, isRoot)
				}
				mustRun(t, "rebuild", "--data", folder)
			}
		})
	}
}

// TestOlderExports imports the exports of older formats, and compares their sessions with those of the upgraded log.
func TestOlderExports(t *testing.T) {
	t.Parallel()
	for _, format := range []int{1, 2} {
		folder, room := olderFolder(t, format), t.TempDir()
		file, imported := filepath.Join(room, "book.ndjson"), filepath.Join(room, "imported")
		before := mustRun(t, "export", "--format", "csv", "--data", folder)
		mustRun(t, "export", "--data", folder, "--out", file)
		mustRun(t, "import", file, "--as-is", "--data", imported)
		mustRun(t, "migrate", "--data", folder)
		for _, data := range []string{folder, imported} {
			if after := mustRun(t, "export", "--format", "csv", "--data", data); after != before {
				t.Errorf("of format %d the sessions are\n%s\nand in %s\n%s", format, before, data, after)
			}
		}
	}
}

// TestBackupOfOlderSegment backs a log up in which a segment of an older format was put back.
func TestBackupOfOlderSegment(t *testing.T) {
	t.Parallel()
	folder, backup := format2(t), filepath.Join(t.TempDir(), "backup")
	mustRun(t, "migrate", "--data", folder)
	first := filepath.Join(folder, "log", "00000000000000000001.db")
	must(t, os.Rename(first+".format2", first))
	mustRefuse(t, "00000000000000000001.db is of an older format than this gatebook writes: bring the log up to date with gatebook migrate", "backup", backup, "--data", folder)
	mustRun(t, "migrate", "--data", folder)
	mustRun(t, "backup", backup, "--data", folder)
	mustRun(t, "verify", "--data", backup)
}
