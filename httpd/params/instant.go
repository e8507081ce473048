package params

import (
	"strconv"
	"strings"
	"time"

	"gatebook/events"
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

	ago time.Duration
}

// setTime reads a time or a duration back from now.
func (i *Instant) setTime(name, value string) error {
	if t, err := time.Parse(time.RFC3339Nano, unescapedPlus(value)); err == nil {
		*i = Instant{Given: true, Time: events.TimeOf(t)}
		return nil
	}
	if d, err := parseDuration(value); err == nil && d >= 0 {
		*i = Instant{Given: true, ago: d}
		return nil
	}
	return Invalid("%s=%s cannot be read: it is a time, as in 2026-11-23T07:00:00Z, or how long ago, as in 24h or 7d.", name, value)
}

// setMoment reads a time or a sequence.
func (i *Instant) setMoment(name, value string) error {
	if n, err := strconv.ParseUint(value, 10, 64); err == nil && n > 0 {
		*i = Instant{Given: true, Sequence: n}
		return nil
	}
	if t, err := time.Parse(time.RFC3339Nano, unescapedPlus(value)); err == nil {
		*i = Instant{Given: true, Time: events.TimeOf(t)}
		return nil
	}
	return Invalid("%s=%s cannot be read: it is a time, as in 2026-11-23T07:00:00Z, or the sequence of a record, from 1.", name, value)
}

// unescapedPlus restores the sign of a time's offset, which a query turns into a blank when
// the client has not escaped it.
func unescapedPlus(value string) string { return strings.Replace(value, " ", "+", 1) }

// moves reports whether the instant moves with the clock.
func (i *Instant) moves() bool { return i.Given && i.Time == 0 && i.Sequence == 0 }

// on returns the instant as a time, 0 when none was given.
func (i *Instant) on(now events.Time) events.Time {
	switch {
	case !i.Given:
		return 0
	case i.Time != 0:
		return i.Time
	}
	return now - events.Time(i.ago.Microseconds())
}

// parseDuration reads a duration of Go's form, which may begin with days.
func parseDuration(text string) (time.Duration, error) {
	days, rest, found := strings.Cut(text, "d")
	if !found {
		return time.ParseDuration(text)
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, err
	}
	whole := time.Duration(n) * 24 * time.Hour
	if rest == "" {
		return whole, nil
	}
	d, err := time.ParseDuration(rest)
	return whole + d, err
}
