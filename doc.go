// Package gatebook keeps the book of a database gateway's sessions: who came in,
// from where, to see whom, and how they left.
//
// A [Registry] decides whether an event fits, appends it to a durable log, folds
// it into the projection, and answers from there. It is opened on a data folder,
// of which it holds the lock:
//
//	registry, err := gatebook.Open(ctx, "gatebook-data", gatebook.Options{})
//	source, err := registry.StartSource(ctx, gatebook.SourceOptions{Name: "edge-1"})
//	id, err := source.Open(ctx, events.SessionOpened{Service: "orders", Address: "192.0.2.1"})
//	err = source.Record(ctx, id, &events.SessionClosed{Reason: events.ReasonClientClosed})
//
// # Promises
//
// What a method of [Source] or [Registry] has acknowledged is on the disk, and
// every read that begins afterwards shows it. A list of events is recorded whole
// or not at all. An event that does not fit is refused with a [*RefusedError] and
// nothing is recorded.
//
// Session ids are small integers from 1, never used again. When a registry opens
// its book it first settles the past: a session that was open under a program that
// is gone becomes lost, with the time it was last known to be alive. Nothing is
// ever silently closed.
//
// A [*projection.Session] and everything else that is read is an immutable value
// that the caller may keep.
//
// # Goroutines
//
// A Registry owns the log's appending goroutine, one for checkpoints and the
// signs of life of its sources, and one that asks for the kills that are due; Close
// ends them and waits for them.
package gatebook
