package storagetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"gatebook/events"
	"gatebook/storage"
)

// Reopenable is a place that keeps one log.
type Reopenable interface {
	// Open opens the log, after the one that was opened before is closed. A nil clock
	// is the system's.
	Open(clock func() events.Time) (storage.Log, error)
}

// Run tests the contract of a log. Each call of create creates an empty one.
func Run(t *testing.T, create func(t *testing.T) Reopenable) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, create func(t *testing.T) Reopenable)
	}{
		{"EmptyLog", emptyLog},
		{"Identity", identity},
		{"SequencesHaveNoGaps", sequencesHaveNoGaps},
		{"RecordedNeverDecreases", recordedNeverDecreases},
		{"EmptyList", emptyList},
		{"TooLarge", tooLarge},
		{"TextsAreCleaned", textsAreCleaned},
		{"ListsStayTogether", listsStayTogether},
		{"ReadInPages", readInPages},

		{"Expectations", expectations},
		{"OneOfManyDecidersWins", oneOfManyDecidersWins},
		{"ExpectationsAfterReopening", expectationsAfterReopening},
		{"MoreStreamsThanAreRemembered", moreStreamsThanAreRemembered},

		{"DeliveredBeforeAcknowledged", deliveredBeforeAcknowledged},
		{"StartReplaysTheTail", startReplaysTheTail},
		{"StartBeyondTheHead", startBeyondTheHead},
		{"StartFails", startFails},
		{"StartTwice", startTwice},
		{"DeliverFails", deliverFails},
		{"WaitEndsWhenDeliveryFails", waitEndsWhenDeliveryFails},
		{"HeadIsWhatIsDelivered", headIsWhatIsDelivered},

		{"Wait", wait},
		{"Busy", busy},
		{"Closed", closed},
		{"CloseWithoutStart", closeWithoutStart},
		{"CloseSeesThroughWhatWasTakenIn", closeSeesThrough},
		{"Concurrent", concurrent},

		{"Model", model},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, create)
		})
	}
}

// checkedLog is a log that was started, and the records that it delivered.
type checkedLog struct {
	storage.Log
	place Reopenable
	clock func() events.Time

	mu        sync.Mutex // guards delivered
	delivered []events.Record
	// delivering is true during a delivery: there is one at a time.
	delivering atomic.Bool
	// before is called, if not nil, with each batch before it counts as delivered.
	before func(batch []events.Record) error
}

