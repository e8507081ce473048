// Package eventstest makes events and records for tests and benchmarks.
//
// [Event] and [Record] make any there can be; every choice is the caller's, so
// that a property test can draw and shrink it and a fuzz test can replay it:
//
//	draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") }
//	record := eventstest.Record(draw)
//
// [Full] makes the one event of a kind that has all its fields set, and [Ordinary]
// the mix of records that sizes and speeds are measured with.
//
// Events are filled by reflection over their exported fields: a field that is
// added to an event is tested from then on.
package eventstest
