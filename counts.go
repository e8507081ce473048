package gatebook

import (
	"maps"
	"sync"

	"gatebook/events"
)

// counts are what a registry has recorded since it was opened.
type counts struct {
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
