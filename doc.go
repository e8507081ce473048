// Package gatebook keeps the book of a database gateway's sessions: an event-sourced
// registry of who came in, from where, to which service, and how the session ended.
//
// # Opening
//
// A [Registry] is opened on a data folder, which it locks. It decides whether an event
// fits, appends it to a durable log, folds it into the projection, and answers from there:
//
//	registry, err := gatebook.Open(ctx, "gatebook-data", gatebook.Options{})
//	defer registry.Close()
//
// A session that was open when the last run ended without Close becomes lost, with the time
// it was last known to be alive. No session is ever silently closed.
//
// # Recording
//
// A program in the same process reports its sessions through a [Source]:
//
//	source, err := registry.StartSource(ctx, gatebook.SourceOptions{Name: "edge-1"})
//	id, err := source.Open(ctx, events.SessionOpened{Service: "orders", Address: "192.0.2.1"})
//	err = source.Record(ctx, id, &events.SessionReady{User: "jdoe"})
//	err = source.Record(ctx, id, &events.SessionClosed{Reason: events.ReasonClientClosed})
//
// A program elsewhere is reported by [Registry.Report], which the HTTP API uses. Both take
// the same events under the same rules.
//
// Records that a method has acknowledged are on the disk, and every read that begins
// afterwards shows them. A list of events is recorded whole or not at all. Session ids are small
// integers from 1, never used again.
//
// # Ending a session
//
// [Registry.Kill] records the request and waits for the session's source, which receives
// it from [Source.Kills], closes both sockets, and records session_closed:
//
//	session, err := registry.Kill(ctx, id, gatebook.Request{By: "ann", Why: "runaway report"})
//
// # Reading
//
// [Book.Session] returns one session, [Book.Sessions] a list by a [Query], live or
// ended, now or as of an earlier record; [Book.Feed] reads the log. A session and
// everything else that is read is an immutable value that the caller may keep. Every
// answer is of one moment, whose sequence it carries.
//
// # Times
//
// Arguments and results of this package are [time.Time]. The values of package projection
// hold [events.Time], microseconds since 1970, which its method Time converts.
//
// # Errors
//
// [ErrInvalid] is wrapped for an argument that is wrong whatever the book says, a
// [*RefusedError] is returned for an event that does not fit the state of its session, and
// nothing is recorded then. Every method that records may also return one of [ErrBusy],
// [ErrTooLarge], [ErrDiskFull], [ErrReadOnly] and [ErrClosed], wrapped. Reading may return
// a [*storage.CorruptError], which names the file and the place.
//
// # Goroutines
//
// A Registry owns the log's appending goroutine and one each for checkpoints, heartbeats of
// its sources, the file that says that it is alive, leases of sources outside, deferred ends,
// reading the log through, and kills that are due. Close stops them and waits for them.
//
// # The files of this package
//
// There are more than two dozen because each component of [Registry] has one of its own,
// with its lock: sources, waiters, the kill timer, kills, counts, the clock, the scrubber, what
// a crash left, checkpoints.
package gatebook
