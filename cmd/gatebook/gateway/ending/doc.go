// Package ending decides why a session of the gateway ended.
//
// A session ends for one reason, which is on its record. There are three sources of it, and
// [Ending.Decide] chooses the one that counts:
//
//   - the session was stopped from outside: it was killed, was idle, took too long to log
//     in, panicked, or the gateway stops. The first such reason stands, whatever the
//     session finds out later, because stopping it breaks its connections;
//   - the session's own goroutine returned an [Ending]: a login that failed (package login),
//     or a session that was not let in;
//   - the relay ended, of which the protocol's traffic (package login) makes an [Ending],
//     with [OfRelay].
//
// Everything here is a value or pure. An [Ending] belongs to the goroutine of its session.
package ending
