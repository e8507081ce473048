package events

import (
	"time"

	"gatebook/events/wire"
)

// Event is something that happened. The set of events is closed: its types are
// the pointers to the structs of this package that [New] returns.
type Event interface {
	// Kind tells which event this is.
	Kind() Kind
	// core visits the fields that every proof covers for ever.
	core(c *wire.Coder)
	// personal visits the fields that tell of a person and can be erased.
	personal(c *wire.Coder)
}

// impersonal is embedded in the events that tell of no person.
type impersonal struct{}

func (impersonal) personal(*wire.Coder) {}

// Time is a moment in microseconds since 1970-01-01 UTC. 0 means not known.
type Time int64

// TimeOf returns t, cut to the microsecond; the zero time is 0.
func TimeOf(t time.Time) Time {
	if t.IsZero() {
		return 0
	}
	return Time(t.UnixMicro())
}

// Time returns t in UTC; the zero time when t is not known.
func (t Time) Time() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(t)).UTC()
}

// Counters are the statistics of one connection since it was opened. Each
// belongs to the connection whose socket is read or written.
type Counters struct {
	// Reads are read calls that returned data, Writes write calls.
	Reads, Writes uint64
	// BufferedWrites could not be completed at once and were queued, or joined
	// a queue.
	BufferedWrites uint64
	// HighWaterEvents and LowWaterEvents tell how often the queue crossed the
	// high mark upward and the low mark downward.
	HighWaterEvents, LowWaterEvents uint64
	// BytesRead and BytesWritten went through the socket.
	BytesRead, BytesWritten uint64
}

func (v *Counters) fields(c *wire.Coder) {
	wire.Uint(c, 1, &v.Reads)
	wire.Uint(c, 2, &v.Writes)
	wire.Uint(c, 3, &v.BufferedWrites)
	wire.Uint(c, 4, &v.HighWaterEvents)
	wire.Uint(c, 5, &v.LowWaterEvents)
	wire.Uint(c, 6, &v.BytesRead)
	wire.Uint(c, 7, &v.BytesWritten)
}

// Final are the last counters of a connection.
type Final struct {
	// Connection is the connection's number in its session; 0 is the client's.
	Connection uint32
	Counters   Counters
	// Active is when data was last read from the connection; 0 if never.
	Active Time
}

func (v *Final) fields(c *wire.Coder) {
	wire.Uint(c, 1, &v.Connection)
	wire.Nested(c, 2, &v.Counters, (*Counters).fields)
	wire.Int(c, 3, &v.Active)
}
