// Package follow sends the records of the log to clients that follow it, as server-sent
// events.
//
// # Order
//
// A follower is sent every record that it asks for once, in the order of the log, with the
// sequence as the event's id. A client that comes back with the last id it has seen misses
// none and gets none twice. Kill requests that are pending come first and have no id, so
// that a client that is cut off between two of them gets all of them again.
//
// # Cost
//
// Every follower has its own place in the log, and no other waits for it. It is cut off when
// it takes nothing for ten minutes. Between two looks at the log it pauses, the longer the
// more there are, and followers read and render in turns on half of the processors, so that
// the writer finds one that is free. A record near the head of the log is rendered once for
// all.
//
// # Ownership
//
// A follower runs in the goroutine of its request. [Set.Close] ends all of them, and those
// that come later, at once.
package follow
