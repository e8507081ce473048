// Package client asks a Gatebook server over its HTTP API. It is what the commands of
// gatebook use, and imports nothing but the standard library and the package of the control
// socket.
//
//	c, err := client.New("http://127.0.0.1:8989", client.Options{})
//	for s, err := range c.Sessions(ctx, client.Query{User: []string{"jdoe"}}) {
//		...
//	}
//	result, err := c.Kill(ctx, 42, client.Kill{Reason: "runaway report"})
//
// # Promises
//
// A [Client] is safe for concurrent use. Each call ends with its context. An answer other
// than success is an [*Error], which carries the status, the short text and the description
// that the server gave; a server that cannot be reached is an [*UnreachableError].
//
// A list is read page by page as it is walked, in a form that stays right while sessions
// come and go. [Client.Follow] connects again when the connection breaks, and then goes on
// after the last event it has yielded: nothing is missed and nothing comes twice.
//
// Times are in UTC; the zero time stands for one that is not known.
package client
