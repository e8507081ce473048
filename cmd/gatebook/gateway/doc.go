// Package gateway is the built-in source of sessions: a transparent TCP relay in
// front of database servers, which reads each login.
//
// It accepts clients, dials a server for each, forwards the handshake as it is
// (only what would hide the login is taken out of the server's offer), reads from it
// which user logs in to which database, and from then on moves bytes and counts them.
// It records what it sees through [Recorder], using nothing that another program could
// not use as well.
//
// # Where to look
//
//   - a protocol is a type of package login and one case in protocol.go;
//   - a session's life is session.go, from run down; finish.go is its end;
//   - why a session ended is decided in package ending, by [ending.Ending.Decide];
//   - what ends a session from outside goes through lifetime.go;
//   - what a session records, and when, is package record;
//   - which server a session gets is router.go, and whether a server is tried backend.go;
//   - what a session counts for, and its activity, is limits.go;
//   - what watches kills, switched services, idle sessions and sides that have gone is watch.go.
//
// # Order
//
// A session's events are recorded in this order, each append waiting for the one
// before: session_opened; the connections that failed and the one that was
// opened; session_ready; its statistics; session_closed. The opening is recorded
// while the server is dialled. No login reaches a server before session_opened is
// durable, and no reply to a login reaches a client before session_ready is: a
// session that cannot be recorded is refused with an error of its protocol. When
// session_closed is recorded, both sockets are closed. The same holds for a change of
// user in MySQL, which is a login over a connection that is established.
//
// With [RecordBestEffort] the order is the same and no session waits for its record. Events
// that cannot be recorded are counted, and recorded as a gap when they can. In both modes a log that
// takes nothing harms no established session, and the recorder keeps their ends until the
// log takes them.
//
// # TLS
//
// TLS ends here on either side, since a login that goes through it could not be
// seen. A service with a certificate opens its sessions once the client has begun TLS,
// or its login without, so that the opening is true; a client that does neither is
// recorded when the time of its login is over. Toward servers, MySQL begins TLS right
// before the login, the other protocols when they are reached. Where a proxy brings the
// client, its header comes before everything.
//
// # Ends
//
// The first cause of an end is the reason on the record. Killing, shutting down
// and the time limits all work by noting the reason, which stands. During a login
// both sockets are closed, and everything the session is doing then fails soon. An
// established session is handed back by its relay instead, which is interrupted, so
// that its own goroutine, the only one that writes to the client then, can send the
// reason: if the server's last message is whole, and the client takes it at once.
// Nothing waits for a client that does not read.
//
// The statement that the server still runs for a killed session is cancelled before the
// server's socket closes, over a connection to the same address: its number there is no other's until then.
// The relay leaves that socket open for it.
//
// # Servers
//
// Only sessions find out whether a server answers: servers count connections that do not
// log in against the gateway's address. A server that does not answer is left alone for a
// time that doubles, after which one session tries it. A change of its state is recorded.
//
// # Panics
//
// A panic in any goroutine that works for a session ends this session, with reason
// error, and no other. Its sockets are closed, what it counted for is given back and its
// end is recorded. A goroutine of the gateway's own begins its task again. Either way
// the log has the stack and [Gateway.Panics] counts it.
//
// # Goroutines
//
// [Gateway.Close] ends all of them and waits for them.
//
//	goroutine                       owner, which waits for it     ends when
//	accept, one a listener          Gateway.workers               Gateway.Close, by retire
//	kills, switches, idle sessions, Gateway.workers               Gateway.Close, by retire
//	sides that have gone, states
//	of servers, statistics, gaps
//	a session                       sessions.running              its end is recorded
//	its opener                      record.Session                the login is over
//	its backlog (best effort)       record.Session                nothing waits to be recorded
//	the time limit of its login     login, a deferred call        the login is over
//	its client's answers            login's handshake             the login is over
//	the server's bytes              Relay.Run                     the relay ends
//	a queue of the relay            its pipe                      the queue is empty
//
// An established session is two goroutines, its own and the one for the server's bytes, and
// holds no buffer while it is idle.
//
// # Locks
//
// Each lock guards what its type holds. Three are held while another is taken:
// Gateway.reloading, a timer.mu while lifetime.mu is, and a pipe.mu while statistics.mu is.
//
//	lifetime.mu             a session's sockets, and why it was stopped
//	login's timer.mu        which came first, the login's outcome or its time limit
//	record's backlog.mu     events that a session does not wait for
//	record's gap.mu         what could not be recorded
//	relay's pipe.mu         a queue
//	sessionIndex.mu         which sessions have not ended
//	cancelKeys.mu           which server has issued which key
//	backend.mu              whether a server answers
//	backends.mu             the list of servers
//	statistics.mu           the list of sessions whose counters changed
//	Gateway.reloading       the configuration, and the credentials of TLS
//
// The files are many because each part of the gateway that has a lock of its own has one, and
// the configuration and its reload stand beside them; what needs no part has a package below.
package gateway
