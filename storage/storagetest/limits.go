package storagetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"gatebook/events"
	"gatebook/storage"
)

func wait(t *testing.T, create func(t *testing.T) Reopenable) {
	b := open(t, create)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	const waiters = 10
	var beyond [waiters]error
	for i := range beyond {
		wg.Go(func() {
			if err := b.Wait(t.Context(), uint64(i)); err != nil {
				t.Errorf("waiting for %d: %v", i+1, err)
				return
			}
			if head := b.Head().Sequence; head <= uint64(i) {
				t.Errorf("waited for %d, and the head is %d", i+1, head)
			}
		})
	}
	impatient := make(chan error)
	go func() { impatient <- b.Wait(ctx, 1000) }()
	cancel()
	wantError(t, <-impatient, context.Canceled)
	for range waiters / 2 {
		mustPut(t, b, list(2)...)
	}
	wg.Wait()
	// Records that exist need no waiting, even when the context has ended.
	if err := b.Wait(ctx, waiters-1); err != nil {
		t.Errorf("waiting for an existing record: %v", err)
	}
	wantError(t, b.Wait(ctx, waiters), context.Canceled)

	closing := make(chan error)
	go func() { closing <- b.Wait(context.Background(), 1000) }()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	wantError(t, <-closing, storage.ErrClosed)
}

// busy fills the inbox while a delivery is blocked. The lists are so large that they do
// not all fit. Those that wait in vain are refused, and those that entered the inbox
// are completed.
func busy(t *testing.T, create func(t *testing.T) Reopenable) {
	b := open(t, create)
	g := hold(b)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := b.Append(context.Background(), list(1)); err != nil {
			t.Error(err)
		}
	})
	<-g.reached

	ctx, cancel := context.WithCancel(t.Context())
	const lists = 4
	results := make(chan error)
	for range lists {
		wg.Go(func() { results <- b.Append(ctx, list(largestList)) })
	}
	patient := make(chan error, 1)
	cancel()
	// One has entered: the others are refused, although the log is blocked.
	for range lists - 1 {
		err := <-results
		wantError(t, err, storage.ErrBusy)
		wantError(t, err, context.Canceled)
	}
	// A list that can wait longer is not refused.
	wg.Go(func() { patient <- b.Append(context.Background(), list(largestList)) })
	close(g.opened)
	if err := <-results; err != nil {
		t.Errorf("an append in the inbox was not completed: %v", err)
	}
	if err := <-patient; err != nil {
		t.Errorf("an append that could wait got %v", err)
	}
	wg.Wait()
	if got, want := b.Head().Sequence, uint64(1+2*largestList); got != want {
		t.Errorf("the head is %d, want %d", got, want)
	}
}

func closed(t *testing.T, create func(t *testing.T) Reopenable) {
	b := open(t, create)
	mustPut(t, b, list(3)...)
	head := b.Head()
	for range 2 { // closing twice is allowed
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		wantError(t, b.Append(t.Context(), list(1)), storage.ErrClosed)
		wantError(t, b.Wait(t.Context(), 3), storage.ErrClosed)
		wantError(t, b.Err(), storage.ErrClosed)
		if n, err := b.Read(0, make([]events.Record, 3)); n != 0 || !errors.Is(err, storage.ErrClosed) {
			t.Errorf("read %d records with error %v, want ErrClosed", n, err)
		}
		wantError(t, b.Start(3, b.deliver), storage.ErrClosed)
		if got := b.Head(); got != head {
			t.Errorf("the head was %+v and became %+v", head, got)
		}
	}
}

func closeWithoutStart(t *testing.T, create func(t *testing.T) Reopenable) {
	place := create(t)
	log, err := place.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Append(t.Context(), list(1)); err == nil {
		t.Error("a log that was not started took an append")
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	wantError(t, log.Append(t.Context(), list(1)), storage.ErrClosed)
}

// closeSeesThrough closes the log while producers append and a delivery is blocked.
// Each append is acknowledged and present, or refused and absent.
func closeSeesThrough(t *testing.T, create func(t *testing.T) Reopenable) {
	const producers = 16
	b := open(t, create)
	g := hold(b)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var acknowledged [][]storage.Entry
	for range producers {
		wg.Go(func() {
			for {
				entries := list(3)
				err := b.Append(context.Background(), entries)
				if errors.Is(err, storage.ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acknowledged = append(acknowledged, entries)
				mu.Unlock()
			}
		})
	}
	<-g.reached
	closing := make(chan error)
	go func() { closing <- b.Close() }()
	close(g.opened)
	if err := <-closing; err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	for i, sequence := range sequences(acknowledged) {
		if sequence != uint64(i)+1 {
			t.Fatalf("record %d was acknowledged where %d belongs", sequence, i+1)
		}
	}
	if got, want := len(b.records()), 3*len(acknowledged); got != want || got == 0 {
		t.Errorf("%d records are there, %d were acknowledged", got, want)
	}
}

// concurrent has producers that decide, conflict and decide again, and readers that
// follow, all concurrently.
func concurrent(t *testing.T, create func(t *testing.T) Reopenable) {
	const producers, each, streams = 16, 100, 6
	b := open(t, create)
	ctx, stop := context.WithCancel(t.Context())
	var readers, writers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			if err := follow(ctx, b); err != nil {
				t.Error(err)
			}
		})
	}
	for p := range producers {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(2, uint64(p)))
			for range each {
				if err := insist(b, random.Uint64N(streams)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	stop()
	readers.Wait()
	if got, want := b.Head().Sequence, uint64(producers*each); got != want {
		t.Errorf("the head is %d, want %d", got, want)
	}
}

// insist appends to a stream, and decides again after each conflict.
func insist(b *checkedLog, stream uint64) error {
	for {
		seen := b.Head().Sequence
		err := b.put(entry(stream, seen, ""))
		if !errors.Is(err, storage.ErrConflict) {
			return err
		}
	}
}

// follow reads new records until ctx ends.
func follow(ctx context.Context, b *checkedLog) error {
	after := uint64(0)
	buffer := make([]events.Record, 37)
	for {
		if err := b.Wait(ctx, after); err != nil {
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		}
		n, err := b.Read(after, buffer)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("nothing to read after %d, although waiting is over", after)
		}
		// Records are read from before their delivery.
		if err := b.Wait(ctx, after+uint64(n)-1); err != nil {
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		}
		if err := same("read", buffer[:n], b.records()[after:after+uint64(n)]); err != nil {
			return err
		}
		after += uint64(n)
	}
}
