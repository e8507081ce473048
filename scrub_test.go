package gatebook

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// TestScrub reads the log of an open registry through in the background. Damage of a record
// that nobody asks for is found, reported once, and recording goes on.
func TestScrub(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	reported := make(chan error, 100)
	r, err := Open(t.Context(), folder, Options{ScrubPeriod: time.Millisecond, Report: func(err error) { reported <- err }})
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.StartSource(t.Context(), SourceOptions{Name: "gateway"})
	if err != nil {
		t.Fatal(err)
	}
	open := func() {
		t.Helper()
		if _, err := s.Open(t.Context(), events.SessionOpened{Service: "orders", Listener: "0.0.0.0:4006"}); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		open()
	}
	await(t, "the log was read through", func() bool { return r.Stats().Scrub.Records >= 4 })
	if err := r.Damage(); err != nil {
		t.Errorf("a whole log is said to be damaged: %v", err)
	}
	path := filepath.Join(folder, "log", "00000000000000000001.db")
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := range len(b) - 12 { // in every copy of the page
		if string(b[at:at+12]) == "0.0.0.0:4006" {
			if _, err := f.WriteAt([]byte("9"), int64(at)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "the damage was found", func() bool { return r.Damage() != nil })
	if _, ok := errors.AsType[*storage.CorruptError](r.Damage()); !ok {
		t.Errorf("the damage is %v, want a CorruptError", r.Damage())
	}
	select {
	case err := <-reported:
		if _, ok := errors.AsType[*storage.CorruptError](err); !ok {
			t.Errorf("reported %v", err)
		}
	default:
		t.Error("nothing was reported")
	}
	open()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestScrubArchive damages an archive of which nothing is read. The damage is noticed in the
// background, and the archive is made again.
func TestScrubArchive(t *testing.T) {
	t.Parallel()
	r, folder := lostSession(t, Options{ScrubPeriod: time.Millisecond})
	damaged := r.archive.Damaged()
	damageArchive(t, folder)
	select {
	case <-damaged:
	case <-time.After(time.Minute):
		t.Fatal("the damage is not noticed")
	}
	if v := awaitArchive(t, r); v.Status != projection.Lost {
		t.Errorf("the session is %s, want lost", v.Status)
	}
}
