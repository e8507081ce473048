// Package login lets the clients of a service in: it follows a client's login to a server,
// reads from it which user logs in to which database, and decides when the session is
// established.
//
// # To add a protocol
//
// A protocol is a type that implements [Protocol], in a file of its own beside [MySQL],
// [Postgres] and [TCP], and one more case where the gateway chooses among them
// (protocol.go of package gateway). The meaning of its packets stands in a package
// without sockets, as mysql and postgres do.
//
// # What may pass when
//
// No login reaches a server before [Session.WaitOpened] has returned. No reply to a login
// reaches a client before [Session.Ready] has. A change of user in MySQL is a login over a
// connection that is established already, and [Session.Record] decides about its reply. All
// that a login reads and writes goes through one handshake. Both sides are read at every stage,
// so that the end of either is noticed. A packet of the client that is no answer passes if the
// server waits for an answer, or if it is the client's goodbye; else it could be a command, and
// waits until the login is over.
//
// # Time
//
// A login has a limit. Its timer writes to the client from a goroutine of its own; the lock
// of the timer decides once which came first, the outcome of the login or the end of its
// time, and what comes second does nothing. The outcome is written after that decision, so
// that nothing of the timer's follows it.
//
// # Ownership
//
// A login belongs to the goroutine of its session, which calls [Protocol.LogIn]. It starts
// at most two others at a time: the timer's, which a deferred call stops and waits for, and one
// that the handshake waits for. That one watches the server until the client's login has come,
// and then carries the client's answers to the server. Neither runs when LogIn has returned. After the login the [Traffic] belongs to the relay's goroutines,
// one for each side's bytes, and between two relays to the session's.
package login
