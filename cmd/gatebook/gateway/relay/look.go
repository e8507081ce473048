package relay

import (
	"syscall"
	"time"

	"gatebook/events"
)

// How long a side that has ended keeps a relay alive whose other side takes nothing of what
// it sent before.
const (
	clientEndPatience = 5 * time.Second
	serverEndPatience = SlowReader
)

// SlowReader is how long a client that reads slowly, and without a pause, may seem to take
// nothing: its system takes more only when a good part of its buffer is empty.
const SlowReader = 10 * time.Second

// Look finds what no goroutine of the relay notices because it waits for one side and
// does not read the other: that the other side has ended or broke, and that the first has
// taken nothing for as long as Options.Stall. It is called by one goroutine at a time, as
// often as that is to be noticed.
func (r *Relay) Look(now time.Time) {
	r.guard(func() {
		r.client.lookTaken(now)
		r.server.lookTaken(now)
		r.look(r.up, clientEndPatience, now)
		r.look(r.down, serverEndPatience, now)
	})
}

// look is Look for one direction. patience is how long its target may take nothing when its
// source has ended.
func (r *Relay) look(p *pipe, patience time.Duration, now time.Time) {
	if !p.blocked.Load() {
		p.since = time.Time{}
		return
	}
	if p.since.IsZero() {
		p.since = now
	}
	deaf := min(now.Sub(p.since), now.Sub(p.to.Taken().Time()))
	ended, err := p.from.HungUp()
	switch {
	case err != nil:
		r.broke(p.source, err)
	case ended && r.options.Together && deaf >= patience:
		r.ended(p.source, nil)
		r.close()
	case r.options.Stall > 0 && deaf >= r.options.Stall:
		r.broke(p.target, syscall.ETIMEDOUT)
	}
}

// delivery is what Look has seen of the bytes written to a connection.
type delivery struct {
	// written is how many there were, and unsent how many of them the other end had not
	// acknowledged.
	written uint64
	unsent  int
}

// lookTaken notes whether the other end has taken something since the last call. Where
// nothing was written since it had taken everything this is a look at two numbers.
func (c *Conn) lookTaken(now time.Time) {
	before, written := c.seen, c.out.bytes.Load()
	if written == before.written && before.unsent == 0 {
		return
	}
	c.seen = delivery{written: written, unsent: c.Unacknowledged()}
	if written != before.written || c.seen.unsent < before.unsent {
		c.out.taken.Store(int64(events.TimeOf(now)))
	}
	c.out.waiting.Store(c.seen.unsent > 0)
}

// Taken returns when [Relay.Look] last found that the other end had taken something of what
// was written, 0 if never.
func (c *Conn) Taken() events.Time { return events.Time(c.out.taken.Load()) }

// Waiting reports whether the last look found something written that the other end had not
// taken.
func (c *Conn) Waiting() bool { return c.out.waiting.Load() }
