package gatebook

import (
	"errors"
	"maps"
	"sync"
	"sync/atomic"

	"gatebook/events"
)

// counts are what a registry has recorded and refused since it was opened.
type counts struct {
	refused atomic.Uint64 // events that did not fit

	mu    sync.Mutex // guards the fields below
	ended map[events.Reason]uint64
	kills uint64
}

// observe counts a batch.
func (c *counts) observe(batch []events.Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range batch {
		switch e := batch[i].Event.(type) {
		case *events.SessionClosed:
			c.end(e.Reason)
		case *events.SessionLost:
			c.end(e.Cause)
		case *events.KillRequested:
			c.kills++
		}
	}
}

// note counts a refusal; other errors are not counted.
func (c *counts) note(err error) {
	var unfit *RefusedError
	if errors.As(err, &unfit) {
		c.refused.Add(1)
	}
}

// end counts a session that ended. Its caller holds mu.
func (c *counts) end(reason events.Reason) {
	if c.ended == nil {
		c.ended = make(map[events.Reason]uint64)
	}
	c.ended[reason]++
}

// reset forgets what was counted while the log was replayed.
func (c *counts) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended, c.kills = nil, 0
}

// read returns what was counted.
func (c *counts) read() (ended map[events.Reason]uint64, kills uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.ended), c.kills
}
