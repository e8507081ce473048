// Package lifecycle decides whether an event may be recorded. It is pure: it knows no
// log, no clock and no network, and every way into the registry uses it, so that a
// program that embeds the registry can record nothing that the API would refuse.
//
// Three questions are asked, in this order:
//
//   - [Check]: is the event right by itself, whatever the book says? Names, addresses,
//     reasons, times and lists are looked at, and texts are repaired.
//   - [Draft.Owner]: does its session belong to the source that reports it?
//   - [Draft.Take]: does it fit the phase its session is in? The state machine is one
//     table, [transition].
//
// A [Draft] is owned by the goroutine that decides. Nothing here is kept after the
// decision.
package lifecycle
