package storagetest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"gatebook/storage"
)

// expectations appends one list after the other. At the beginning the last record of
// stream 1 is 1, and of stream 2 it is 3.
func expectations(t *testing.T, create func(t *testing.T) Reopenable) {
	for _, c := range []struct {
		name    string
		entries []storage.Entry
		refused bool
	}{
		{"the stream's last record", []storage.Entry{entry(1, 1, "")}, false},
		{"a position after it", []storage.Entry{entry(1, 2, "")}, false},
		{"the head", []storage.Entry{entry(1, 3, "")}, false},
		{"a position before it", []storage.Entry{entry(1, 0, "")}, true},
		{"another stream's record before it", []storage.Entry{entry(2, 2, "")}, true},
		{"a new stream", []storage.Entry{entry(3, 3, "")}, false},
		{"no stream", []storage.Entry{entry(0, 0, "")}, false},
		{"one stream twice, as before the list", []storage.Entry{entry(1, 1, ""), entry(1, 1, "")}, false},
		{"a new stream twice", []storage.Entry{entry(3, 3, ""), entry(3, 3, "")}, false},
		{"two streams", []storage.Entry{entry(1, 1, ""), entry(2, 3, "")}, false},
		{"the first is refused", []storage.Entry{entry(1, 0, ""), entry(2, 3, "")}, true},
		{"the last is refused", []storage.Entry{entry(0, 0, ""), entry(1, 1, ""), entry(2, 1, "")}, true},
		{"the second of a stream is refused", []storage.Entry{entry(2, 3, ""), entry(2, 2, "")}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t, create)
			mustPut(t, b, entry(1, 0, ""), entry(2, 0, ""))
			mustPut(t, b, entry(2, 2, ""))
			before := b.Head()
			err := b.put(c.entries...)
			if c.refused {
				wantError(t, err, storage.ErrConflict)
				if head := b.Head(); head != before {
					t.Errorf("a refused list moved the head from %+v to %+v", before, head)
				}
				// Only the list was refused.
				mustPut(t, b, entry(1, before.Sequence, ""))
				return
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// oneOfManyDecidersWins has several deciders that saw the same records append
// concurrently, so that some share a commit.
func oneOfManyDecidersWins(t *testing.T, create func(t *testing.T) Reopenable) {
	const rounds, deciders = 30, 8
	b := open(t, create)
	for round := range rounds {
		seen := b.Head().Sequence
		var wg sync.WaitGroup
		errs := make([]error, deciders)
		for i := range errs {
			wg.Go(func() { errs[i] = b.put(entry(5, seen, ""), entry(0, 0, "")) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, storage.ErrConflict) {
				t.Fatal(err)
			}
		}
		if won != 1 {
			t.Fatalf("round %d: %d deciders won, want 1", round, won)
		}
	}
}

// expectationsAfterReopening reopens a log. It misses no conflict, and refuses no
// decider that has seen the head.
func expectationsAfterReopening(t *testing.T, create func(t *testing.T) Reopenable) {
	b := open(t, create)
	mustPut(t, b, entry(1, 0, ""), entry(2, 0, ""))
	mustPut(t, b, entry(1, 2, ""))
	if err := b.reopen(); err != nil {
		t.Fatal(err)
	}
	wantError(t, b.put(entry(1, 2, "")), storage.ErrConflict)
	wantError(t, b.put(entry(2, 1, "")), storage.ErrConflict)
	mustPut(t, b, entry(1, 3, ""), entry(2, 3, ""), entry(9, 3, ""))
}

// moreStreamsThanAreRemembered writes so many streams that no log of bounded memory
// knows the last record of each. The log may refuse an expectation that it cannot
// check, and must not accept it.
func moreStreamsThanAreRemembered(t *testing.T, create func(t *testing.T) Reopenable) {
	if testing.Short() {
		t.Skip("takes a second or two")
	}
	const streams, atOnce = 150_000, 10_000
	b := open(t, create)
	mustPut(t, b, entry(1, 0, ""))
	for first := uint64(2); first < streams; first += atOnce {
		head := b.Head().Sequence
		entries := make([]storage.Entry, atOnce)
		for i := range entries {
			entries[i] = entry(first+uint64(i), head, "")
		}
		if err := b.Append(context.Background(), entries); err != nil {
			t.Fatal(err)
		}
	}
	for _, stream := range []uint64{1, 2, 60_000, 70_000, 130_000, streams} {
		// The one record of stream n is n.
		wantError(t, b.put(entry(stream, stream-1, "")), storage.ErrConflict)
		mustPut(t, b, entry(stream, b.Head().Sequence, ""))
		wantError(t, b.put(entry(stream, stream, "")), storage.ErrConflict)
	}
}
