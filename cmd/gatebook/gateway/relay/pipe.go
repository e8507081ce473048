package relay

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// pipe moves bytes from one socket to the other.
type pipe struct {
	relay    *Relay
	from, to *Conn
	// source and target are the sides that from and to belong to.
	source, target Side
	// watch sees the bytes; nil where nothing does.
	watch func(p []byte)
	// passable sees them too, and returns how many may be passed on; nil means all.
	passable func(p []byte) int

	// drainer is the goroutine that writes the queue; the pipe's own goroutine
	// starts it and waits for it.
	drainer sync.WaitGroup
	// draining: the drainer runs. The pipe's own goroutine sets it, and the drainer clears
	// it, while the queue is empty.
	draining atomic.Bool
	// blocked: the pipe's own goroutine waits for the target, and so does not read the
	// source. Only that goroutine sets it.
	blocked atomic.Bool
	// since is when Look has found it blocked; zero while it is not. It is Look's.
	since time.Time
	// mu guards queue and failed.
	mu    sync.Mutex
	queue queue
	// failed: the target takes nothing any more.
	failed bool
	// eased is signalled when the queue is at or below the low mark, empty, or
	// when failed is set.
	eased *sync.Cond
}

func newPipe(r *Relay, from, to *Conn, source, target Side) *pipe {
	p := &pipe{relay: r, from: from, to: to, source: source, target: target}
	p.queue.buffers = r.options.Buffers
	p.eased = sync.NewCond(&p.mu)
	return p
}

// run moves bytes until its source ends, either side breaks or something panics.
// When it returns its drainer has ended.
func (p *pipe) run() {
	p.relay.guard(func() {
		for p.step() {
		}
	})
	p.relay.guard(p.release)
}

// step moves what one read brings, and reports whether to go on.
func (p *pipe) step() bool {
	buffer, n, err := p.from.receive(p.relay.options.Buffers)
	switch {
	case errors.Is(err, io.EOF):
		p.relay.ended(p.source, nil)
		if p.flush() {
			p.relay.passEnd(p)
		}
		return false
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.relay.pause()
		p.flush()
		return false
	case err != nil:
		p.relay.broke(p.source, err)
		return false
	}
	defer p.relay.options.Buffers.Return(buffer)
	if p.watch != nil {
		p.watch(buffer[:n])
	}
	p.relay.options.Moved() // for what was read, in case writing takes long
	b, all := p.divide(buffer[:n])
	more := len(b) == 0 || p.pass(b)
	p.relay.options.Moved()
	if more && !all {
		p.flush()
		p.relay.pause()
		return false
	}
	return more
}

// pass writes b or queues it, and reports whether to go on.
func (p *pipe) pass(b []byte) bool {
	if p.relay.options.High == 0 {
		return p.wait(b)
	}
	if !p.draining.Load() {
		n, err := p.to.offer(b)
		if err != nil {
			p.relay.broke(p.target, err)
			return false
		}
		if n == len(b) {
			return true
		}
		b = b[n:]
	}
	return p.enqueue(b)
}

// wait writes all of b, and blocks as long as that takes.
func (p *pipe) wait(b []byte) bool {
	p.blocked.Store(true)
	defer p.blocked.Store(false)
	for len(b) > 0 {
		n, err := p.to.push(b)
		if err != nil {
			p.relay.broke(p.target, err)
			return false
		}
		b = b[n:]
	}
	return true
}

// enqueue queues b, and when that takes the queue above the high mark waits
// until it is at or below the low mark.
func (p *pipe) enqueue(b []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	high, low := p.relay.options.High, p.relay.options.Low
	p.to.out.buffered.Add(1)
	p.queue.add(b)
	if !p.draining.Load() {
		p.draining.Store(true)
		p.drainer.Go(p.drain)
	}
	if p.queue.size <= high {
		return !p.failed
	}
	p.to.out.high.Add(1)
	p.blocked.Store(true)
	defer p.blocked.Store(false)
	for p.queue.size > low && !p.failed {
		p.eased.Wait()
	}
	return !p.failed
}

// drain writes the queue until it is empty, the target breaks or something panics.
func (p *pipe) drain() {
	p.relay.guard(p.writeQueue)
}

// writeQueue writes the queue until it is empty or the target breaks. When it panics
// the target takes nothing any more, so that no goroutine waits for the queue.
func (p *pipe) writeQueue() {
	returned := false
	defer func() {
		if !returned {
			p.fail()
		}
	}()
	for front := p.written(0); front != nil; {
		n, err := p.to.push(front)
		if err != nil {
			p.fail()
			p.relay.broke(p.target, err)
			break
		}
		front = p.written(n)
	}
	returned = true
}

// written takes n bytes that were written off the queue, and returns the bytes to
// write next. It returns nil when the queue is empty, and the drainer is to end.
func (p *pipe) written(n int) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n > 0 {
		p.drained(n)
	}
	if p.queue.size > 0 {
		return p.queue.front()
	}
	p.draining.Store(false)
	p.eased.Broadcast()
	return nil
}

// fail notes that the target takes nothing any more, and wakes the goroutine that
// waits for the queue.
func (p *pipe) fail() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed = true
	p.eased.Broadcast()
}

// drained takes n written bytes off the queue. Its caller holds mu.
func (p *pipe) drained(n int) {
	above := p.queue.size > p.relay.options.Low
	p.queue.drop(n)
	if above && p.queue.size <= p.relay.options.Low {
		p.to.out.low.Add(1)
		p.eased.Signal()
	}
	p.relay.options.Moved()
}

// flush waits until the queue is empty, and reports whether all of it went.
func (p *pipe) flush() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.blocked.Store(true)
	defer p.blocked.Store(false)
	for p.queue.size > 0 && !p.failed {
		p.eased.Wait()
	}
	return !p.failed
}

// release waits for the drainer and gives back what the queue still holds. The side it was
// for is gone. After a panic the queue may be in any state. Its buffers are then left to
// the garbage collector: one that is given back twice would mix the bytes of two sessions.
func (p *pipe) release() {
	p.drainer.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.relay.panicked() == nil {
		p.queue.clear()
	}
}

// gone reports whether err only means that the other end has closed.
func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE)
}
