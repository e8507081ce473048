// Package httpd is the REST API: it answers questions about sessions, services, servers and
// sources, takes reports, and ends sessions. It alone knows Gin.
//
// # Structure
//
// A table of routes (routes.go) leads to handlers, one file a resource. The adapter lets
// requests in and answers errors. The packages below do the rest, and know no Gin: render
// writes bodies, params reads queries, reports has the form of events, follow serves
// followers of the log, access decides which requests are answered, clients records the
// API's own connections, and telemetry measures and logs.
//
// # Promises
//
// An answer is of one moment, the sequence in its header Gatebook-Sequence: a client that
// follows the log from there misses nothing. An answer that needs two readings has the
// earlier sequence. A handler copies all that it needs from the registry before the first
// byte is written; no lock is held while a client reads, however slowly.
//
// Every answer of a known path has an Allow header. Every answer that is not a success has a
// JSON body with the members error and description, except those of net/http itself (400,
// 431). A failure that is not the client's is logged once, with its cause, which the client
// is not told.
//
// Every request is measured when it is over, and has a line in the access log if that is
// wanted. Neither contains client-chosen names or credentials.
//
// A parameter that an operation does not take is refused, never ignored.
//
// openapi.yaml describes every route, parameter, answer, header and error. The tests compare
// every answer that they get with it, and fail for a route that only one of the two has.
//
// # Conditional requests
//
// A recorded resource has an entity tag: the sequence of its last change and, behind
// semicolons, the number of observations that are not recorded, the form and the
// compression. A handler calls answers.validate with the state that it is about to show,
// before its answer begins. A resource that changes by the clock alone has no entity tag.
// The conditions of a change go to the registry, which checks them when it decides.
//
// # Connections
//
// A client's connection to the API is itself a session, of the service "gatebook". It is
// recorded before the first request on it is answered, and its end, with its counters and
// its reason, when the connection is closed. While the log takes no records the API answers
// all the same.
//
// # Accounts
//
// Every request is let in by itself, before anything else of it is looked at: first the
// guard, then the login, then the role that the route needs. No header and no parameter
// lowers that role. While there are no accounts, clients on this machine may do everything.
// After a change of accounts, [Server.AccountsChanged] closes the connections of clients that
// are being answered and would not be let in now, except where the request changes
// something: that is answered to its end.
//
// # Ownership
//
// A [Server] owns the goroutines of net/http and one of package clients, which closes the
// connections whose end was requested. [Server.Shutdown] ends them and waits for them, for
// the connections, and for their records. Followers of the log run in the goroutines of
// their requests, and end at once when Shutdown is called.
//
// The files are many because each resource has one, and so has each thing that all answers
// share; what needs no Gin has a package below.
package httpd
