package gatebook_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"gatebook"
	"gatebook/events"
	"gatebook/storage"
)

// rebuiltBook returns a data folder whose log has that many ended sessions, and whose archive
// is missing.
func rebuiltBook(t *testing.T, sessions int) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "data")
	r, err := gatebook.Open(t.Context(), folder, gatebook.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report := gatebook.Report{Source: "edge-1", Incarnation: "a"}
	for i := range sessions {
		key := fmt.Sprint("c-", i)
		report.Events = append(report.Events,
			gatebook.Reported{Key: key, Event: &events.SessionOpened{Service: "orders", Address: "192.0.2.1"}},
			gatebook.Reported{Key: key, Event: &events.SessionClosed{Reason: events.ReasonClientClosed}})
	}
	if _, err := r.Report(t.Context(), report); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{r.Close(), os.Remove(filepath.Join(folder, "book.db"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestProgress opens a book whose archive has to be made again, and is shown how far that
// has come: after the folder is locked, from 0 to all records. Then it does so with a context
// that ends in the middle, which ends Open and leaves the folder for the next one.
func TestProgress(t *testing.T) {
	t.Parallel()
	folder := rebuiltBook(t, 2000)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	_, err := gatebook.Open(ctx, folder, gatebook.Options{Progress: func(applied, of uint64) {
		if applied > 0 && applied < of {
			stop()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("with a context that has ended: %v", err)
	}
	if err := os.Remove(filepath.Join(folder, "book.db")); err != nil {
		t.Fatal(err)
	}
	var steps []uint64
	var total uint64
	locked := false
	r, err := gatebook.Open(t.Context(), folder, gatebook.Options{
		Locked: func() error {
			locked = true
			_, err := gatebook.Open(t.Context(), folder, gatebook.Options{})
			if inUse, ok := errors.AsType[*storage.InUseError](err); !ok || inUse.Folder != folder {
				t.Errorf("the folder is not locked: %v", err)
			}
			return nil
		},
		Progress: func(applied, of uint64) {
			if !locked {
				t.Error("something is read before the folder is locked")
			}
			steps, total = append(steps, applied), of
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(steps); n < 3 || steps[0] != 0 || steps[n-1] != total || total != r.OpenInfo().Records {
		t.Errorf("the steps are %v of %d", steps, total)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	failed := errors.New("no")
	if _, err := gatebook.Open(t.Context(), folder, gatebook.Options{Locked: func() error { return failed }}); !errors.Is(err, failed) {
		t.Errorf("an error of Locked: got %v", err)
	}
}
