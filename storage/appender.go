package storage

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"gatebook/events"
)

const (
	// inboxRecords bounds what waits for the next commit.
	inboxRecords = 1 << 14
	// listRecords bounds one list, listBytes its encoded size.
	listRecords = 1 << 14
	listBytes   = 32 << 20
	// lingers is how often in a row the writer lets the producers run without
	// seeing one more of them join, before it cuts a batch all the same.
	lingers = 64
)

// store is what an engine does: it makes values durable under ascending
// sequences. It is called by the appending goroutine only.
type store interface {
	// commit keeps values[i] under first+i, all or none, and returns when they
	// are durable. The values are valid during the call.
	commit(first uint64, values [][]byte) error
}

// appender is the part of a log that all engines share: the inbox, the one
// goroutine that commits, the expectations, the waiting.
type appender struct {
	store store
	clock func() events.Time

	// mu guards the fields below; it is held for moments only, never during a
	// commit.
	mu      sync.Mutex
	open    *batch        // being filled; replaced when it is cut
	room    chan struct{} // closed when a batch was cut, nil while nobody waits
	head    Head
	moved   chan struct{} // closed when head moves, nil while nobody waits
	failure error         // why the last commit failed
	sticky  bool          // failure is for good
	closed  bool
	started bool

	// waiting is how many appends are in open, for a look without the lock.
	waiting atomic.Int64

	pendings sync.Pool // of *pending: memory that the next appends use again

	wake chan struct{} // tells the goroutine that there is something in open
	done chan struct{} // closed when the goroutine has ended

	// The fields below are owned by the appending goroutine.
	deliver   Deliver
	streams   streams
	delivered []events.Record
	values    [][]byte
	spare     *batch // the batch before, whose memory is used again
	// expected is how many appends the next batch may hold: those that the last one
	// acknowledged, and those that had come by then.
	expected int
}

// batch is what one commit will hold.
type batch struct {
	appends []*pending
	records int
	done    chan struct{} // closed when each append's err is set
}

func newAppender(s store, clock func() events.Time, head Head) *appender {
	return &appender{
		store: s, clock: clock, head: head,
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
	go func() {
		defer close(a.done)
		for range a.wake {
			for a.step() {
			}
		}
	}()
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
	if a.moved != nil {
		close(a.moved)
		a.moved = nil
	}
	if started && !closed {
		close(a.wake)
	}
	a.mu.Unlock()
	if started {
		<-a.done
		for a.step() { // what was taken in between the last wake and its closing
		}
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
	b, err := a.enter(ctx, p)
	if err != nil {
		return err
	}
	<-b.done
	return p.err
}

// enter puts p into the batch that is being filled.
func (a *appender) enter(ctx context.Context, p *pending) (*batch, error) {
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
			a.mu.Unlock()
			return b, nil
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

// linger waits, without a timer, for those whom the last batch has just
// acknowledged: mostly they come back with their next append, and one sync can
// serve them all, and those who came meanwhile. Without these two groups would
// take turns, half of the producers to a sync. A lone writer is never kept waiting.
func (a *appender) linger() {
	for idle, before := 0, 0; idle < lingers; idle++ {
		n := int(a.waiting.Load())
		if n == 0 || n >= a.expected {
			return
		}
		if n > before {
			idle = 0
		}
		before = n
		runtime.Gosched()
	}
}

// step cuts the batch, commits, delivers and acknowledges it. It returns false
// when there was nothing to do.
func (a *appender) step() bool {
	a.linger()
	a.mu.Lock()
	b, room := a.open, a.room
	if len(b.appends) == 0 {
		a.mu.Unlock()
		return false
	}
	a.open, a.room = &batch{done: make(chan struct{})}, nil
	a.waiting.Store(0)
	if a.spare != nil {
		a.open.appends = a.spare.appends[:0]
	}
	head := a.head
	a.mu.Unlock()
	if room != nil {
		close(room)
	}
	a.write(b, head)
	a.mu.Lock()
	a.expected = len(b.appends) + len(a.open.appends)
	a.mu.Unlock()
	close(b.done)
	clear(b.appends)
	a.spare = b
	return true
}

// write makes a batch durable and delivers it. It sets each append's err.
func (a *appender) write(b *batch, head Head) {
	a.mu.Lock()
	sticky, failure := a.sticky, a.failure
	a.mu.Unlock()
	if sticky {
		for _, p := range b.appends {
			p.err = failure
		}
		return
	}
	next := Head{Sequence: head.Sequence, Recorded: max(a.clock(), head.Recorded)}
	a.values, a.delivered = a.values[:0], a.delivered[:0]
	for _, p := range b.appends {
		if p.err = a.streams.check(p.entries); p.err != nil {
			continue
		}
		for i := range p.entries {
			r := &p.entries[i].Record
			next.Sequence++
			r.Sequence, r.Recorded = next.Sequence, next.Recorded
			a.values = append(a.values, events.Seal(p.values[i], r.Sequence, r.Recorded))
			a.delivered = append(a.delivered, *r)
			a.streams.note(r.Session, r.Sequence)
		}
	}
	if len(a.values) == 0 {
		return
	}
	if err := a.store.commit(head.Sequence+1, a.values); err != nil {
		a.streams.undo()
		a.fail(b, err)
		return
	}
	a.streams.keep()
	err := a.deliver(a.delivered)
	clear(a.delivered)
	if err != nil {
		err = fmt.Errorf("%w: the records are in the log, but could not be applied: %w", ErrReadOnly, err)
		a.fail(b, err)
	}
	a.advance(next, err == nil)
}

func (a *appender) advance(head Head, well bool) {
	a.mu.Lock()
	a.head = head
	if well {
		a.failure = nil
	}
	if a.moved != nil {
		close(a.moved)
		a.moved = nil
	}
	a.mu.Unlock()
}

// fail gives err to every append of b that had not failed by itself. What is not
// a full disk is for good.
func (a *appender) fail(b *batch, err error) {
	full := errors.Is(err, ErrDiskFull)
	if !full && !errors.Is(err, ErrReadOnly) {
		err = fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	for _, p := range b.appends {
		if p.err == nil {
			p.err = err
		}
	}
	a.mu.Lock()
	a.failure, a.sticky = err, !full
	a.mu.Unlock()
}

// Head is [Log.Head].
func (a *appender) Head() Head {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.head
}

// clip cuts a reader's buffer to the records that are delivered: nobody reads
// what the process itself does not know yet.
func (a *appender) clip(after uint64, buffer []events.Record) ([]events.Record, error) {
	a.mu.Lock()
	head, closed := a.head.Sequence, a.closed
	a.mu.Unlock()
	switch {
	case closed:
		return nil, ErrClosed
	case after >= head:
		return nil, nil
	}
	return buffer[:min(uint64(len(buffer)), head-after)], nil
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
		if a.closed {
			a.mu.Unlock()
			return ErrClosed
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
