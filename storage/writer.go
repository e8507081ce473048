package storage

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"gatebook/events"
)

const (
	// coalesceTurns is how often in a row the appending goroutine yields to the producers
	// without a new append, before it cuts the batch anyway.
	coalesceTurns = 64
	// fullBatch is the number of appends that deserve a commit of their own while as many
	// others are on their way: then the processors are the limit and not the disk, and it
	// pays to encode one batch, commit another and deliver a third at the same time.
	fullBatch = 192
	// ackGroup is the number of appends of a batch that are acknowledged together, as soon
	// as their records are delivered: their producers work while the rest is delivered.
	ackGroup = 128
)

// write is the appending goroutine. It ends when wake is closed and all appends in the
// inbox are completed.
func (a *appender) write() {
	defer close(a.done)
	for a.await() {
		for a.step() {
		}
	}
	for a.step() { // appends that entered between the last wake and its closing
	}
	a.delivery.Wait()
}

// coalesce yields to the producers, without a timer, until as many appends wait as are
// expected. Most producers that the last batch acknowledged append again at once, and one
// sync can serve them together with those that arrived meanwhile. Otherwise the two would
// take turns, with half of the producers to a sync. From fullBatch on the next batch is cut
// while a quarter of the last one is still delivered. A lone producer is never kept waiting.
func (a *appender) coalesce() {
	enough := a.expected
	if enough > fullBatch {
		enough = max(fullBatch, enough*3/4)
	}
	for idle, before := 0, 0; idle < coalesceTurns; idle++ {
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
// false when no append waited.
func (a *appender) step() bool {
	a.coalesce()
	if a.waiting.Load() == 0 {
		return false
	}
	b := a.cut()
	a.commit(b)
	waiting := int(a.waiting.Load())
	a.expected = len(b.appends) + waiting
	a.delivery.Wait() // batches are delivered in their order
	if waiting < fullBatch {
		a.finish(b)
	} else {
		a.delivery.Go(func() { a.finish(b) })
	}
	return true
}

// cut takes the open batch and opens the next one.
func (a *appender) cut() *batch {
	next, ok := a.batches.Get().(*batch)
	if !ok {
		next = new(batch)
	}
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
	permanent, failure := a.permanent, a.failure
	a.mu.Unlock()
	if permanent {
		refuse(b.appends, failure)
		return
	}
	next := a.number(b)
	if len(a.values) == 0 {
		return
	}
	began := time.Now()
	if err := a.store.commit(next, a.values); err != nil {
		a.streams.undo()
		b.delivered = b.delivered[:0]
		for _, p := range b.appends {
			p.err = a.streams.check(p.entries) // a conflict with what failed too is none
		}
		if errors.Is(err, ErrDiskFull) {
			a.lacking = max(a.lacking, sizeOf(a.values))
		}
		refuse(b.appends, a.fail(err))
		return
	}
	a.lacking = 0
	if a.commitHook != nil {
		a.commitHook(len(a.values), time.Since(began))
	}
	a.streams.keep()
	a.committed = next
	a.mu.Lock()
	a.durable = next.Sequence
	if !a.permanent {
		a.failure = nil
	}
	a.mu.Unlock()
}

// number checks the expectations of a batch, gives its records their sequences and the
// time, and seals them into values. It returns the head that the log has after them.
func (a *appender) number(b *batch) Head {
	next := a.committed
	next.Recorded = max(a.clock(), next.Recorded)
	a.values = a.values[:0]
	for _, p := range b.appends {
		if p.err = a.streams.check(p.entries); p.err != nil {
			continue
		}
		for i := range p.entries {
			r := &p.entries[i].Record
			next.Sequence++
			next.Stream = max(next.Stream, streamOf(r))
			r.Sequence, r.Recorded = next.Sequence, next.Recorded
			a.values = append(a.values, events.Seal(p.values[i], r.Sequence, r.Recorded))
			b.delivered = append(b.delivered, *r)
			a.streams.note(r.Session, r.Sequence)
		}
	}
	return next
}

// finish delivers the committed records of b and acknowledges its appends, one group
// after the other. After a failed delivery nothing is delivered any more and the head does
// not move: records that were committed meanwhile are in the log alone.
func (a *appender) finish(b *batch) {
	appends, records := b.appends, b.delivered
	for _, done := range b.groups {
		group := appends[:min(ackGroup, len(appends))]
		n := committedRecords(group)
		if n > 0 {
			if err := a.deliverGroup(records[:n]); err != nil {
				refuse(group, err)
			}
		}
		close(done) // from here on the group's appends are used by others
		appends, records = appends[len(group):], records[n:]
	}
	clear(b.appends)
	clear(b.groups)
	clear(b.delivered)
	*b = batch{appends: b.appends[:0], groups: b.groups[:0], delivered: b.delivered[:0]}
	a.batches.Put(b)
}

// committedRecords returns how many records of appends are committed.
func committedRecords(appends []*pending) (n int) {
	for _, p := range appends {
		if p.err == nil {
			n += len(p.entries)
		}
	}
	return n
}

// deliverGroup delivers records and moves the head behind them, unless an earlier delivery
// failed.
func (a *appender) deliverGroup(records []events.Record) error {
	a.mu.Lock()
	failed := a.deliveryErr
	a.mu.Unlock()
	if failed != nil {
		return failed
	}
	err := a.deliver(records)
	if err == nil {
		a.advance(records)
		return nil
	}
	err = a.fail(fmt.Errorf("%w: the records are in the log, but could not be applied: %w", ErrReadOnly, err))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.deliveryErr = err
	a.wakeWaiters()
	return err
}

// advance moves the head behind records that were delivered.
func (a *appender) advance(records []events.Record) {
	a.mu.Lock()
	defer a.mu.Unlock()
	last := &records[len(records)-1]
	a.head.Sequence, a.head.Recorded = last.Sequence, last.Recorded
	for i := range records {
		a.head.Stream = max(a.head.Stream, streamOf(&records[i]))
	}
	a.wakeWaiters()
}

// refuse sets err for every append that has no error of its own.
func refuse(appends []*pending, err error) {
	for _, p := range appends {
		if p.err == nil {
			p.err = err
		}
	}
}

// fail records why nothing can be appended, and returns it. Every failure but a full disk
// is permanent.
func (a *appender) fail(err error) error {
	full := errors.Is(err, ErrDiskFull)
	if !full && !errors.Is(err, ErrReadOnly) {
		err = fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.permanent {
		a.failure, a.permanent = err, !full
	}
	return err
}
