package gatebook

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatebook/events"
	"gatebook/storage"
)

// TestArchiveAhead puts an archive beside a log that ends before it: one of another history, which
// is made again, and one of the same, for which the log is refused.
func TestArchiveAhead(t *testing.T) {
	t.Parallel()
	first := filepath.Join(t.TempDir(), "data")
	record := func(folder, service string, sessions int) {
		t.Helper()
		r, err := Open(t.Context(), folder, Options{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := r.StartSource(t.Context(), SourceOptions{Name: "gateway"})
		for range sessions {
			if err == nil {
				_, err = s.Open(t.Context(), events.SessionOpened{Service: service})
			}
		}
		if err = errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
	}
	record(first, "orders", 3)
	copied := func(from string) string {
		t.Helper()
		to := filepath.Join(t.TempDir(), "data")
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
		return to
	}
	longer, other, before := copied(first), copied(first), copied(first)
	record(longer, "orders", 40)
	record(other, "stock", 2)
	exchange := func(folder string) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(longer, "book.db"))
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, "book.db"), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	exchange(before)
	if _, err := Open(t.Context(), before, Options{}); err == nil || !strings.Contains(err.Error(), "restore the log") {
		t.Errorf("a log that has lost records: got error %v", err)
	}
	exchange(other)
	r, err := Open(t.Context(), other, Options{})
	if err != nil {
		t.Fatalf("an archive of another history: %v", err)
	}
	defer r.Close()
	if fault, ok := errors.AsType[*storage.CorruptError](r.OpenInfo().Rebuilt); !ok || fault.File != filepath.Join(other, "book.db") {
		t.Errorf("it was made again because of %v", r.OpenInfo().Rebuilt)
	}
	if n := r.Moment(); n.Closed != 5 {
		t.Errorf("%d sessions have ended, want 5", n.Closed)
	}
}
