package events

import (
	"errors"

	"gatebook/events/wire"
)

// Format is the version of the binary form that is written. It rises when an older
// program could no longer read a record; see doc.go.
const Format = 2

// SaltSize is the length in bytes of the salt of a personal part.
const SaltSize = 16

// Record is an event in the log. It must not be changed: its Event is shared by all
// holders of the record.
type Record struct {
	// Sequence is the record's position in the log, from 1, without gaps.
	Sequence uint64
	// Recorded is when it was appended. It never decreases along the log.
	Recorded Time
	// Occurred is when it happened by the source's clock, 0 if the source did not
	// report it.
	Occurred Time
	// Session is the id of the record's session, 0 for none. It is the record's stream.
	Session uint64
	Event   Event
	// SubjectErased and ActorErased are true if the personal part of the person that the event
	// is about, or of the one who acted, was deleted: its fields are zero. Of a record of
	// format 1, which had one part for both, both are.
	SubjectErased, ActorErased bool
}

// Erased reports whether anything personal was deleted.
func (r *Record) Erased() bool { return r.SubjectErased || r.ActorErased }

// MaxDelay is how long before it was recorded an event may have happened, in microseconds:
// 366 days. It covers every report that a source holds back while the registry is away.
const MaxDelay Time = 366 * 24 * 3600 * 1_000_000

// At returns when the event happened, as far as known: Occurred, or else Recorded. A source
// whose clock is wrong can report a time after the record itself, or more than [MaxDelay]
// before it. Neither can be true, so Recorded stands for both.
func (r *Record) At() Time {
	if r.Occurred == 0 || r.Occurred > r.Recorded || r.Occurred < r.Recorded-MaxDelay {
		return r.Recorded
	}
	return r.Occurred
}

// ErrDamaged is wrapped by the errors of [Decode] and [Core] for bytes that are not the
// record that was written.
var ErrDamaged = errors.New("damaged record")

// ErrNewer is wrapped by the error of [Decode] for a record in a newer format than this
// program's.
var ErrNewer = errors.New("record of a newer format")

const (
	flagSession  = 1 << 0
	flagOccurred = 1 << 1
	flagSubject  = 1 << 2 // in format 1 the only personal part
	flagActor    = 1 << 3 // from format 2 on

	recordedOffset = 3
	headSize       = recordedOffset + 8
	crcSize        = 4
)

// Coder encodes, decodes and cleans events, one after the other, and reuses its memory.
// The zero value is ready for use. It is used by one goroutine at a time.
type Coder struct {
	fields wire.Coder
	// subject and actor are the coders of the personal parts, and personal is what an event
	// gets to visit them with.
	subject, actor wire.Coder
	personal       personalCoders
	// subjectPart and actorPart are the buffers of encoded parts.
	subjectPart, actorPart []byte
	// Strings shares equal texts among decoded records; nil shares none.
	Strings *wire.Strings
}

// Clean limits and repairs the texts of e in place. It cuts them to 256 bytes (a
// program's name and free text to 1,024) with an ellipsis, and replaces invalid UTF-8.
func (c *Coder) Clean(e Event) {
	if !HasTexts(e) {
		return
	}
	c.fields.Clean()
	e.core(&c.fields)
	if !hasNobody(e) {
		c.personal = personalCoders{subject: &c.fields, actor: &c.fields}
		e.personal(&c.personal)
	}
}

// HasTexts reports whether an event has fields that [Clean] cleans. Those that have none are
// most of what is recorded.
func HasTexts(e Event) bool {
	switch e.(type) {
	case *StatisticsRecorded, *ConnectionClosed, *SessionLost:
		return false
	}
	return true
}

// Clean limits and repairs the texts of e in place: see [Coder.Clean].
func Clean(e Event) { new(Coder).Clean(e) }
