package gatebook

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"gatebook/events"
	"gatebook/internal/journal"
	"gatebook/storage"
)

// peekLog calls a function after each batch is delivered, before the log's head moves.
type peekLog struct {
	storage.Log
	peek func()
}

func (l *peekLog) Start(after uint64, deliver storage.Deliver) error {
	return l.Log.Start(after, func(batch []events.Record) error {
		err := deliver(batch)
		if l.peek != nil {
			l.peek()
		}
		return err
	})
}

// What a reader is shown it can read: a session's records, its pending kill, and the feed
// up to the moment that was answered, also before the log's head has moved.
func TestReadingDuringDelivery(t *testing.T) {
	memory, err := storage.OpenMemory(storage.NewMemoryDisk(), nil)
	if err != nil {
		t.Fatal(err)
	}
	log := &peekLog{Log: memory}
	r, err := Open(t.Context(), filepath.Join(t.TempDir(), "data"), Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.StartSource(t.Context(), SourceOptions{Name: "gateway"})
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.Open(t.Context(), events.SessionOpened{Service: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	peeked := 0
	log.peek = func() {
		peeked++
		head := r.Moment().Sequence
		if r.log.Head().Sequence >= head {
			t.Error("the head has moved already")
		}
		if pending, err := r.PendingKills("gateway"); err != nil || len(pending) != 1 {
			t.Errorf("%d kills are pending, error %v", len(pending), err)
		}
		for _, only := range []EventFilter{{}, {Sessions: []uint64{id}}} {
			feed := r.Feed(head-1, only)
			if page, err := feed.Next(head); err != nil || len(page) != 1 || feed.Position() != head {
				t.Errorf("the feed gives %d records up to %d of %d, error %v", len(page), feed.Position(), head, err)
			}
		}
		if _, err := r.RecordedAt(head); err != nil {
			t.Errorf("the time of the newest record: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Kill(ctx, id, Request{By: "ann"}); err != nil {
		t.Error(err)
	}
	log.peek = nil
	if err := r.Close(); err != nil || peeked != 1 {
		t.Errorf("peeked %d times, closed with %v", peeked, err)
	}
}

// After a delivery that failed a follower ends with the reason, and does not go round and
// round.
func TestFollowerAfterFailedDelivery(t *testing.T) {
	memory, err := storage.OpenMemory(storage.NewMemoryDisk(), nil)
	if err != nil {
		t.Fatal(err)
	}
	errApply := errors.New("cannot be applied")
	log := &failingDelivery{Log: memory}
	r, err := Open(t.Context(), filepath.Join(t.TempDir(), "data"), Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.StartSource(t.Context(), SourceOptions{Name: "gateway"})
	if err != nil {
		t.Fatal(err)
	}
	log.err = errApply
	if _, err := s.Open(t.Context(), events.SessionOpened{Service: "orders"}); !errors.Is(err, errApply) {
		t.Errorf("opened with %v", err)
	}
	feed := r.Feed(0, EventFilter{})
	for range 3 {
		if _, err := feed.Next(r.Moment().Sequence); err != nil {
			t.Fatal(err)
		}
		if err := feed.Wait(t.Context()); err != nil {
			if !errors.Is(err, errApply) || !errors.Is(err, ErrReadOnly) {
				t.Errorf("the follower ends with %v", err)
			}
			_ = r.Close()
			return
		}
	}
	t.Error("the follower goes on")
}

// failingDelivery applies records and then fails with err, if it is set.
type failingDelivery struct {
	storage.Log
	err error
}

func (l *failingDelivery) Start(after uint64, deliver storage.Deliver) error {
	return l.Log.Start(after, func(batch []events.Record) error { return errors.Join(deliver(batch), l.err) })
}

// A book that cannot be written is reported once, tried again less and less often, and
// shown in the figures.
func TestCheckpointThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reports := make(chan error, 1000)
		// Reading the archive through would find it closed too.
		r, err := Open(t.Context(), filepath.Join(t.TempDir(), "data"), Options{Report: func(err error) { reports <- err }, ScrubPeriod: -1})
		if err != nil {
			t.Fatal(err)
		}
		s, err := r.StartSource(t.Context(), SourceOptions{Name: "gateway"})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.archive.Close(); err != nil {
			t.Fatal(err)
		}
		for range 60 {
			time.Sleep(time.Minute)
			if _, err := s.Open(t.Context(), events.SessionOpened{Service: "orders"}); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(reports); n != 1 {
			t.Errorf("%d reports in an hour, want 1; the first two: %v; %v", n, <-reports, <-reports)
		}
		if r.Stats().Checkpoint == nil {
			t.Error("the figures do not show it")
		}
		if r.Close() == nil {
			t.Error("closing does not say so")
		}
	})
}

// A request for the end of many that fails in the middle says how many were asked.
func TestKillAllFailsInTheMiddle(t *testing.T) {
	memory, err := storage.OpenMemory(storage.NewMemoryDisk(), nil)
	if err != nil {
		t.Fatal(err)
	}
	log := &filling{Log: memory, left: 1 << 30}
	r, err := Open(t.Context(), filepath.Join(t.TempDir(), "data"), Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.StartSource(t.Context(), SourceOptions{Name: "gateway"})
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]uint64, journal.MaxBatch+10)
	for i := range ids {
		if ids[i], err = s.Open(t.Context(), events.SessionOpened{Service: "orders"}); err != nil {
			t.Fatal(err)
		}
	}
	log.left = 1
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	killed, err := r.KillAll(ctx, ids, Request{By: "ann"})
	if !errors.Is(err, ErrDiskFull) || killed.Pending != journal.MaxBatch || killed.Closed != 0 {
		t.Errorf("got %+v, %v", killed, err)
	}
	log.left = 1 << 30
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// filling is a log whose disk is full after some appends.
type filling struct {
	storage.Log
	left int
}

func (l *filling) Append(ctx context.Context, entries []storage.Entry) error {
	if l.left--; l.left < 0 {
		return storage.ErrDiskFull
	}
	return l.Log.Append(ctx, entries)
}
