package storage_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatebook/events"
	"gatebook/storage"
)

// followers is a number of appends large enough for their batch to be committed while
// the one before is delivered.
const followers = 300

// overlap commits one record of stream 7, and blocks its delivery until the commit of
// the followers has begun. That commit is replaced by fault, and before is called in
// the first delivery. One of the followers expects too little of stream 7.
func overlap(t *testing.T, l *faulty, fault func(*bolt.Tx) error, before error) (others []error, first, conflicting error) {
	t.Helper()
	begun, gathered := make(chan struct{}), make(chan struct{})
	second, finished := make(chan struct{}), make(chan struct{})
	l.fault = func(tx *bolt.Tx) error {
		close(begun)
		<-gathered
		l.fault = func(tx *bolt.Tx) error {
			close(second)
			defer close(finished)
			l.fault = nil
			return fault(tx)
		}
		return tx.Commit()
	}
	delivered := 0
	l.before = func() error {
		if delivered++; delivered > 1 {
			return nil
		}
		for _, reached := range []chan struct{}{second, finished} {
			select {
			case <-reached:
			case <-time.After(time.Minute):
				return errors.New("nothing is committed while a batch is delivered")
			}
		}
		return before
	}
	var wg sync.WaitGroup
	of7 := func(text string) []storage.Entry {
		return []storage.Entry{{Record: events.Record{Session: 7, Event: &events.KillRequested{Why: text}}}}
	}
	wg.Go(func() { first = l.Append(context.Background(), of7("first")) })
	<-begun
	wg.Go(func() {
		conflicting = l.Append(context.Background(), of7("second"))
		if seen := len(l.records()); before == nil && seen == 0 {
			t.Error("a conflict is returned before its record is delivered")
		}
	})
	awaitWaiting(l, 1)
	others = make([]error, followers)
	for i := range others {
		wg.Go(func() { others[i] = l.put(fmt.Sprint(i)) })
	}
	awaitWaiting(l, 1+followers)
	close(gathered)
	wg.Wait()
	return others, first, conflicting
}

// TestCommitsWhileItDelivers commits a batch while the one before is being delivered.
// Both are acknowledged in their order, each after its delivery. A committed record
// counts for expectations before it is delivered.
func TestCommitsWhileItDelivers(t *testing.T) {
	t.Parallel()
	l := openFaulty(t, filepath.Join(t.TempDir(), "log"))
	others, first, conflicting := overlap(t, l, (*bolt.Tx).Commit, nil)
	if err := errors.Join(append(others, first)...); err != nil {
		t.Error(err)
	}
	if !errors.Is(conflicting, storage.ErrConflict) {
		t.Errorf("a list that had not seen the first: got %v, want ErrConflict", conflicting)
	}
	if got := len(l.records()); got != 1+followers || l.Head().Sequence != 1+followers {
		t.Errorf("%d records were delivered up to %d, want %d", got, l.Head().Sequence, 1+followers)
	}
	for i, r := range l.records() {
		if r.Sequence != uint64(i+1) {
			t.Fatalf("record %d was delivered in place %d", r.Sequence, i+1)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestCommitFailsWhileItDelivers fails a commit during a delivery. Only its own batch
// fails, and the delivery does not hide it.
func TestCommitFailsWhileItDelivers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		cause error
		want  error
	}{
		{"full", errFull, storage.ErrDiskFull},
		{"for good", errDisk, storage.ErrReadOnly},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := openFaulty(t, filepath.Join(t.TempDir(), "log"))
			others, first, _ := overlap(t, l, notPersisted(c.cause), nil)
			if first != nil {
				t.Errorf("the first: %v", first)
			}
			for _, err := range append(others, l.Err()) {
				if !errors.Is(err, c.want) {
					t.Fatalf("got %v, want %v", err, c.want)
				}
			}
			wantTexts(t, "delivered", l.records(), []string{"first"})
			if err := l.put("last"); c.want == storage.ErrDiskFull && err != nil || c.want == storage.ErrReadOnly && !errors.Is(err, c.want) {
				t.Errorf("the next append: %v", err)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDeliveryFailsWhileItCommits fails a delivery during a commit. The records of the
// commit are in the log, but neither delivered nor acknowledged, and no record comes
// after them.
func TestDeliveryFailsWhileItCommits(t *testing.T) {
	t.Parallel()
	errReader := errors.New("cannot go on")
	for name, fault := range map[string]func(*bolt.Tx) error{
		"well": (*bolt.Tx).Commit, "full": notPersisted(errFull), "not persisted": notPersisted(errDisk),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := openFaulty(t, filepath.Join(t.TempDir(), "log"))
			others, first, _ := overlap(t, l, fault, errReader)
			wantReadOnly(t, "the first", first, errReader)
			want := uint64(1)
			if name == "well" {
				want += followers
				for _, err := range others {
					wantReadOnly(t, "one committed meanwhile", err, errReader)
				}
			}
			for _, err := range others {
				if err == nil {
					t.Fatal("an append was acknowledged that was not delivered")
				}
			}
			l.fault = func(*bolt.Tx) error { panic("a commit after a delivery that failed") }
			wantReadOnly(t, "the next append", l.put("last"), nil)
			wantReadOnly(t, "ready", l.Err(), nil)
			wantTexts(t, "delivered", l.records(), nil)
			if got := l.Head().Sequence; got != 0 {
				t.Errorf("the head is %d, want 0: nothing was delivered", got)
			}
			if n, err := l.Read(0, make([]events.Record, want+1)); uint64(n) != want || err != nil {
				t.Errorf("read %d durable records with error %v, want %d", n, err, want)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = openFaulty(t, l.path)
			if got := uint64(len(l.records())); got != want {
				t.Errorf("after reopening there are %d records, want %d", got, want)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
