package storage_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gatebook/storage"
	"gatebook/storage/index"
)

// smallDisk mounts a file system of one megabyte, and fills it up to the given number
// of free bytes. The returned function frees space again.
func smallDisk(t *testing.T, free int) (folder string, makeRoom func()) {
	t.Helper()
	folder = t.TempDir()
	const size = 1 << 20
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("a small disk cannot be mounted, which takes root and mount(2): %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(folder, "ballast")
	if err := os.WriteFile(ballast, bytes.Repeat([]byte("x"), size-free), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder, func() {
		t.Helper()
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFullDisk fills a real disk with records, frees space, and appends again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	folder, makeRoom := smallDisk(t, 200<<10)
	l := openFaulty(t, filepath.Join(folder, "log"))
	text := strings.Repeat("text ", 400)
	var err error
	appends := 0
	for err == nil && appends < 1000 {
		if err = l.put(text, text); err == nil {
			appends++
		}
	}
	for range 3 { // repeating it changes nothing
		if !errors.Is(err, storage.ErrDiskFull) || !errors.Is(err, unix.ENOSPC) {
			t.Fatalf("after %d appends: got %v, want ErrDiskFull", appends, err)
		}
		if err := l.Err(); !errors.Is(err, storage.ErrDiskFull) {
			t.Errorf("ready: got %v, want ErrDiskFull", err)
		}
		err = l.put(text, text)
	}
	if got := len(l.records()); got != 2*appends || appends == 0 {
		t.Errorf("%d records were delivered, and %d acknowledged", got, 2*appends)
	}
	makeRoom()
	if err := l.put("there is room"); err != nil {
		t.Fatalf("when there is room again: %v", err)
	}
	if err := l.Err(); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
	want := l.records()
	if got := uint64(len(want)); got != uint64(2*appends+1) || l.Head().Sequence != got {
		t.Errorf("%d records were delivered up to %d, want %d", got, l.Head().Sequence, 2*appends+1)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := replayed(filepath.Join(l.path, firstSegment))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("after reopening: %d records and error %v, want %d", len(got), err, len(want))
	}
}

// TestFullDiskAtCreation creates files on a full disk, which must leave none behind.
func TestFullDiskAtCreation(t *testing.T) {
	t.Parallel()
	folder, makeRoom := smallDisk(t, 8<<10)
	path := filepath.Join(folder, "log")
	if err := storage.CreateBolt(path); !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want that there is no space for %s", err, path)
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, with error %v, want the ballast alone", entries, err)
	}
	makeRoom()
	if err := storage.CreateBolt(path); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
	if _, err := replayed(filepath.Join(path, firstSegment)); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
}

// TestFullDiskOfArchive fills the disk of an archive. A commit that finds no space
// changes nothing, and the next one succeeds.
func TestFullDiskOfArchive(t *testing.T) {
	t.Parallel()
	folder, makeRoom := smallDisk(t, 200<<10)
	path := filepath.Join(folder, "book.db")
	archive := newArchive(t, path)
	value := bytes.Repeat([]byte("v"), 4000)
	var err error
	position := uint64(0)
	for err == nil && position < 1000 {
		if err = archive.Commit(position+1, storage.RecordSum{}, []storage.Change{{Table: "a", Key: recordKey(position + 1), Value: value}}, index.Update{}); err == nil {
			position++
		}
	}
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), path) || position == 0 {
		t.Fatalf("after %d commits: got %v, want that there is no space for %s", position, err, path)
	}
	wantRows(t, archive, position, int(position))
	makeRoom()
	if err := archive.Commit(position+1, storage.RecordSum{}, []storage.Change{{Table: "a", Key: recordKey(position + 1), Value: value}}, index.Update{}); err != nil {
		t.Fatalf("when there is room again: %v", err)
	}
	wantRows(t, archive, position+1, int(position+1))
	if err := archive.Close(); err != nil {
		t.Error(err)
	}
}
