package storage_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatebook/storage"
)

// together has followers commit in one batch, and calls before in each of its deliveries,
// with the number of appends that have returned. It returns what each append returned.
func together(t *testing.T, l *faulty, before func(delivery int, returned *atomic.Int64) error) []error {
	t.Helper()
	begun, gathered := make(chan struct{}), make(chan struct{})
	l.fault = func(tx *bolt.Tx) error {
		close(begun)
		<-gathered
		l.fault = nil
		return tx.Commit()
	}
	var returned atomic.Int64
	delivery := -1
	l.before = func() error {
		if delivery++; delivery == 0 {
			return nil // that of the append which holds the batch back
		}
		return before(delivery, &returned)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := l.put("first"); err != nil {
			t.Error(err)
		}
	})
	<-begun
	errs := make([]error, followers)
	for i := range errs {
		wg.Go(func() {
			errs[i] = l.put(fmt.Sprint(i))
			returned.Add(1)
		})
	}
	awaitWaiting(l, followers)
	close(gathered)
	wg.Wait()
	return errs
}

// TestAcknowledgesByGroup commits a large batch. The appends of its first groups return
// before the last of its records are delivered, and each finds its record delivered.
func TestAcknowledgesByGroup(t *testing.T) {
	t.Parallel()
	l := openFaulty(t, filepath.Join(t.TempDir(), "log"))
	deliveries := 0
	errs := together(t, l, func(delivery int, returned *atomic.Int64) error {
		deliveries = delivery
		head, deadline := l.Head().Sequence, time.Now().Add(time.Minute)
		for returned.Load() < int64(head)-1 {
			if time.Now().After(deadline) {
				return fmt.Errorf("%d appends have returned beside delivery %d, with the head at %d", returned.Load(), delivery, head)
			}
			time.Sleep(time.Millisecond)
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if deliveries < 2 {
		t.Errorf("%d appends of one batch were delivered at once: they wait for each other", followers)
	}
	if got := len(l.records()); got != 1+followers || l.Head().Sequence != 1+followers {
		t.Errorf("%d records were delivered up to %d, want %d", got, l.Head().Sequence, 1+followers)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestDeliveryFailsWithinABatch fails the delivery of a batch's second group. The first
// group is acknowledged, and no append after it; the head is where the first group ended.
func TestDeliveryFailsWithinABatch(t *testing.T) {
	t.Parallel()
	l := openFaulty(t, filepath.Join(t.TempDir(), "log"))
	errReader := errors.New("cannot go on")
	errs := together(t, l, func(delivery int, _ *atomic.Int64) error {
		if delivery == 2 {
			return errReader
		}
		return nil
	})
	acknowledged := 0
	for _, err := range errs {
		if err == nil {
			acknowledged++
			continue
		}
		wantReadOnly(t, "an append of a later group", err, errReader)
	}
	delivered := len(l.records()) - 1
	if acknowledged == 0 || acknowledged == followers || acknowledged != delivered {
		t.Errorf("%d of %d appends were acknowledged, and %d delivered", acknowledged, followers, delivered)
	}
	if got := l.Head().Sequence; got != uint64(1+delivered) {
		t.Errorf("the head is %d, want %d", got, 1+delivered)
	}
	if err := l.put("last"); !errors.Is(err, storage.ErrReadOnly) {
		t.Errorf("an append after the failure: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openFaulty(t, l.path)
	if got := len(l.records()); got != 1+followers {
		t.Errorf("after reopening there are %d records, want %d: they are durable", got, 1+followers)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
