package faults_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatebook"
)

// openPrefix makes the workload one that opens the book in its folder, and closes it.
const openPrefix = "open"

func openAndClose(ctx context.Context, folder string) error {
	r, err := gatebook.Open(ctx, folder, options())
	if err == nil {
		err = r.Close()
	}
	return err
}

// TestUpgradeFails makes system calls fail while the log of an older format is upgraded, and kills
// the program before one. What is left opens, with all its records.
func TestUpgradeFails(t *testing.T) {
	t.Parallel()
	older := olderLog(t)
	folder := filepath.Join(diskFolder(t), "data")
	want, err := upgraded(t, older, folder, "")
	if err != nil || want < 400 {
		t.Fatalf("%d records; %v", want, err)
	}
	for i := range upgradesFailed {
		fault := []string{"error=EIO", "error=ENOSPC", "signal=SIGKILL"}[i%3]
		inject := fmt.Sprintf("inject=%s:%s:when=%d", append(changing, "linkat")[rand.IntN(len(changing)+1)], fault, 1+rand.IntN(40))
		got, err := upgraded(t, older, folder, inject)
		if err == nil && got < want {
			err = fmt.Errorf("%d records, want %d", got, want)
		}
		if err != nil {
			t.Fatalf("%s: %v", inject, err)
		}
	}
}

// upgraded has the log upgraded with a fault, and returns how many records are there afterwards.
func upgraded(t *testing.T, older, folder, inject string) (records uint64, err error) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(folder, 0o700), os.CopyFS(filepath.Join(folder, "log"), os.DirFS(older))); err != nil {
		return 0, err
	}
	if inject != "" {
		if _, err := output(underStrace(t, workload(t, folder, openPrefix, 0), "-f", "-o", os.DevNull, "-e", inject)); err != nil {
			return 0, err
		}
	}
	return recordsOf(t, folder)
}

// recordsOf returns how many records a book that opens and is whole has.
func recordsOf(t *testing.T, folder string) (records uint64, err error) {
	t.Helper()
	r, err := gatebook.Open(t.Context(), folder, options())
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	verified, err := r.Verify(t.Context(), func(int64, int64) error { return nil })
	if err == nil {
		err = faultsOf(verified)
	}
	return r.OpenInfo().Records, err
}

// olderLog returns the folder of a log of format 2.
func olderLog(t *testing.T) string {
	t.Helper()
	from, folder := filepath.Join("..", "..", "testdata", "format2"), t.TempDir()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name, packed := strings.CutSuffix(e.Name(), ".gz")
		f, err := os.Open(filepath.Join(from, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		var r io.Reader = f
		if packed {
			r, err = gzip.NewReader(f)
		}
		var content []byte
		if err == nil {
			content, err = io.ReadAll(r)
		}
		if err := errors.Join(err, f.Close(), os.WriteFile(filepath.Join(folder, name), content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}
