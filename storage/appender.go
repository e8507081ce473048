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
	// inboxRecords is the number of records that may wait for the next commit.
	inboxRecords = 1 << 14
	// listRecords and listBytes are the largest list, in records and encoded bytes.
	listRecords = 1 << 14
	listBytes   = 32 << 20
)

// store is the engine below an appender. It is called by the appending goroutine only.
type store interface {
	// commit makes values durable, all or none. The last of them is the record at end. They
	// are valid during the call.
	commit(end Head, values [][]byte) error
	// room returns nil where there is space for a commit of values of that size in bytes. It changes nothing.
	room(size int) error
}

// CommitHook is called after each commit that succeeds, with the number of its records
// and the time it took. It is called between two commits and must not block.
type CommitHook func(records int, took time.Duration)

// appender is the part of a log that all engines share: the inbox, the one goroutine that
// commits, the expectations, the delivery, and Wait.
type appender struct {
	store store
	clock func() events.Time
	// commitHook is nil for none.
	commitHook CommitHook

	// mu guards the fields below; it is never held during a commit.
	mu          sync.Mutex
	open        *batch        // being filled; replaced when it is cut
	room        chan struct{} // closed when a batch is cut; nil while no append waits for it
	head        Head          // of the delivered records
	durable     uint64        // the last sequence that is committed, at or beyond head
	moved       chan struct{} // closed when head moves or cannot move any more; nil while nothing waits
	deliveryErr error         // why a delivery failed, after which head stays where it is
	failure     error         // why the last commit failed
	permanent   bool          // failure is permanent
	closed      bool
	started     bool

	// waiting is the number of appends in open, readable without mu.
	waiting atomic.Int64

	pendings sync.Pool // of *pending, reused by later appends
	batches  sync.Pool // of *batch, likewise

	wake chan struct{} // wakes the appending goroutine when open has an append
	done chan struct{} // closed when the appending goroutine has ended

	// The fields below are owned by the appending goroutine.
	committed Head
	streams   streams
	values    [][]byte
	// expected is the number of appends the next batch can hold: those of the last one,
	// and those that had arrived when it was committed.
	expected int
	// lacking is the size of the largest batch for which the disk was full since the last commit, 0 for none.
	lacking int
	// delivery is the delivery that runs beside the next commit.
	delivery sync.WaitGroup

	// deliver is owned by the goroutine that delivers: the appending goroutine, or the
	// delivery it has started and not waited for yet.
	deliver Deliver
}

// batch is the content of one commit.
type batch struct {
	appends []*pending
	records int
	// groups has a channel for every ackGroup appends, closed when the err of each of them
	// is set.
	groups []chan struct{}

	// delivered are the records that were committed.
	delivered []events.Record
}

func newAppender(s store, clock func() events.Time, head Head) *appender {
	return &appender{
		store: s, clock: clock, head: head, durable: head.Sequence, committed: head,
		open:    new(batch),
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

// stop refuses further appends and blocks until those in the inbox are completed. It returns
// true the first time.
func (a *appender) stop() bool {
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
	return !closed
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
	done, err := a.enqueue(ctx, p)
	if err != nil {
		return err
	}
	<-done
	return p.err
}

// enqueue adds p to the batch that is being filled, and blocks while the inbox is full. It
// returns a channel that is closed when p.err is set.
func (a *appender) enqueue(ctx context.Context, p *pending) (done <-chan struct{}, err error) {
	for {
		a.mu.Lock()
		if err := a.refusal(); err != nil {
			a.mu.Unlock()
			return nil, err
		}
		if a.open.records == 0 || a.open.records+len(p.entries) <= inboxRecords {
			done := a.add(p)
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

// refusal returns why no append can enter, nil if one can. Its caller holds mu.
func (a *appender) refusal() error {
	switch {
	case a.closed:
		return ErrClosed
	case !a.started:
		return errors.New("append before the log was started")
	case a.permanent:
		return a.failure
	}
	return nil
}

// add adds p to the open batch and wakes the appending goroutine. Its caller holds mu.
func (a *appender) add(p *pending) (done <-chan struct{}) {
	b := a.open
	if len(b.appends)%ackGroup == 0 {
		b.groups = append(b.groups, make(chan struct{}))
	}
	b.appends = append(b.appends, p)
	b.records += len(p.entries)
	a.waiting.Add(1)
	if len(b.appends) == 1 {
		select {
		case a.wake <- struct{}{}:
		default:
		}
	}
	return b.groups[len(b.groups)-1] // and not b, which is reused
}

// Head is [Log.Head].
func (a *appender) Head() Head {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.head
}

// clip shortens a reader's buffer to the records that are durable. Those beyond the head
// are included: a delivery publishes its records one by one before it returns, and a
// reader that knows of a record must find it.
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
		if err := a.deliveryErr; a.closed || err != nil {
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

// wakeWaiters wakes every call of Wait to look again. Its caller holds mu.
func (a *appender) wakeWaiters() {
	if a.moved != nil {
		close(a.moved)
		a.moved = nil
	}
}
