// Package httpd is the REST API of the book: it answers questions about sessions,
// services, servers and sources, and ends sessions.
//
// # Promises
//
// An answer is of one moment, the sequence in its header Gatebook-Sequence:
// a reader who follows the log from there misses nothing. Where an answer needs
// two readings the header has the earlier one. What a handler needs is copied out
// of the registry before the first byte is written; no lock is held while a client
// reads, however slowly.
//
// Every answer of a known path has an Allow header; every answer but those of the
// transport itself (400, 431) that is not a success has a JSON body with the
// members error and description. A failure that is not the client's is logged with
// its cause, in one place, and the client is told none of it.
//
// Every request is measured when it is over (type Metrics), and has a line in the log if
// that is wanted (type accessLog): nothing there is what a client chose to call itself,
// or credentials.
//
// A parameter that an operation does not take is refused, never ignored.
//
// openapi.yaml describes every route, parameter, answer, header and error. The tests
// hold every answer they see against it, and a route that is in one of the two alone
// fails them.
//
// # Conditional requests
//
// What is in the book has an entity tag: the sequence of its last change, behind a
// semicolon what was observed of counters and not recorded, the form and the
// compression. A handler says with Server.validate, before its answer begins, which
// state it is about to show; it does so for nothing that changes by the clock alone.
// The conditions of a change go to the registry, which asks them where it decides.
//
// # Rendering
//
// A resource is described once, by a table of its members in the documented
// order (type resource); the parameter fields selects from it. Values are appended
// to a pooled buffer by hand. A list leaves in pieces as it is rendered, in the form
// that was negotiated (type layout): JSON, NDJSON or CSV, compressed or not.
//
// # Followers
//
// Who follows the log is served by its request's own goroutine, from a place in the
// log of its own: it may be as slow as it likes, and is cut off only when it has taken
// nothing for ten minutes. Between two looks it waits, the longer the more follow, and
// followers read and render in turns on half of the processors, so that whoever writes
// finds one that is free. Shutdown ends them at once.
//
// # The front door
//
// A client's connection to the API is itself a session, of the service "gatebook".
// It is opened in the book before the first request on it is answered, and closed
// there, with its counters and its reason, when the connection is gone. While the
// log takes no records the API answers all the same.
//
// # Accounts
//
// Every request is let in by itself, before anything else of it is looked at: the
// guard first, then the login, then the role that the route needs (type access). What
// a header or a parameter asks for never needs less than the route says. While there
// are no accounts clients on this machine may do everything. When accounts change,
// [Server.AccountsChanged] closes the connections of those who are being sent
// something and would not be let in now; what changes something is answered to its
// end.
//
// # Goroutines
//
// Besides those of net/http a [Server] owns one, which closes the connections whose
// end was asked for. [Server.Shutdown] ends it and waits for it, for the
// connections, and for their records.
package httpd
