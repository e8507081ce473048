package gatebook_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// fullLog is a log whose disk can be full.
type fullLog struct {
	storage.Log
	full atomic.Bool
}

func (l *fullLog) Append(ctx context.Context, entries []storage.Entry) error {
	if l.full.Load() {
		return fmt.Errorf("append: %w", storage.ErrDiskFull)
	}
	return l.Log.Append(ctx, entries)
}

// Ends that come while the disk is full are kept, and are recorded before anything
// else, with the time they had, when there is space again.
func TestHeldEnds(t *testing.T) {
	memory, err := storage.OpenMemory(storage.NewMemoryDisk(), nil)
	if err != nil {
		t.Fatal(err)
	}
	log := &fullLog{Log: memory}
	r, err := gatebook.Open(t.Context(), filepath.Join(t.TempDir(), "data"), gatebook.Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := start(t, r, "gateway")
	const sessions = 2500 // more than one append holds
	for range sessions {
		openSession(t, s)
	}
	log.full.Store(true)
	if _, err := s.Open(t.Context(), events.SessionOpened{Service: "orders"}); !errors.Is(err, storage.ErrDiskFull) {
		t.Fatalf("opening on a full disk: %v", err)
	}
	for id := uint64(1); id <= sessions; id++ {
		for range 2 { // at most one is kept
			held, err := s.End(t.Context(), id, events.SessionClosed{Reason: events.ReasonServerClosed})
			if err != nil || !held {
				t.Fatalf("ending on a full disk: %v, %v", held, err)
			}
		}
	}
	if n := r.Stats().Deferred; n != sessions {
		t.Errorf("%d ends are held, want %d", n, sessions)
	}
	if v := session(t, r, 7); v.Status != projection.Live || !v.Over() {
		t.Errorf("session 7 is %v, and shown to be over: %v", v.Status, v.Over())
	}
	if m := r.Moment(); m.Over != sessions || m.Live != sessions {
		t.Errorf("%d of %d live sessions are over, want all", m.Over, m.Live)
	}
	log.full.Store(false)
	next := openSession(t, s)
	if r.Stats().Deferred != 0 {
		t.Errorf("%d ends are still held", r.Stats().Deferred)
	}
	opened := session(t, r, next)
	for id := uint64(1); id <= sessions; id++ {
		v := session(t, r, id)
		if v.Status != projection.Closed || v.Ending().Reason != events.ReasonServerClosed || v.Version > opened.Version || v.Ending().Ended > opened.Opened {
			t.Fatalf("session %d ended as %+v at %d, the next was opened at %d", id, v.Ending(), v.Version, opened.Version)
		}
	}
	if m := r.Moment(); m.Sequence != 1+2*sessions+1 || m.Over != 0 {
		t.Errorf("%d records, %d sessions that are over", m.Sequence, m.Over)
	}
}

// A server's state and a gap are facts; a state that is no other is none.
func TestServerChanged(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "data"))
	s := start(t, r, "gateway")
	for i, c := range []struct {
		state events.ServerState
		grows bool
	}{{events.ServerRunning, true}, {events.ServerRunning, false}, {events.ServerDown, true}} {
		before := r.Moment().Sequence
		if err := s.ServerChanged(t.Context(), events.ServerChanged{Name: "db-1", State: c.state, Since: 5, Cause: "connection refused"}); err != nil {
			t.Fatal(err)
		}
		if grew := r.Moment().Sequence > before; grew != c.grows {
			t.Errorf("change %d: recorded %v, want %v", i, grew, c.grows)
		}
	}
	if v, _, _ := r.Server("db-1"); v.State != events.ServerDown || v.Since != 5 || v.Cause != "connection refused" {
		t.Errorf("server %+v", v)
	}
	before := r.Moment().Sequence
	if err := s.RecordGap(t.Context(), events.RecordingGap{Sessions: 3}); err != nil || r.Moment().Sequence != before+1 {
		t.Errorf("a gap: %v", err)
	}
}

