// Package when reads times as people write them: in full, as a date or a time of day in a
// zone, or as how long ago.
package when
