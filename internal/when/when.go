package when

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Span is the time that a text names. From and To are the same unless it names a day.
type Span struct {
	From, To time.Time
	// Moves is set when the text names another time later, as "5m" and "03:12" do.
	Moves bool
}

// errForm reports a text that names no time.
var errForm = errors.New("it is a time, as in 2026-11-23T07:00:00Z, a date or a time of day, as in 2026-11-23 or 03:12, or how long ago, as in 24h or 7d")

// errSpoken reports words that name no time.
var errSpoken = errors.New("it is a time, a date or a time of day, as in 2026-11-23T07:00:00Z, 2026-11-23 or 03:12, how long ago, as in 24h or 7d, or words like yesterday, last tuesday or 3 days ago")

// Parse reads a text:
//
//   - a time with its zone, 2026-11-23T07:00:00Z;
//   - a day in the zone, 2026-11-23, which ends a microsecond before the next;
//   - a time in the zone, 2026-11-23T07:00 or 2026-11-23 07:00:30;
//   - a time of day in the zone, 03:12, which is the last one before now;
//   - how long before now it was, 24h, 90s, 7d or 1d12h.
func Parse(text string, now time.Time, zone *time.Location) (Span, error) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return Span{From: t, To: t}, nil
	}
	if d, err := Duration(text); err == nil && d >= 0 {
		t := now.Add(-d)
		return Span{From: t, To: t, Moves: true}, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return Day(t), nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04", "2006-01-02 15:04:05.999999999"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return Span{From: t, To: t}, nil
		}
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			t = lastAt(t, now.In(zone))
			return Span{From: t, To: t, Moves: true}, nil
		}
	}
	return Span{}, errForm
}

// Day returns the day of a time, in the zone of that time.
func Day(t time.Time) Span {
	y, m, d := t.Date()
	return Span{
		From: time.Date(y, m, d, 0, 0, 0, 0, t.Location()),
		To:   time.Date(y, m, d+1, 0, 0, 0, 0, t.Location()).Add(-time.Microsecond),
	}
}

// lastAt returns the last time at or before now at which the clock showed a time of day.
func lastAt(clock, now time.Time) time.Time {
	y, m, d := now.Date()
	on := func(d int) time.Time {
		return time.Date(y, m, d, clock.Hour(), clock.Minute(), clock.Second(), clock.Nanosecond(), now.Location())
	}
	if t := on(d); !t.After(now) {
		return t
	}
	return on(d - 1)
}

// Duration reads a duration of Go's form, which may begin with days.
func Duration(text string) (time.Duration, error) {
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

// Zone returns the zone of a name of the IANA database, as Europe/Berlin, of an offset from
// UTC, as +02:00, or UTC itself.
func Zone(name string) (*time.Location, error) {
	if t, err := time.Parse("Z07:00", name); err == nil {
		if name == "Z" {
			return time.UTC, nil
		}
		_, offset := t.Zone()
		return time.FixedZone(name, offset), nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is no time zone", name)
	}
	return zone, nil
}
