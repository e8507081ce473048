package gatebook_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// handClock is a clock that stands still until it is moved.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// abroad is a disk with the sessions 1 to n of a source elsewhere, whose lease keeps
// them alive over a restart of the registry.
func abroad(t *testing.T, n int) *storage.MemoryDisk {
	t.Helper()
	disk := storage.NewMemoryDisk()
	log, err := storage.OpenMemory(disk, nil)
	check(t, err)
	check(t, log.Start(0, func([]events.Record) error { return nil }))
	list := []events.Record{{Event: &events.SourceStarted{Source: "edge-1", Incarnation: "1", Lease: int64(time.Hour / time.Microsecond)}}}
	for id := range n {
		list = append(list, events.Record{Session: uint64(id + 1), Event: &events.SessionOpened{Source: "edge-1", Incarnation: "1", Service: "orders"}})
	}
	for _, record := range list {
		check(t, log.Append(t.Context(), []storage.Entry{{Record: record, Expect: 1 << 40}}))
	}
	check(t, log.Close())
	return disk
}

// reopen opens a registry on a disk, whose book is made anew from the log as after
// the worst.
func reopen(t *testing.T, disk *storage.MemoryDisk, now func() time.Time) *gatebook.Registry {
	t.Helper()
	log, err := storage.OpenMemory(disk, nil)
	check(t, err)
	r, err := gatebook.Open(context.Background(), filepath.Join(t.TempDir(), "data"), gatebook.Options{Log: log, Now: now})
	check(t, err)
	t.Cleanup(func() { check(t, r.Close()) })
	return r
}

func stopping(t *testing.T, r *gatebook.Registry, id uint64) bool {
	return session(t, r, id).Stage == projection.Stopping
}

func TestScheduledKill(t *testing.T) {
	t.Parallel()
	c := &handClock{now: time.Now()}
	r := reopen(t, abroad(t, 3), c.Now)
	ctx := t.Context()
	for id := range uint64(3) {
		check(t, r.ScheduleKill(ctx, id+1, c.Now().Add(5*time.Second), gatebook.Request{By: "ann", Why: "deploy"}))
	}
	check(t, r.ScheduleKill(ctx, 2, c.Now().Add(time.Hour), gatebook.Request{By: "bob", Why: "later"}))
	check(t, r.WithdrawKill(ctx, 3, gatebook.Request{By: "bob", Why: "not that one"}))
	c.advance(5 * time.Second)
	eventually(t, "session 1 is asked to end", func() bool { return stopping(t, r, 1) })
	if kill := session(t, r, 1).Kill(); kill.By != "ann" || kill.Why != "deploy" {
		t.Errorf("it is asked for by %+v", kill)
	}
	if stopping(t, r, 2) || stopping(t, r, 3) {
		t.Error("one that was moved or withdrawn is asked to end")
	}
	c.advance(time.Hour)
	eventually(t, "session 2 is asked to end", func() bool { return stopping(t, r, 2) })
	if kill := session(t, r, 2).Kill(); kill.By != "bob" || kill.Why != "later" {
		t.Errorf("it is asked for by %+v", kill)
	}
	if stopping(t, r, 3) {
		t.Error("the withdrawn one is asked to end")
	}
	var refused *gatebook.RefusedError
	if err := r.WithdrawKill(ctx, 3, gatebook.Request{By: "bob"}); !errors.As(err, &refused) {
		t.Errorf("withdrawn twice: %v", err)
	}
	if err := r.WithdrawKill(ctx, 2, gatebook.Request{By: "bob"}); !errors.As(err, &refused) {
		t.Errorf("withdrawn when its time has come: %v", err)
	}
	if err := r.ScheduleKill(ctx, 9, c.Now(), gatebook.Request{By: "bob"}); !errors.Is(err, gatebook.ErrNotFound) {
		t.Errorf("a session that is not there: %v", err)
	}
	if err := r.ScheduleKill(ctx, 3, c.Now(), gatebook.Request{By: "bob", Only: []gatebook.Condition{still(1)}}); !errors.Is(err, errChanged) {
		t.Errorf("a session that has changed: %v", err)
	}
	before := r.Moment().Sequence
	check(t, r.ScheduleKill(ctx, 1, c.Now().Add(time.Hour), gatebook.Request{By: "bob"}))
	if r.Moment().Sequence != before {
		t.Error("one that is asked to end already is put off")
	}
}

