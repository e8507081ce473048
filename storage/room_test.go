package storage_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatebook/storage"
)

// TestRoomAfterFullDisk fills a real disk with records and frees space. The log finds out without an append, leaves no
// file of its own, and what did not fit is recorded then. It says nothing of space while there is not enough.
func TestRoomAfterFullDisk(t *testing.T) {
	t.Parallel()
	folder, makeRoom := smallDisk(t, 200<<10)
	l := openFaulty(t, filepath.Join(folder, "log"))
	text := strings.Repeat("text ", 400)
	var err error
	for appends := 0; err == nil && appends < 1000; appends++ {
		err = l.put(text, text)
	}
	if !errors.Is(err, storage.ErrDiskFull) {
		t.Fatalf("got %v, want ErrDiskFull", err)
	}
	if err := l.Room(4000); !errors.Is(err, storage.ErrDiskFull) || !errors.Is(l.Err(), storage.ErrDiskFull) {
		t.Errorf("without space: got %v, and %v of the log, want ErrDiskFull", err, l.Err())
	}
	makeRoom()
	if err := l.Room(1 << 20); !errors.Is(err, storage.ErrDiskFull) {
		t.Errorf("for more than there is: got %v, want ErrDiskFull", err)
	}
	for deadline := time.Now().Add(20 * time.Second); l.Err() != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("there is room, and the log says %v", l.Err())
		}
	}
	if err := l.put(text, text); err != nil {
		t.Errorf("when the log is ready again: %v", err)
	}
	entries, err := os.ReadDir(filepath.Join(folder, "log"))
	if err != nil || len(entries) != 2 {
		t.Errorf("the log has %v, with error %v, want a segment and the tail", entries, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
