// Package eventstest makes events and records for tests and benchmarks.
//
// [Event] and [Record] make any event and record. The caller makes every choice, so that a
// property test can draw and shrink it and a fuzz test can replay it:
//
//	draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") }
//	record := eventstest.Record(draw)
//
// [Full] makes the event of a kind with all fields set, and [Ordinary] the mix of records
// that sizes and speeds are measured with.
//
// Events are filled by reflection over their exported fields, so that a new field of an
// event is tested at once.
package eventstest
