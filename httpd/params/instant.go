package params

import (
	"strings"
	"time"

	"gatebook/events"
	"gatebook/internal/when"
)

// Instant is a point of the registry's time as a client has given it: a time, how long ago
// it was, or the sequence of a record.
type Instant struct {
	// Given is set when the parameter is.
	Given bool
	// Time is the time, 0 when the instant is given otherwise.
	Time events.Time
	// Sequence is the sequence of a record, 0 when the instant is given otherwise.
	Sequence uint64

	text  string // as it was given, where it is neither a sequence nor a time in full
	zone  *time.Location
	whole bool // the end of a day is meant, not its beginning
}

// setTime reads a time, a date, a time of day, or a duration back from now. whole is set when
// a date stands for the end of its day.
func (i *Instant) setTime(name, value string, zone *time.Location, whole bool) error {
	if t, err := time.Parse(time.RFC3339Nano, unescapedPlus(value)); err == nil {
		*i = Instant{Given: true, Time: events.TimeOf(t)}
		return nil
	}
	if _, err := when.Parse(value, time.Unix(0, 0), zone); err != nil {
		return Invalid("%s=%s cannot be read: %v.", name, value, err)
	}
	*i = Instant{Given: true, text: value, zone: zone, whole: whole}
	return nil
}

// setMoment reads a time or a sequence.
func (i *Instant) setMoment(name, value string, zone *time.Location) error {
	n, number := Number(value, 64)
	if number && n > 0 {
		*i = Instant{Given: true, Sequence: n}
		return nil
	}
	if number || i.setTime(name, value, zone, false) != nil {
		return Invalid("%s=%s cannot be read: it is the sequence of a record, from 1, or a time, as in 2026-11-23T07:00:00Z, 2026-11-23 07:00, 03:12 or 5m, which is that long ago.", name, value)
	}
	return nil
}

// unescapedPlus restores the sign of a time's offset, which a query turns into a blank when
// the client has not escaped it.
func unescapedPlus(value string) string { return strings.Replace(value, " ", "+", 1) }

// moves reports whether the instant moves with the clock.
func (i *Instant) moves() bool {
	span, err := when.Parse(i.text, time.Unix(0, 0), i.zone)
	return i.text != "" && err == nil && span.Moves
}

// On returns the instant as a time or a sequence, relative to now.
func (i Instant) On(now events.Time) Instant {
	if i.text != "" {
		i = Instant{Given: true, Time: i.on(now)}
	}
	return i
}

// on returns the instant as a time, 0 when none was given.
func (i *Instant) on(now events.Time) events.Time {
	switch {
	case !i.Given:
		return 0
	case i.text == "":
		return i.Time
	}
	span, err := when.Parse(i.text, now.Time(), i.zone)
	switch {
	case err != nil: // it was read before
		return 0
	case i.whole:
		return events.TimeOf(span.To)
	}
	return events.TimeOf(span.From)
}
