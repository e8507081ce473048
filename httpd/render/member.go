package render

import (
	"math"
	"strconv"

	"gatebook/events"
)

// Value appends the value of a member of v as JSON.
type Value[T any] func(b []byte, r *Rendering, v T) []byte

// Number returns a value that is a number.
func Number[T any](of func(v T) uint64) Value[T] {
	return func(b []byte, _ *Rendering, v T) []byte { return strconv.AppendUint(b, of(v), 10) }
}

// NumberOrNull returns a value that is a number, and null when it is 0.
func NumberOrNull[T any](of func(v T) uint64) Value[T] {
	return func(b []byte, _ *Rendering, v T) []byte {
		if n := of(v); n != 0 {
			return strconv.AppendUint(b, n, 10)
		}
		return append(b, "null"...)
	}
}

// Rate returns a value that is a number of things per second, with at most three decimals, and
// null when it is not known.
func Rate[T any](of func(r *Rendering, v T) (perSecond float64, known bool)) Value[T] {
	return func(b []byte, r *Rendering, v T) []byte {
		rate, known := of(r, v)
		if !known {
			return append(b, "null"...)
		}
		const decimals = 1000
		return strconv.AppendFloat(b, math.Round(rate*decimals)/decimals, 'f', -1, 64)
	}
}

// Text returns a value that is a string.
func Text[T any](of func(v T) string) Value[T] {
	return func(b []byte, _ *Rendering, v T) []byte { return AppendString(b, of(v)) }
}

// TextOrNull returns a value that is a string, and null when it is empty.
func TextOrNull[T any](of func(v T) string) Value[T] {
	return func(b []byte, _ *Rendering, v T) []byte { return AppendStringOrNull(b, of(v)) }
}

// Texts returns a value that is an array of strings.
func Texts[T any](of func(v T) []string) Value[T] {
	return func(b []byte, _ *Rendering, v T) []byte { return AppendArray(b, of(v), AppendString) }
}

// Time returns a value that is a time in the form of RFC 3339.
func Time[T any](of func(v T) events.Time) Value[T] {
	return func(b []byte, _ *Rendering, v T) []byte { return AppendTime(b, of(v)) }
}

// Link returns a value that is the link to the thing of a name in a folder.
func Link[T any](folder string, of func(v T) string) Value[T] {
	return func(b []byte, _ *Rendering, v T) []byte { return appendLink(b, folder, of(v)) }
}

// Links returns a value that is an array of such links.
func Links[T any](folder string, of func(v T) []string) Value[T] {
	return func(b []byte, _ *Rendering, v T) []byte {
		return AppendArray(b, of(v), func(b []byte, name string) []byte { return appendLink(b, folder, name) })
	}
}
