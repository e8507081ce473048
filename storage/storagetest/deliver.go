package storagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"gatebook/events"
	"gatebook/storage"
)

// deliveredBeforeAcknowledged appends records, which are delivered before Append
// returns: put checks that. open checks that each is delivered once and in order.
func deliveredBeforeAcknowledged(t *testing.T, create func(t *testing.T) Reopenable) {
	const producers, each = 8, 50
	b := open(t, create)
	var wg sync.WaitGroup
	for range producers {
		wg.Go(func() {
			for range each {
				if err := b.put(list(2)...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got, want := len(b.records()), 2*producers*each; got != want {
		t.Errorf("%d records were delivered, want %d", got, want)
	}
}

func startReplaysTheTail(t *testing.T, create func(t *testing.T) Reopenable) {
	const total = 3000 // more than any page of a replay
	b := open(t, create)
	mustPut(t, b, list(total)...)
	want := b.records()
	for _, after := range []uint64{0, 1, 1023, 1024, total - 1, total} {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		log, err := b.place.Open(nil)
		if err != nil {
			t.Fatal(err)
		}
		b.Log = log
		tail := &checkedLog{}
		if err := log.Start(after, tail.deliver); err != nil {
			t.Fatal(err)
		}
		if err := same(fmt.Sprintf("started after %d: replayed", after), tail.records(), want[after:]); err != nil {
			t.Error(err)
		}
	}
}

// startBeyondTheHead starts a log after a record that it does not have. The caller has
// read another log, or this one was cut.
func startBeyondTheHead(t *testing.T, create func(t *testing.T) Reopenable) {
	for _, total := range []int{0, 3} {
		place := create(t)
		b := &checkedLog{place: place}
		if err := b.start(); err != nil {
			t.Fatal(err)
		}
		mustPut(t, b, list(total)...)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		log, err := place.Open(nil)
		if err != nil {
			t.Fatal(err)
		}
		var corrupt *storage.CorruptError
		if err := log.Start(uint64(total)+1, b.deliver); !errors.As(err, &corrupt) {
			t.Errorf("started after %d of %d: got %v, want a CorruptError", total+1, total, err)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	}
}

// startFails fails the delivery of a replay. That ends the start, and nothing can be
// appended.
func startFails(t *testing.T, create func(t *testing.T) Reopenable) {
	b := open(t, create)
	mustPut(t, b, list(2000)...)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	log, err := b.place.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	b.Log = log
	errReader := errors.New("cannot go on")
	wantError(t, log.Start(0, func([]events.Record) error { return errReader }), errReader)
	if err := log.Append(t.Context(), list(1)); err == nil {
		t.Error("a log that did not start took an append")
	}
}

// startTwice starts a log twice. The second start is refused, and the first one stays
// in effect.
func startTwice(t *testing.T, create func(t *testing.T) Reopenable) {
	b := open(t, create)
	mustPut(t, b, list(1)...)
	if err := b.Start(1, func([]events.Record) error { return errors.New("delivered to the second") }); err == nil {
		t.Error("a log could be started twice")
	}
	mustPut(t, b, list(2)...)
}

// deliverFails fails a delivery. The records are in the log, and no more can be
// appended until it is opened again.
func deliverFails(t *testing.T, create func(t *testing.T) Reopenable) {
	b := open(t, create)
	mustPut(t, b, list(2)...)
	errReader := errors.New("cannot go on")
	b.before = func([]events.Record) error { return errReader }
	err := b.Append(t.Context(), list(3))
	wantError(t, err, storage.ErrReadOnly)
	wantError(t, err, errReader)
	wantError(t, b.Err(), storage.ErrReadOnly)
	b.before = func([]events.Record) error { return errors.New("delivered after a failure") }
	err = b.Append(t.Context(), list(1))
	wantError(t, err, storage.ErrReadOnly)
	wantError(t, err, errReader)
	if head := b.Head(); head.Sequence != 2 {
		t.Errorf("the head is %d, want 2: nothing after it was delivered", head.Sequence)
	}
	wantError(t, b.Wait(t.Context(), 1), nil)
	wantError(t, b.Wait(t.Context(), 2), storage.ErrReadOnly)
	wantError(t, b.Wait(t.Context(), 2), errReader)
	if n, err := b.Read(0, make([]events.Record, 10)); n != 5 || err != nil {
		t.Errorf("read %d records with error %v, want 5", n, err)
	}
	b.before = nil
	if err := b.reopen(); err != nil {
		t.Fatal(err)
	}
	if err := b.Err(); err != nil {
		t.Errorf("after reopening: %v", err)
	}
	mustPut(t, b, list(1)...)
}

// waitEndsWhenDeliveryFails fails a delivery, which ends a wait that began before.
func waitEndsWhenDeliveryFails(t *testing.T, create func(t *testing.T) Reopenable) {
	b := open(t, create)
	mustPut(t, b, list(2)...)
	errReader := errors.New("cannot go on")
	reached, begun := make(chan struct{}), make(chan struct{})
	b.before = func([]events.Record) error {
		close(reached)
		<-begun
		return errReader
	}
	waited, appended := make(chan error), make(chan error)
	go func() { appended <- b.Append(context.Background(), list(1)) }()
	<-reached
	go func() {
		close(begun)
		waited <- b.Wait(context.Background(), 2)
	}()
	wantError(t, <-waited, errReader)
	wantError(t, <-appended, errReader)
	b.before = nil
	if err := b.reopen(); err != nil {
		t.Fatal(err)
	}
}

// headIsWhatIsDelivered looks at the log during a delivery. The records of the batch
// can be read, and the head is before them.
func headIsWhatIsDelivered(t *testing.T, create func(t *testing.T) Reopenable) {
	b := open(t, create)
	mustPut(t, b, list(3)...)
	b.before = func(batch []events.Record) error {
		before := batch[0].Sequence - 1
		if head := b.Head().Sequence; head != before {
			return fmt.Errorf("the head is %d while %d is being delivered", head, before+1)
		}
		buffer := make([]events.Record, 10)
		last := batch[len(batch)-1].Sequence
		if n, err := b.Read(0, buffer); uint64(n) < last || err != nil {
			return fmt.Errorf("read %d records with error %w while %d to %d are being delivered", n, err, before+1, last)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := b.Wait(ctx, before); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("waiting for %d while it is being delivered: %w", before+1, err)
		}
		return nil
	}
	mustPut(t, b, list(2)...)
	mustPut(t, b, list(1)...)
}

// gate blocks deliveries.
type gate struct {
	reached chan struct{} // closed when the first delivery has begun
	opened  chan struct{} // closed to let all deliveries through
}

// hold makes every delivery of b wait until the gate is opened.
func hold(b *checkedLog) *gate {
	g := &gate{reached: make(chan struct{}), opened: make(chan struct{})}
	var once sync.Once
	b.before = func([]events.Record) error {
		once.Do(func() { close(g.reached) })
		<-g.opened
		return nil
	}
	return g
}

// sequences returns the sequences of acknowledged lists, sorted.
func sequences(lists [][]storage.Entry) []uint64 {
	var all []uint64
	for _, entries := range lists {
		for i := range entries {
			all = append(all, entries[i].Record.Sequence)
		}
	}
	slices.Sort(all)
	return all
}
