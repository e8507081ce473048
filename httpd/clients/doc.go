// Package clients knows the connections of the API's own clients. It bounds how many there
// are, records each as a session of the service "gatebook", closes those whose end is
// requested, and cuts off those whose account may no longer do what it is doing.
//
// # Order
//
// A connection is recorded before its first request is answered, and its end after the
// connection is closed, with its counters and its reason. While the log takes no records,
// requests are answered all the same, and the next request tries again; that recording
// fails, and that it works again, is logged once an episode.
//
// A session whose end is requested is closed at once, or, when a request on it asks for
// that end itself, after the answer to that request.
//
// # Ownership
//
// A [Recorder] owns one goroutine, from the first [Recorder.Listen] until [Recorder.Wait]
// has returned. The goroutines that read and write connections are those of net/http. Each
// part that is shared has a lock of its own, and none is held while a record is made:
// connLimiter, connSet, killFollower, failedLogins, and each [Conn].
package clients