// open creates an empty log, starts it, and checks it when the test is over.
func open(t *testing.T, create func(t *testing.T) Reopenable) *checkedLog {
	t.Helper()
	b := &checkedLog{place: create(t)}
	if err := b.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.check(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// start opens the log and starts it after the records that were delivered.
func (b *checkedLog) start() (err error) {
	if b.Log, err = b.place.Open(b.clock); err != nil {
		return err
	}
	return b.Start(uint64(len(b.records())), b.deliver)
}

// reopen closes the log and starts it again.
func (b *checkedLog) reopen() error {
	if err := b.Close(); err != nil {
		return err
	}
	return b.start()
}

func (b *checkedLog) deliver(batch []events.Record) error {
	if !b.delivering.CompareAndSwap(false, true) {
		return errors.New("two deliveries at a time")
	}
	defer b.delivering.Store(false)
	if b.before != nil {
		if err := b.before(batch); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.delivered = append(b.delivered, batch...)
	return nil
}

// records returns the records that were delivered until now.
func (b *checkedLog) records() []events.Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.delivered[:len(b.delivered):len(b.delivered)]
}

// put appends entries, and fails unless they were delivered.
func (b *checkedLog) put(entries ...storage.Entry) error {
	if err := b.Append(context.Background(), entries); err != nil {
		return err
	}
	return b.has(entries)
}

// has fails unless acknowledged entries were delivered, adjacent to each other.
func (b *checkedLog) has(entries []storage.Entry) error {
	delivered := b.records()
	for i := range entries {
		r := &entries[i].Record
		if want := entries[0].Record.Sequence + uint64(i); r.Sequence != want {
			return fmt.Errorf("entry %d of a list has sequence %d, want %d", i, r.Sequence, want)
		}
		if r.Sequence == 0 || r.Sequence > uint64(len(delivered)) {
			return fmt.Errorf("record %d was acknowledged, and %d were delivered", r.Sequence, len(delivered))
		}
		if got := delivered[r.Sequence-1]; !reflect.DeepEqual(got, *r) {
			return fmt.Errorf("record %d was delivered as %+v, and acknowledged as %+v", r.Sequence, got, *r)
		}
	}
	return nil
}

// check closes the log, and fails unless deliveries, Read and a replay agree.
func (b *checkedLog) check() error {
	delivered := b.records()
	if err := wellFormed(delivered); err != nil {
		return fmt.Errorf("delivered: %w", err)
	}
	if err := b.Close(); err != nil {
		return err
	}
	log, err := b.place.Open(nil)
	if err != nil {
		return err
	}
	again := &checkedLog{Log: log}
	if err := log.Start(0, again.deliver); err != nil {
		return errors.Join(err, log.Close())
	}
	return errors.Join(
		same("replayed", again.records(), delivered),
		again.reads(delivered),
		log.Close())
}

// reads fails unless Read returns the records that were delivered.
func (b *checkedLog) reads(delivered []events.Record) error {
	const page = 1000
	var all []events.Record
	for {
		buffer := make([]events.Record, page)
		n, err := b.Read(uint64(len(all)), buffer)
		if err != nil {
			return err
		}
		if all = append(all, buffer[:n]...); n < page {
			break
		}
	}
	var last storage.Head
	if n := len(delivered); n > 0 {
		last = storage.Head{Sequence: delivered[n-1].Sequence, Recorded: delivered[n-1].Recorded}
		for i := range delivered {
			last.Stream = max(last.Stream, delivered[i].Session)
			if e, ok := delivered[i].Event.(*events.LogRestored); ok && e.NextSession > 0 {
				last.Stream = max(last.Stream, e.NextSession-1)
			}
		}
	}
	if head := b.Head(); head != last {
		return fmt.Errorf("the head is %+v, want %+v", head, last)
	}
	return same("read", all, delivered)
}

func wellFormed(records []events.Record) error {
	var before events.Time
	for i, r := range records {
		if want := uint64(i) + 1; r.Sequence != want {
			return fmt.Errorf("record %d stands where %d belongs", r.Sequence, want)
		}
		if r.Recorded < before {
			return fmt.Errorf("record %d was recorded at %d, the one before at %d", r.Sequence, r.Recorded, before)
		}
		before = r.Recorded
	}
	return nil
}

// same compares records: samples of them if there are more than 10,000.
func same(what string, got, want []events.Record) error {
	if len(got) != len(want) {
		return fmt.Errorf("%s %d records, want %d", what, len(got), len(want))
	}
	for i := 0; i < len(got); i += 1 + len(got)/10_000 {
		if !reflect.DeepEqual(got[i], want[i]) {
			return fmt.Errorf("%s %+v, want %+v", what, got[i], want[i])
		}
	}
	return nil
}

// entry returns a small record of a stream, with a text to recognise it by.
func entry(stream, expect uint64, why string) storage.Entry {
	return storage.Entry{
		Record: events.Record{Session: stream, Event: &events.KillRequested{Why: why}},
		Expect: expect,
	}
}

// list returns n small records of no stream.
func list(n int) []storage.Entry {
	entries := make([]storage.Entry, n)
	for i := range entries {
		entries[i] = storage.Entry{Record: events.Record{Event: &events.SourceSeen{Source: "test"}}}
	}
	return entries
}

// mustPut appends entries that must be accepted.
func mustPut(t *testing.T, b *checkedLog, entries ...storage.Entry) {
	t.Helper()
	if err := b.put(entries...); err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want one that wraps: %v", err, want)
	}
}
