// Package record records the sessions of a gateway: the opening of each, the attempts to
// reach a server, the login, and the end.
//
// # Order
//
// The events of one session are recorded in this order, each append after the one before:
// session_opened; the connections that failed and the one that was opened; session_ready;
// what [Session.Record] is given; session_closed. The opening is recorded while a server
// is dialled.
//
// # Strict and best effort
//
// In strict mode [Session.WaitOpened], [Session.Ready] and [Session.Record] return when the
// event is durable, or with the reason why it is not. The caller then refuses the session.
//
// With best effort they return at once and never fail. The events are recorded in the same
// order by a goroutine of the session. Events that cannot be recorded are counted as a gap, which
// [Sessions.WatchGaps] records as soon as it can. Counters of connections are no part of a
// gap: the next ones contain them.
//
// In both modes [Session.Close] blocks until the events before the end are recorded or
// missed. Its own failure ends nothing else: the recorder keeps ends that the log does not
// take.
//
// # Ownership
//
// A [Session] belongs to the goroutine of the session that it records, and so do the events
// that it is given until they are given. It has up to two goroutines: the opener, from
// [Session.Open] to the end of the login, and with best effort one that records the
// backlog while there is one. [Session.Close] and [Session.Abort] wait for both. Each calls
// what can panic through [Owner.Guard].
package record
