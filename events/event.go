package events

import (
	"time"

	"gatebook/events/wire"
)

// Event is something that happened. The set of events is closed: its types are the
// pointers to the structs of this package that [New] returns.
type Event interface {
	// Kind returns the kind of the event.
	Kind() Kind
	// core visits the fields that every proof covers.
	core(c *wire.Coder)
	// personal visits the fields that identify a person and can be erased, each with the coder
	// of the part that has it.
	personal(p *personalCoders)
}

// impersonal is embedded in the events without a personal part.
type impersonal struct{}

func (impersonal) personal(*personalCoders) {}
func (impersonal) isImpersonal()            {}

// hasNobody reports whether an event has no personal part.
func hasNobody(e Event) bool {
	_, impersonal := e.(interface{ isImpersonal() })
	return impersonal
}

// personalCoders visit the fields of the two personal parts. In format 1 there was one part
// with the fields of both: then they are one coder. So no two fields of an event have the
// same number, and all are visited in ascending order.
type personalCoders struct {
	// subject is for the person that the event is about, actor for the one who acted.
	subject, actor *wire.Coder
}

// Time is a time in microseconds since 1970-01-01 UTC. 0 means unknown.
type Time int64

// TimeOf returns t, truncated to the microsecond; 0 for the zero time.
func TimeOf(t time.Time) Time {
	if t.IsZero() {
		return 0
	}
	return Time(t.UnixMicro())
}

// Seconds returns a difference of two times in seconds.
func (t Time) Seconds() float64 { return float64(t) / 1e6 }

// Time returns t in UTC; the zero time if t is unknown.
func (t Time) Time() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(t)).UTC()
}

// Counters are the statistics of one connection since it was opened. Each counts
// operations on that connection's socket.
type Counters struct {
	// Reads are read calls that returned data, Writes write calls.
	Reads, Writes uint64
	// BufferedWrites could not be completed at once and were queued, or joined a queue.
	BufferedWrites uint64
	// HighWaterEvents and LowWaterEvents count how often the queue rose above the high
	// mark and fell below the low mark.
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
