package storage

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"gatebook/events"
)

const (
	// lingers is how often in a row the writer lets the producers run without
	// seeing one more of them join, before it cuts a batch all the same.
	lingers = 64
	// plenty is how many appends are worth a commit of their own while as many others
	// are on their way: then the processors limit, not the disk, and one batch is
	// decided and encoded, one committed and one delivered at the same time.
	plenty = 192
)

// write is the appending goroutine. It ends when wake is closed and all that was
// taken in is seen through.
func (a *appender) write() {
	defer close(a.done)
	for range a.wake {
		for a.step() {
		}
	}
	for a.step() { // what was taken in between the last wake and its closing
	}
	a.delivery.Wait()
}

// linger waits, without a timer, for those whom the last batch has just
// acknowledged: mostly they come back with their next append, and one sync can
// serve them all, and those who came meanwhile. Without these two groups would
// take turns, half of the producers to a sync; which is what many of them should do.
// A lone writer is never kept waiting.
func (a *appender) linger() {
	enough := a.expected
	if enough > plenty {
		enough = max(plenty, enough/2)
	}
	for idle, before := 0, 0; idle < lingers; idle++ {
		n := int(a.waiting.Load())
		if n == 0 || n >= enough {
			return
		}
		if n > before {
			idle = 0
		}
		before = n
		runtime.Gosched()
	}
}

// step cuts the batch, commits it, and has it delivered and acknowledged. It returns
// false when there was nothing to do.
func (a *appender) step() bool {
	a.linger()
	if a.waiting.Load() == 0 {
		return false
	}
	b := a.cut()
	a.commit(b)
	waiting := int(a.waiting.Load())
	a.expected = len(b.appends) + waiting
	a.delivery.Wait() // batches are delivered in their order
	if waiting < plenty {
		a.finish(b)
	} else {
		a.delivery.Go(func() { a.finish(b) })
	}
	return true
}

// cut takes the batch that is being filled, and begins the next.
func (a *appender) cut() *batch {
	next, ok := a.batches.Get().(*batch)
	if !ok {
		next = new(batch)
	}
	next.done = make(chan struct{})
	a.mu.Lock()
	b, room := a.open, a.room
	a.open, a.room = next, nil
	a.waiting.Store(0)
	a.mu.Unlock()
	if room != nil {
		close(room)
	}
	return b
}

// commit makes a batch durable. It sets the err of each append that failed.
func (a *appender) commit(b *batch) {
	a.mu.Lock()
	sticky, failure := a.sticky, a.failure
	a.mu.Unlock()
	if sticky {
		refuse(b, failure)
		return
	}
	next := Head{Sequence: a.committed.Sequence, Recorded: max(a.clock(), a.committed.Recorded)}
	a.values = a.values[:0]
	for _, p := range b.appends {
		if p.err = a.streams.check(p.entries); p.err != nil {
			continue
		}
		for i := range p.entries {
			r := &p.entries[i].Record
			next.Sequence++
			r.Sequence, r.Recorded = next.Sequence, next.Recorded
			a.values = append(a.values, events.Seal(p.values[i], r.Sequence, r.Recorded))
			b.delivered = append(b.delivered, *r)
			a.streams.note(r.Session, r.Sequence)
		}
	}
	if len(a.values) == 0 {
		return
	}
	began := time.Now()
	if err := a.store.commit(a.committed.Sequence+1, a.values); err != nil {
		a.streams.undo()
		b.delivered = b.delivered[:0]
		refuse(b, a.fail(err))
		return
	}
	if a.observe != nil {
		a.observe(len(a.values), time.Since(began))
	}
	a.streams.keep()
	a.committed, b.head = next, next
	a.mu.Lock()
	a.durable = next.Sequence
	if !a.sticky {
		a.failure = nil
	}
	a.mu.Unlock()
}

// finish delivers what was committed of b, and acknowledges b. After a delivery that
// failed there is none, and the head stays where it was: what was committed meanwhile
// is in the log, and nowhere else.
func (a *appender) finish(b *batch) {
	if len(b.delivered) > 0 {
		if err := a.hand(b.delivered); err != nil {
			refuse(b, err)
		} else {
			a.advance(b.head)
		}
	}
	close(b.done)
	clear(b.appends)
	clear(b.delivered)
	*b = batch{appends: b.appends[:0], delivered: b.delivered[:0]}
	a.batches.Put(b)
}

// hand gives records to the reader, unless it could not take those before.
func (a *appender) hand(records []events.Record) error {
	a.mu.Lock()
	stuck := a.stuck
	a.mu.Unlock()
	if stuck != nil {
		return stuck
	}
	err := a.deliver(records)
	if err == nil {
		return nil
	}
	err = a.fail(fmt.Errorf("%w: the records are in the log, but could not be applied: %w", ErrReadOnly, err))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stuck = err
	a.wakeWaiters()
	return err
}

func (a *appender) advance(head Head) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.head = head
	a.wakeWaiters()
}

// refuse gives err to every append of b that had not failed by itself.
func refuse(b *batch, err error) {
	for _, p := range b.appends {
		if p.err == nil {
			p.err = err
		}
	}
}

// fail notes why nothing can be appended and returns it. What is not a full disk is
// for good.
func (a *appender) fail(err error) error {
	full := errors.Is(err, ErrDiskFull)
	if !full && !errors.Is(err, ErrReadOnly) {
		err = fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.sticky {
		a.failure, a.sticky = err, !full
	}
	return err
}
