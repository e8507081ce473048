package storage

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gatebook/events"
)

const (
	// inboxRecords bounds what waits for the next commit.
	inboxRecords = 1 << 14
	// listRecords bounds one list, listBytes its encoded size.
	listRecords = 1 << 14
	listBytes   = 32 << 20
)

// store is what an engine does: it makes values durable under ascending
// sequences. It is called by the appending goroutine only.
type store interface {
	// commit keeps values[i] under first+i, all or none, and returns when they
	// are durable. The values are valid during the call.
	commit(first uint64, values [][]byte) error
}

// Observe hears of a commit that succeeded: how many records it held, and how long
// it took to make them durable. It is called between two commits and must not block.
type Observe func(records int, took time.Duration)

// appender is the part of a log that all engines share: the inbox, the one
// goroutine that commits, the expectations, the delivery, the waiting.
type appender struct {
	store store
	clock func() events.Time
	// observe hears of each commit that succeeded; nil when nobody listens.
	observe Observe

	// mu guards the fields below; it is held for moments only, never during a
	// commit.
	mu      sync.Mutex
	open    *batch        // being filled; replaced when it is cut
	room    chan struct{} // closed when a batch was cut, nil while nobody waits
	head    Head          // of what is delivered
	durable uint64        // the last sequence that is committed, at or beyond head
	moved   chan struct{} // closed when head moves or cannot any more, nil while nobody waits
	stuck   error         // why a delivery failed, after which head stays where it is
	failure error         // why the last commit failed
	sticky  bool          // failure is for good
	closed  bool
	started bool

	// waiting is how many appends are in open, for a look without the lock.
	waiting atomic.Int64

	pendings sync.Pool // of *pending: memory that the next appends use again
	batches  sync.Pool // of *batch, likewise

	wake chan struct{} // tells the appending goroutine that there is something in open
	done chan struct{} // closed when it has ended

	// The fields below are owned by the appending goroutine.
	committed Head
	streams   streams
	values    [][]byte
	// expected is how many appends the next batch may hold: those of the last one,
	// and those that had come when it was committed.
	expected int
	// delivery is the batch that is delivered while the next is committed.
	delivery sync.WaitGroup

	// deliver is owned by the goroutine that delivers: the appending goroutine,
	// or the delivery it has begun and not waited for yet.
	deliver Deliver
}

// batch is what one commit will hold.
type batch struct {
	appends []*pending
	records int
	done    chan struct{} // closed when each append's err is set

	// delivered is what was committed, and head the end of it.
	delivered []events.Record
	head      Head
}

func newAppender(s store, clock func() events.Time, head Head) *appender {
	return &appender{
		store: s, clock: clock, head: head, durable: head.Sequence, committed: head,
		open:    &batch{done: make(chan struct{})},
		wake:    make(chan struct{}, 1),
		done:    make(chan struct{}),
		streams: newStreams(head.Sequence),
	}
}

// run starts the appending goroutine; stop ends it.
func (a *appender) run(deliver Deliver) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closed:
		return ErrClosed
	case a.started:
		return errors.New("start of a log that was started before")
	}
	a.deliver, a.started = deliver, true
	go a.write()
	return nil
}

// stop refuses further appends and waits until those taken in are seen through.
func (a *appender) stop() {
	a.mu.Lock()
	started, closed := a.started, a.closed
	a.closed = true
	if a.room != nil {
		close(a.room)
		a.room = nil
	}
	a.wakeWaiters()
	if started && !closed {
		close(a.wake)
	}
	a.mu.Unlock()
	if started {
		<-a.done
	}
}

// Append is [Log.Append].
func (a *appender) Append(ctx context.Context, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	if len(entries) > listRecords {
		return fmt.Errorf("%w: a list of %d records, %d are allowed", ErrTooLarge, len(entries), listRecords)
	}
	p := a.pending()
	defer a.release(p)
	if err := p.encode(entries); err != nil {
		return err
	}
	done, err := a.enter(ctx, p)
	if err != nil {
		return err
	}
	<-done
	return p.err
}

// enter puts p into the batch that is being filled. It returns what is closed when
// p.err is set.
func (a *appender) enter(ctx context.Context, p *pending) (done <-chan struct{}, err error) {
	for {
		a.mu.Lock()
		switch {
		case a.closed:
			a.mu.Unlock()
			return nil, ErrClosed
		case !a.started:
			a.mu.Unlock()
			return nil, errors.New("append before the log was started")
		case a.sticky:
			err := a.failure
			a.mu.Unlock()
			return nil, err
		}
		if a.open.records == 0 || a.open.records+len(p.entries) <= inboxRecords {
			b := a.open
			b.appends = append(b.appends, p)
			b.records += len(p.entries)
			a.waiting.Add(1)
			if len(b.appends) == 1 {
				select {
				case a.wake <- struct{}{}:
				default:
				}
			}
			done := b.done // b itself is used again
			a.mu.Unlock()
			return done, nil
		}
		if a.room == nil {
			a.room = make(chan struct{})
		}
		room := a.room
		a.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
		}
	}
}

// Head is [Log.Head].
func (a *appender) Head() Head {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.head
}

// clip cuts a reader's buffer to the records that are durable. Those beyond the
// head are among them: a delivery shows its records one by one before it returns,
// and a reader that has been shown a record must find it.
func (a *appender) clip(after uint64, buffer []events.Record) ([]events.Record, error) {
	a.mu.Lock()
	durable, closed := a.durable, a.closed
	a.mu.Unlock()
	switch {
	case closed:
		return nil, ErrClosed
	case after >= durable:
		return nil, nil
	}
	return buffer[:min(uint64(len(buffer)), durable-after)], nil
}

// Err is [Log.Err].
func (a *appender) Err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return ErrClosed
	}
	return a.failure
}

// Wait is [Log.Wait].
func (a *appender) Wait(ctx context.Context, after uint64) error {
	for {
		a.mu.Lock()
		if a.head.Sequence > after {
			a.mu.Unlock()
			return nil
		}
		if err := a.stuck; a.closed || err != nil {
			if a.closed {
				err = ErrClosed
			}
			a.mu.Unlock()
			return err
		}
		if a.moved == nil {
			a.moved = make(chan struct{})
		}
		moved := a.moved
		a.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// wakeWaiters lets all waits look again. Its caller holds mu.
func (a *appender) wakeWaiters() {
	if a.moved != nil {
		close(a.moved)
		a.moved = nil
	}
}
