// Package journal appends to the log what was decided against the projection.
//
// [Journal.Append] is the one way to record anything: a [Decide] makes entries from what
// the book says, each entry carries how far the decider had seen the log, and where its
// session has moved on meanwhile the decision is made again.
//
// Ends of sessions that the log could not take are deferred: kept in memory, and recorded
// before anything else when the log is back. One call records them for all that come
// meanwhile, and no call waits for that longer than its context lasts.
//
// The journal also gives session ids: one more than the last, never used again. An id whose
// append failed was never shown to anyone.
package journal
