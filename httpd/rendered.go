package httpd

import (
	"strconv"
	"sync/atomic"

	"gatebook/events"
	"gatebook/httpd/reports"
)

const (
	// renderingsKept is how many renderings are kept: those of so many of the newest
	// records.
	renderingsKept = 1 << 11
	// renderingMost bounds the length of one that is kept.
	renderingMost = 2 << 10
)

// renderings are the newest records as followers are sent them: whichever of them needs
// one first renders it, and the others copy that. The zero value is empty. Its methods
// are safe for concurrent use.
type renderings struct {
	slots [renderingsKept]atomic.Pointer[sentEvent] // that of sequence s is at s % renderingsKept
}

// sentEvent is a record as it is sent. It never changes.
type sentEvent struct {
	sequence uint64
	text     []byte
}

// append appends a record of a log that ends at head, with its id.
func (k *renderings) append(b []byte, r *events.Record, head uint64) []byte {
	if head-r.Sequence >= renderingsKept {
		return appendEvent(b, r) // whoever catches up with the past does so alone
	}
	slot := &k.slots[r.Sequence%renderingsKept]
	if kept := slot.Load(); kept != nil && kept.sequence == r.Sequence {
		return append(b, kept.text...)
	}
	start := len(b)
	b = appendEvent(b, r)
	if text := b[start:]; len(text) <= renderingMost {
		slot.Store(&sentEvent{sequence: r.Sequence, text: append(make([]byte, 0, len(text)), text...)})
	}
	return b
}

// appendEvent appends a record as a server-sent event that has an id.
func appendEvent(b []byte, r *events.Record) []byte {
	b = append(strconv.AppendUint(append(b, "id: "...), r.Sequence, 10), '\n')
	return appendData(b, r)
}

// appendData appends a record as a server-sent event without one.
func appendData(b []byte, r *events.Record) []byte {
	b = append(b, "data: "...)
	return append(reports.AppendRecord(b, r), "\n\n"...)
}
