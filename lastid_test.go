package gatebook_test

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gatebook"
	"gatebook/events"
	"gatebook/storage"
	"gatebook/storage/index"
)

// nearTheLastID returns a data folder whose log goes on with an id.
func nearTheLastID(t *testing.T, next uint64) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "data")
	locked, err := storage.LockFolder(folder)
	ok(t, err, storage.CreateBolt(locked.Log()))
	log, err := storage.OpenBolt(locked.Log(), storage.BoltOptions{})
	ok(t, err, log.Start(0, func([]events.Record) error { return nil }))
	ok(t, log.Append(t.Context(), []storage.Entry{{Record: events.Record{Event: &events.LogRestored{NextSession: next, By: "dba"}}}}))
	ok(t, log.Close(), locked.Unlock())
	return folder
}

// TestLastID opens sessions at once where three ids are left: each of them is given once. All others are refused, also
// after the registry was opened again, and sessions that live can end.
func TestLastID(t *testing.T) {
	t.Parallel()
	folder := nearTheLastID(t, index.LargestID-2)
	r := open(t, folder)
	s := start(t, r, "gateway")
	ok(t, r.Err())
	var mu sync.Mutex
	var clients sync.WaitGroup
	given := make(map[uint64]int)
	for range 40 {
		clients.Go(func() {
			id, err := s.Open(t.Context(), events.SessionOpened{Service: "orders", Address: "192.0.2.1", Port: 1})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				given[id]++
			} else if !errors.Is(err, gatebook.ErrNoIDs) || !strings.Contains(err.Error(), "281474976710655") {
				t.Errorf("it is refused with %v", err)
			}
		})
	}
	clients.Wait()
	for id := uint64(index.LargestID - 2); id <= index.LargestID; id++ {
		if given[id] != 1 {
			t.Errorf("id %d was given %d times", id, given[id])
		}
	}
	if len(given) != 3 {
		t.Errorf("the ids %v were given", given)
	}
	if err := r.Err(); !errors.Is(err, gatebook.ErrNoIDs) {
		t.Errorf("the registry says %v", err)
	}
	report := func(r *gatebook.Registry) {
		t.Helper()
		before := r.Moment().Sequence
		_, err := r.Report(t.Context(), gatebook.Report{Source: "edge", Incarnation: "a", Events: []gatebook.Reported{
			{Key: "1", Event: &events.SessionOpened{Service: "orders", Address: "192.0.2.1", Port: 1}},
		}})
		if !errors.Is(err, gatebook.ErrNoIDs) || r.Moment().Sequence != before {
			t.Errorf("a report is answered with %v, and there are %d records after %d", err, r.Moment().Sequence, before)
		}
	}
	report(r)
	_, err := s.End(t.Context(), index.LargestID, events.SessionClosed{Reason: events.ReasonClientClosed})
	ok(t, err)
	ok(t, r.Close())

	r = open(t, folder)
	if opening := r.OpenInfo(); opening.Rebuilt != nil {
		t.Errorf("the archive is made again: %v", opening.Rebuilt)
	}
	report(r)
	if v, _, err := r.Session(index.LargestID); err != nil || v.Ending().Reason != events.ReasonClientClosed {
		t.Errorf("the last session is %+v, %v", v, err)
	}
	list, err := r.Sessions(gatebook.Query{Closed: true, Lost: true, Count: true})
	if err != nil || list.Total != 3 {
		t.Errorf("%d sessions have ended, %v", list.Total, err)
	}
	ok(t, r.Close())
	locked, err := storage.LockExisting(folder)
	ok(t, err)
	_, err = gatebook.Rebuild(t.Context(), locked, func(uint64, uint64) error { return nil })
	ok(t, err, locked.Unlock())
}
