package projection

import (
	"unique"

	"gatebook/events"
)

// ConnectionState is the state of a connection to a server.
type ConnectionState uint8

// The states of a connection to a server.
const (
	Open ConnectionState = iota
	// Ended: it closed, by itself or with its session.
	Ended
	// Failed: the server was not reached.
	Failed
)

// Connection is one of a session's connections to a server. It never changes.
type Connection struct {
	// ServerID is the server's own number for it, 0 if unknown.
	ServerID uint64
	// Opened is when the server was reached, or when the attempt failed.
	Opened events.Time
	// Number is its number in the session, from 1.
	Number   uint32
	State    ConnectionState
	Reason   events.Reason
	server   unique.Handle[string]
	counters counters
}

// Server returns the name of the server.
func (c *Connection) Server() string { return c.server.Value() }

// Counters returns the recorded counters.
func (c *Connection) Counters() events.Counters { return c.counters.value() }

// Closed returns when the connection closed before its session ended, 0 otherwise.
func (c *Connection) Closed() events.Time { return c.counters.rareOrZero().closed }

// Cause returns why the server was not reached.
func (c *Connection) Cause() string { return c.counters.rareOrZero().cause }

// close sets when and why the connection ended or failed.
func (c *Connection) close(state ConnectionState, reason events.Reason, at events.Time, cause string) {
	c.counters.changeRare(func(r *rare) { r.closed, r.cause = at, cause })
	c.State, c.Reason = state, reason
}

// index returns the position of the connection with that number, -1 if there is none. Of
// several with the same number the last one counts.
func (s *Session) index(number uint32) int {
	for i := len(s.Connections) - 1; i >= 0; i-- {
		if s.Connections[i].Number == number {
			return i
		}
	}
	return -1
}

// Connection returns the connection to a server with that number.
func (s *Session) Connection(number uint32) (*Connection, bool) {
	if i := s.index(number); i >= 0 {
		return &s.Connections[i], true
	}
	return nil, false
}

// End returns when and why a connection of the session ended, by itself or with the
// session. Both are zero while it is open.
func (s *Session) End(c *Connection) (events.Time, events.Reason) {
	if c.State != Open {
		return c.Closed(), c.Reason
	}
	e := s.Ending()
	return e.Ended, e.Reason
}

// counters are [events.Counters], with those that are mostly zero behind a pointer.
type counters struct {
	reads, writes, bytesRead, bytesWritten uint64
	rare                                   *rare
}

// rare holds properties that few connections have. It never changes once the session is
// shared.
type rare struct {
	buffered, high, low uint64
	closed              events.Time
	cause               string
}

func (c *counters) value() events.Counters {
	v := events.Counters{Reads: c.reads, Writes: c.writes, BytesRead: c.bytesRead, BytesWritten: c.bytesWritten}
	if c.rare != nil {
		v.BufferedWrites, v.HighWaterEvents, v.LowWaterEvents = c.rare.buffered, c.rare.high, c.rare.low
	}
	return v
}

func (c *counters) set(v events.Counters) {
	was := c.value()
	c.reads, c.writes, c.bytesRead, c.bytesWritten = v.Reads, v.Writes, v.BytesRead, v.BytesWritten
	if v.BufferedWrites == was.BufferedWrites && v.HighWaterEvents == was.HighWaterEvents && v.LowWaterEvents == was.LowWaterEvents {
		return
	}
	c.changeRare(func(r *rare) {
		r.buffered, r.high, r.low = v.BufferedWrites, v.HighWaterEvents, v.LowWaterEvents
	})
}

func (c *counters) rareOrZero() rare {
	if c.rare == nil {
		return rare{}
	}
	return *c.rare
}

// changeRare gives the counters a changed copy of their rare.
func (c *counters) changeRare(change func(*rare)) {
	now := c.rareOrZero()
	change(&now)
	c.rare = &now
}
