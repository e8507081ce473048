// Package gateway is the built-in source of sessions: a transparent TCP relay in
// front of database servers, with an eye on the login.
//
// It accepts clients, dials a server for each, forwards the handshake as it is
// (only what would hide the login is taken out of the server's offer), reads from
// it who logs in to what, and from then on moves bytes and counts them. What it
// sees it reports through [Book], using nothing that another program could not
// use as well.
//
// # Order
//
// A session's events are recorded in this order, each append waiting for the one
// before: session_opened; the connections that failed and the one that was
// opened; session_ready; its statistics; session_closed. The opening is recorded
// while the server is dialled. No login reaches a server before session_opened is
// durable, and no reply to a login reaches a client before session_ready is: a
// session that cannot be recorded is refused in the words of its protocol. When
// session_closed is recorded, both sockets are closed. That goes for a change of
// user in MySQL as well, which is a login over a connection that is there.
//
// With [RecordBestEffort] the order is the same and nothing waits for it: what a
// session has to record is recorded behind its back, and what cannot be is counted
// and recorded as a gap when it can. Either way a log that takes nothing harms no
// session that is there, and their ends are kept by the book until it does.
//
// # TLS
//
// TLS ends here on either side, since a login that goes through it would not be
// seen. A service with a certificate opens its sessions in the book once the client
// has begun TLS or its login without, so that the opening tells truly of it; one that
// does neither is in the book when its login's time is over. Toward servers, MySQL
// begins TLS right before the login, the other protocols when they are reached.
// Where a proxy brings the client, its header comes before everything.
//
// # Ends
//
// The first cause of an end is the reason on the record. Killing, shutting down
// and the time limits all work by noting the reason, which stands. During a login
// both sockets are closed, and everything the session is doing then fails soon. An
// established session is handed back by its relay instead, which is interrupted, so
// that its own goroutine, the only one that writes to the client then, can say why:
// if the server's last message is whole, and the client takes the words at once.
// Nothing waits for a client that does not read.
//
// The timer that limits a login writes to the client in a goroutine of its own. Its lock
// decides once which came first, the end of the login or that of its time. The reply to
// a login is written after that decision, so that nothing of the timer's follows it.
//
// # Servers
//
// Nothing but sessions finds out whether a server answers: servers count calls that
// do not log in against the gateway's address. One that does not answer is left
// alone for a time that doubles, after which one session tries it; its state is a
// fact in the book when it changes.
//
// # Panics
//
// A panic in any goroutine that works for a session ends this session, with reason
// error, and no other. Its sockets are closed, what it counted for is given back and its
// end is recorded. A goroutine of the gateway's own begins its task again. Either way
// the log has the stack and [Gateway.Panics] counts it.
//
// # Ownership
//
// A session is one goroutine, from its acceptance to its record's end; it starts
// and waits for its helpers: one that records while it dials, one that carries the
// client's answers during the login, and one for the server's bytes in the relay
// (see package relay). An established session is two goroutines and holds no
// buffer while it is idle. With best effort one more goroutine of a session records,
// as long as there is something to record. The gateway owns the goroutines that
// accept, that watch for kills, switched services, idle sessions and gaps, that tell
// of servers and that collect statistics. [Gateway.Close] ends all of them and waits
// for them.
package gateway
