package httpd

import (
	"strconv"

	"gatebook/events"
)

// value appends the value of a member of v.
type value[T any] func(b []byte, r *rendering, v T) []byte

// number is a value that is a number.
func number[T any](of func(v T) uint64) value[T] {
	return func(b []byte, _ *rendering, v T) []byte { return strconv.AppendUint(b, of(v), 10) }
}

// knownNumber is a number that is null when it is 0.
func knownNumber[T any](of func(v T) uint64) value[T] {
	return func(b []byte, _ *rendering, v T) []byte {
		if n := of(v); n != 0 {
			return strconv.AppendUint(b, n, 10)
		}
		return append(b, "null"...)
	}
}

// text is a string.
func text[T any](of func(v T) string) value[T] {
	return func(b []byte, _ *rendering, v T) []byte { return appendString(b, of(v)) }
}

// knownText is a string that is null when it is empty.
func knownText[T any](of func(v T) string) value[T] {
	return func(b []byte, _ *rendering, v T) []byte { return appendKnown(b, of(v)) }
}

// texts is an array of strings.
func texts[T any](of func(v T) []string) value[T] {
	return func(b []byte, _ *rendering, v T) []byte { return appendArray(b, of(v), appendString) }
}

// moment is a time in the form of RFC 3339.
func moment[T any](of func(v T) events.Time) value[T] {
	return func(b []byte, _ *rendering, v T) []byte { return appendTime(b, of(v)) }
}

// link is the link to a thing in a folder, by its name.
func link[T any](folder string, of func(v T) string) value[T] {
	return func(b []byte, _ *rendering, v T) []byte { return appendLink(b, folder, of(v)) }
}

// links is an array of them.
func links[T any](folder string, of func(v T) []string) value[T] {
	return func(b []byte, _ *rendering, v T) []byte {
		return appendArray(b, of(v), func(b []byte, name string) []byte { return appendLink(b, folder, name) })
	}
}

// statistics are the members of a connection's counters.
func statistics[T any](of func(v T) events.Counters) []member[T] {
	counter := func(pick func(c events.Counters) uint64) value[T] {
		return func(b []byte, _ *rendering, v T) []byte { return strconv.AppendUint(b, pick(of(v)), 10) }
	}
	return members([]member[T]{
		{name: "reads", value: counter(func(c events.Counters) uint64 { return c.Reads })},
		{name: "writes", value: counter(func(c events.Counters) uint64 { return c.Writes })},
		{name: "buffered_writes", value: counter(func(c events.Counters) uint64 { return c.BufferedWrites })},
		{name: "high_water_events", value: counter(func(c events.Counters) uint64 { return c.HighWaterEvents })},
		{name: "low_water_events", value: counter(func(c events.Counters) uint64 { return c.LowWaterEvents })},
	}, []member[T]{
		{name: "bytes_read", value: counter(func(c events.Counters) uint64 { return c.BytesRead })},
		{name: "bytes_written", value: counter(func(c events.Counters) uint64 { return c.BytesWritten })},
	})
}
