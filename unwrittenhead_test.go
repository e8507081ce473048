package gatebook_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatebook"
	"gatebook/storage"
)

// TestUnwrittenHead keeps a registry from writing its newest head. A head that is gone stays a fault although a newer
// one could not be written, and a head that is older than the one that could not be written is a fault of its own.
// Both are over when a head is written.
func TestUnwrittenHead(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var reports []string
	folder := filepath.Join(t.TempDir(), "data")
	r, err := gatebook.Open(t.Context(), folder, gatebook.Options{Report: func(err error) {
		mu.Lock()
		defer mu.Unlock()
		reports = append(reports, err.Error())
	}})
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(err)
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	record := func(source string) {
		t.Helper()
		_, err := r.StartSource(t.Context(), gatebook.SourceOptions{Name: source})
		check(err)
	}
	head, lock := filepath.Join(folder, "head"), filepath.Join(folder, "lock")
	signed := func() bool { return r.Stats().Head.Err == nil && r.Stats().Head.Head.Size == r.Moment().Sequence }
	record("a")
	eventually(t, "the first records are signed", signed)

	check(os.Remove(head))
	check(os.Mkdir(head, 0o700))
	eventually(t, "the head is missed", func() bool { return r.Damage() != nil })
	record("b")
	eventually(t, "the next head cannot be written", func() bool { return r.Stats().Head.Err != nil })
	check(os.Rename(lock, lock+".away"))
	eventually(t, "a later check has missed the lock", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.ContainsFunc(reports, func(text string) bool { return strings.HasPrefix(text, lock) })
	})
	if gone, _ := errors.AsType[*storage.GoneError](r.Damage()); gone == nil || gone.File != head || !strings.Contains(gone.Error(), "cannot: ") {
		t.Errorf("without a head that can be written: %v", r.Damage())
	}
	v, err := r.Verify(t.Context(), nil)
	check(err)
	if len(v.Faults) != 1 || v.Faults[0].File != head {
		t.Errorf("verify finds %v", v.Faults)
	}
	check(os.Rename(lock+".away", lock))
	check(os.Remove(head))
	eventually(t, "a head is written, and nothing is missed", func() bool { return signed() && r.Damage() == nil })

	check(os.MkdirAll(filepath.Join(head+".new", "in the way"), 0o700))
	record("c")
	eventually(t, "the newest head cannot be written over an older one", func() bool { return r.Stats().Head.Err != nil })
	if unwritten, _ := errors.AsType[*gatebook.HeadError](r.Damage()); unwritten == nil || unwritten.File != head || r.Err() != nil {
		t.Errorf("with an older head: %v, and of recording %v", r.Damage(), r.Err())
	}
	check(os.RemoveAll(head + ".new"))
	eventually(t, "the newest head is written", func() bool { return signed() && r.Damage() == nil })
}