// TestScheduleSurvives opens the registry again with kills that are overdue, to come
// and withdrawn, and with nothing left of the book but the log.
func TestScheduleSurvives(t *testing.T) {
	t.Parallel()
	disk := abroad(t, 3)
	c := &handClock{now: time.Now()}
	r := reopen(t, disk, c.Now)
	check(t, r.ScheduleKill(t.Context(), 1, c.Now().Add(time.Minute), gatebook.Request{By: "ann", Why: "overdue"}))
	check(t, r.ScheduleKill(t.Context(), 2, c.Now().Add(time.Hour), gatebook.Request{By: "ann", Why: "to come"}))
	check(t, r.ScheduleKill(t.Context(), 3, c.Now().Add(time.Minute), gatebook.Request{By: "ann", Why: "withdrawn"}))
	check(t, r.WithdrawKill(t.Context(), 3, gatebook.Request{By: "ann"}))
	check(t, r.Close())
	c.advance(2 * time.Minute)
	r = reopen(t, disk, c.Now)
	eventually(t, "the overdue one is asked to end", func() bool { return stopping(t, r, 1) })
	if stopping(t, r, 2) || stopping(t, r, 3) {
		t.Error("another one is asked to end too")
	}
	c.advance(time.Hour)
	eventually(t, "the one to come is asked to end", func() bool { return stopping(t, r, 2) })
	if stopping(t, r, 3) {
		t.Error("the withdrawn one is asked to end")
	}
	if kill := session(t, r, 2).Kill(); kill.By != "ann" || kill.Why != "to come" {
		t.Errorf("it is asked for by %+v", kill)
	}
}

// TestScheduleMeetsTheEnd has sessions end while their kills come due.
func TestScheduleMeetsTheEnd(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir())
	s := start(t, r, "gateway")
	var racing sync.WaitGroup
	for range 50 {
		id := openSession(t, s)
		due := time.Now().Add(2 * time.Millisecond)
		racing.Go(func() {
			err := r.ScheduleKill(t.Context(), id, due, gatebook.Request{By: "ann"})
			if _, ended := errors.AsType[*gatebook.EndedError](err); err != nil && !ended {
				t.Error(err)
			}
		})
		racing.Go(func() {
			if err := s.Record(t.Context(), id, &events.SessionClosed{Reason: events.ReasonClientClosed}); err != nil {
				t.Error(err)
			}
		})
	}
	racing.Wait()
	for record, err := range r.Events(0, gatebook.EventFilter{Kinds: []events.Kind{events.KindKillRequested}}) {
		check(t, err)
		after := false
		for later, err := range r.Events(record.Sequence, gatebook.EventFilter{Sessions: []uint64{record.Session}}) {
			check(t, err)
			after = after || later.Event.Kind() == events.KindSessionClosed
		}
		if !after {
			t.Errorf("session %d was asked to end after it had", record.Session)
		}
	}
	if m := r.Moment(); m.Live != 0 {
		t.Errorf("%d live", m.Live)
	}
}

func TestKillAll(t *testing.T) {
	t.Parallel()
	const n = 2500
	r := open(t, t.TempDir())
	s := start(t, r, "gateway")
	ids := make([]uint64, n)
	for i := range ids {
		ids[i] = openSession(t, s)
	}
	check(t, s.Record(t.Context(), ids[1], &events.ConnectionOpened{Connection: 1, Server: "db-1", ServerID: 4711}))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan string)
	go func() {
		killed, err := r.KillAll(ctx, ids[1:], gatebook.Request{By: "ann", Why: "deploy"})
		done <- fmt.Sprint(killed, err)
	}()
	for ended := 0; ended < n/2; {
		kills, err := s.Kills(t.Context())
		check(t, err)
		for _, id := range kills[:min(len(kills), n/2-ended)] {
			end := &events.SessionClosed{Reason: events.ReasonKilled}
			if id == ids[1] {
				end.Description = gatebook.LeftRunning("db-1", 4711)
			}
			check(t, s.Record(t.Context(), id, end))
			ended++
		}
	}
	eventually(t, "all are asked to end", func() bool { return stopping(t, r, n) })
	stop()
	left := []gatebook.LeftWork{{Session: ids[1], Server: "db-1", Connection: 4711}}
	if got, want := <-done, fmt.Sprint(gatebook.Killed{Closed: n / 2, Pending: n - 1 - n/2, LeftWork: left}, error(nil)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if stopping(t, r, ids[0]) {
		t.Error("the one that was left out is asked to end")
	}
	if v := session(t, r, ids[1]); v.Ending().By != "ann" || v.Ending().Description != "deploy; "+gatebook.LeftRunning("db-1", 4711) {
		t.Errorf("it ended with %+v", v.Ending())
	}
}
