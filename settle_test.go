package gatebook

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// TestOpenOnFullDisk opens the book of a crash while the disk is full. What the crash left
// open is shown to be over, a source starts and is refused what it would record, and when
// there is space everything is recorded in its order.
func TestOpenOnFullDisk(t *testing.T) {
	t.Parallel()
	ctx, disk, folder := t.Context(), storage.NewMemoryDisk(), filepath.Join(t.TempDir(), "data")
	openOn := func(full bool) (*Registry, *fullableLog) {
		log, err := storage.OpenMemory(disk, nil)
		if err != nil {
			t.Fatal(err)
		}
		l := &fullableLog{Log: log}
		l.full.Store(full)
		r, err := Open(ctx, folder, Options{Log: l, Report: func(err error) {
			if !errors.Is(err, ErrDiskFull) {
				t.Error(err)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		return r, l
	}
	r, _ := openOn(false)
	s, err := r.StartSource(ctx, SourceOptions{Name: "gateway"})
	if err != nil {
		t.Fatal(err)
	}
	left, err := s.Open(ctx, events.SessionOpened{Service: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	dieNow(t, r)

	r, log := openOn(true)
	if _, err := r.StartSource(ctx, SourceOptions{Name: "gateway"}); !errors.Is(err, ErrDiskFull) {
		t.Errorf("a source that does not await space: got error %v, want ErrDiskFull", err)
	}
	s, err = r.StartSource(ctx, SourceOptions{Name: "gateway", AwaitSpace: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(ctx, events.SessionOpened{Service: "orders"}); !errors.Is(err, ErrDiskFull) {
		t.Errorf("open: got error %v, want ErrDiskFull", err)
	}
	if v, _, err := r.Session(left); err != nil || !v.Over() || r.OpenInfo().Lost != 1 {
		t.Errorf("the session that was left open is %+v, with error %v", v, err)
	}
	log.full.Store(false)
	next, err := s.Open(ctx, events.SessionOpened{Service: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	if v, _, err := r.Session(left); err != nil || v.Status != projection.Lost {
		t.Errorf("the session that was left open is %+v, with error %v", v, err)
	}
	var kinds []events.Kind
	records := make([]events.Record, 20)
	n, err := r.log.Read(2, records)
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range records[:n] {
		kinds = append(kinds, record.Event.Kind())
	}
	want := []events.Kind{events.KindSessionLost, events.KindSourceLost, events.KindSourceStarted, events.KindSessionOpened}
	if len(kinds) != len(want) || kinds[0] != want[0] || kinds[1] != want[1] || kinds[2] != want[2] || kinds[3] != want[3] {
		t.Errorf("recorded were %v, want %v", kinds, want)
	}
	if next <= left {
		t.Errorf("session %d came after %d", next, left)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestStopOfSourceThatNeverBegan stops sources that still wait for space.
func TestStopOfSourceThatNeverBegan(t *testing.T) {
	t.Parallel()
	log, err := storage.OpenMemory(storage.NewMemoryDisk(), nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &fullableLog{Log: log}
	l.full.Store(true)
	r, err := Open(t.Context(), filepath.Join(t.TempDir(), "data"), Options{Log: l})
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.StartSource(t.Context(), SourceOptions{Name: "gateway", AwaitSpace: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
	l.full.Store(false)
	if _, err := s.Open(ctx, events.SessionOpened{Service: "orders"}); !errors.Is(err, ErrSourceStopped) {
		t.Errorf("after its end: got error %v, want ErrSourceStopped", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if head := log.Head().Sequence; head != 0 {
		t.Errorf("%d records were made", head)
	}
}

// dieNow leaves everything as it is, as the death of the process would.
func dieNow(t *testing.T, r *Registry) {
	t.Helper()
	r.stop()
	r.workers.Wait()
	if err := r.release(); err != nil {
		t.Fatal(err)
	}
}
