package follow

import (
	"sync/atomic"

	"gatebook/events"
	"gatebook/httpd/reports"
)

const (
	// sharedCount is how many events are kept: those of the newest records.
	sharedCount = 1 << 11
	// longestShared bounds the length of an event that is kept.
	longestShared = 2 << 10
)

// sharedEvents keeps the newest records as followers are sent them: the first follower that
// needs one renders it, and the others copy it. Without key it renders no kill request. Its methods are
// safe for concurrent use.
type sharedEvents struct {
	key reports.KeyOf
	history
	slots [sharedCount]atomic.Pointer[sharedEvent] // sequence s is at s % sharedCount
}

// sharedEvent is a record as it is sent. It never changes.
type sharedEvent struct {
	sequence uint64
	text     []byte
}

// append appends a record of a log that ends at head as a server-sent event with an id.
func (k *sharedEvents) append(b []byte, r *events.Record, head uint64) []byte {
	if head-r.Sequence >= sharedCount {
		return k.appendEvent(b, r) // few followers are that far behind, and not at the same place
	}
	slot := &k.slots[r.Sequence%sharedCount]
	if kept := slot.Load(); kept != nil && kept.sequence == r.Sequence {
		return append(b, kept.text...)
	}
	start := len(b)
	b = k.appendEvent(b, r)
	if text := b[start:]; len(text) <= longestShared {
		slot.Store(&sharedEvent{sequence: r.Sequence, text: append(make([]byte, 0, len(text)), text...)})
	}
	return b
}

// appendEvent appends a record as a server-sent event with an id.
func (k *sharedEvents) appendEvent(b []byte, r *events.Record) []byte {
	b = append(k.appendPlace(append(b, "id: "...), r.Sequence, r.Recorded), '\n')
	return k.appendData(b, r)
}

// appendData appends a record as a server-sent event without an id.
func (k *sharedEvents) appendData(b []byte, r *events.Record) []byte {
	b = append(b, "data: "...)
	return append(reports.AppendRecord(b, r, k.key), "\n\n"...)
}
