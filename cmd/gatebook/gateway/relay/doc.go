// Package relay moves bytes between two sockets, counts them, and returns which side
// ended first.
//
// # Order and memory
//
// Each direction is a [pipe]: what is read from one socket is written to the
// other, in order, nothing added and nothing lost. A pipe writes at once what it
// has read; only what the socket does not take is queued. While a queue exists
// the pipe goes on reading until the queue is above its high mark, and then
// stops reading until it is at or below its low mark. So a direction never holds
// more than the high mark and one buffer. With a high mark of 0 nothing is
// queued: the pipe reads on when its write is done.
//
// # Goroutines
//
// A pipe is one goroutine, which waits for its source without holding a buffer:
// a connection on which nothing happens costs two goroutines and no buffers. It
// cannot wait for its source to be readable and for its target to be writable at
// once, so it starts a second goroutine when its queue begins, which writes
// until the queue is empty and ends. Queues are rare and sockets that take a
// write at once the rule; the alternative, one goroutine alternating between the
// two waits by deadlines, would pay timers for every chunk of a stalled peer.
// [Relay.Run] returns when all of them have ended.
//
// # TLS
//
// A [Conn] may speak TLS ([Conn.StartTLS]), which makes no difference to the pipes. Below
// TLS lies a socket that never waits: what it does not take of a record is kept there, at
// most one record, until the drainer finishes it, and counts as not written until
// then. So the marks and bounds are the same, in plaintext, and an idle connection
// holds no buffer of the relay's, though crypto/tls keeps some of its own. The counters of
// reads and writes then count records.
//
// # Ends
//
// The end of one side is passed on when everything before it was, and the other
// direction goes on: a half-closed connection stays one. The relay ends when
// both directions did, or when one side broke, which closes both sockets. In the protocols
// of databases neither side goes on without the other ([Options.Together]). The end of a
// client then closes both sockets. A client whose server has closed is given a while to
// close as well and is then closed: an idle client would not notice for hours. A server whose
// client has said goodbye is given that while too, so that its last word is heard.
//
// A pipe that waits for its target does not read its source, and does not notice that the
// source has ended. [Relay.Look] finds that out, without reading.
//
// # Pauses
//
// A relay can stop without an end: at a place in the client's bytes, or by [Interrupt].
// Both directions then pass on what they have read, and [Relay.Run] returns with the sockets
// open, so that the caller can use them and run a relay over them again. An interruption
// waits only a moment for a side that takes nothing, and then ends the relay.
//
// # Panics
//
// A panic in a goroutine of a relay, or in a function of its options, ends that relay.
// Both sockets are closed, the other goroutines end, and [Relay.Run] returns the panic with
// its stack as a [panics.Error].
//
// # Ownership
//
// A [Conn] belongs to the goroutine that made it, before and after [Relay.Run]. In between only
// Close, Counters, Received and Active may be called, and deadlines set. The read half of a
// Conn is used by one goroutine at a time, and so is the write half; outside of [Relay.Run] any
// number of goroutines may call Write.
//
// [Relay.Run] owns its goroutines, one for the server's bytes and one for each queue, and returns
// when they have ended. A pipe's lock guards its queue; it is held while Options.Moved is
// called.
package relay