// slowFullLog takes its time to find that the disk is full.
type slowFullLog struct {
	fullLog
	takes atomic.Int64 // a time.Duration
}

func (l *slowFullLog) Append(ctx context.Context, entries []storage.Entry) error {
	if l.full.Load() {
		time.Sleep(time.Duration(l.takes.Load()))
	}
	return l.fullLog.Append(ctx, entries)
}

// One call tries to record the ends that were deferred, for all that come meanwhile: they
// neither queue for an attempt each, nor wait longer than their contexts last.
func TestDeferredEndsKeepNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory, err := storage.OpenMemory(storage.NewMemoryDisk(), nil)
		check(t, err)
		log := &slowFullLog{fullLog: fullLog{Log: memory}}
		r, err := gatebook.Open(t.Context(), filepath.Join(t.TempDir(), "data"), gatebook.Options{Log: log})
		check(t, err)
		s := start(t, r, "gateway")
		id := openSession(t, s)
		log.full.Store(true)
		if deferred, err := s.End(t.Context(), id, events.SessionClosed{Reason: events.ReasonServerClosed}); err != nil || !deferred {
			t.Fatalf("ending on a full disk: %v, %v", deferred, err)
		}
		for _, c := range []struct{ takes, patience, most time.Duration }{
			{20 * time.Millisecond, time.Minute, 40 * time.Millisecond},
			{time.Hour, 50 * time.Millisecond, time.Hour}, // of the call that tries
		} {
			log.takes.Store(int64(c.takes))
			var late atomic.Int32
			var calls sync.WaitGroup
			for range 100 {
				calls.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), c.patience)
					defer cancel()
					began := time.Now()
					_, err := s.Open(ctx, events.SessionOpened{Service: "orders"})
					if !errors.Is(err, gatebook.ErrDiskFull) && !errors.Is(err, gatebook.ErrBusy) {
						t.Errorf("opening on a full disk: %v", err)
					}
					switch took := time.Since(began); {
					case took > c.most:
						t.Errorf("it took %s", took)
					case took > c.patience:
						late.Add(1)
					}
				})
			}
			calls.Wait()
			if late.Load() > 1 {
				t.Errorf("%d calls took longer than their contexts lasted", late.Load())
			}
		}
		log.takes.Store(0)
		log.full.Store(false)
		openSession(t, s)
		if v := session(t, r, id); v.Status != projection.Closed {
			t.Errorf("the session is %s", v.Status)
		}
		check(t, r.Close())
	})
}

// An end that is deferred while others are being recorded is not taken for recorded.
func TestEndDeferredDuringAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory, err := storage.OpenMemory(storage.NewMemoryDisk(), nil)
		check(t, err)
		log := &slowFullLog{fullLog: fullLog{Log: memory}}
		log.takes.Store(int64(time.Millisecond))
		r, err := gatebook.Open(t.Context(), filepath.Join(t.TempDir(), "data"), gatebook.Options{Log: log})
		check(t, err)
		s := start(t, r, "gateway")
		const sessions = 300
		for range sessions {
			openSession(t, s)
		}
		log.full.Store(true)
		var ends sync.WaitGroup
		for id := uint64(1); id <= sessions; id++ {
			ends.Go(func() {
				time.Sleep(time.Duration(id) * 100 * time.Microsecond)
				if _, err := s.End(t.Context(), id, events.SessionClosed{Reason: events.ReasonServerClosed}); err != nil {
					t.Errorf("end of session %d: %v", id, err)
				}
			})
		}
		time.Sleep(20 * time.Millisecond)
		log.full.Store(false)
		ends.Wait()
		openSession(t, s)
		if n := r.Stats().Deferred; n != 0 {
			t.Errorf("%d ends are still deferred", n)
		}
		for id := uint64(1); id <= sessions; id++ {
			if v := session(t, r, id); v.Status != projection.Closed {
				t.Errorf("session %d is %s", id, v.Status)
			}
		}
		check(t, r.Close())
	})
}
