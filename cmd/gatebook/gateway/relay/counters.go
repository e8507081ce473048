package relay

import (
	"sync/atomic"

	"gatebook/events"
)

// cacheLine keeps counters of different goroutines out of each other's way.
const cacheLine = 64

// inbound counts what is read from a socket. The goroutine that reads writes it.
type inbound struct {
	reads, bytes atomic.Uint64
	// active is when data were last read, as [events.Time].
	active atomic.Int64
	_      [cacheLine]byte
}

// outbound counts what is written to a socket. The goroutines that write and queue write
// it.
type outbound struct {
	writes, bytes, buffered, high, low atomic.Uint64
	// taken is when the other end was last seen to take something, as [events.Time], and
	// waiting whether it had not taken all.
	taken   atomic.Int64
	waiting atomic.Bool
	_       [cacheLine]byte
}

// Counters returns what was counted so far.
func (c *Conn) Counters() events.Counters {
	return events.Counters{
		Reads:           c.in.reads.Load(),
		Writes:          c.out.writes.Load(),
		BufferedWrites:  c.out.buffered.Load(),
		HighWaterEvents: c.out.high.Load(),
		LowWaterEvents:  c.out.low.Load(),
		BytesRead:       c.in.bytes.Load(),
		BytesWritten:    c.out.bytes.Load(),
	}
}

// Received returns how many bytes were read so far.
func (c *Conn) Received() uint64 { return c.in.bytes.Load() }

// Active returns when data were last read, 0 if never.
func (c *Conn) Active() events.Time { return events.Time(c.in.active.Load()) }
