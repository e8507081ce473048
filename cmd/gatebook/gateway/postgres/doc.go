// Package postgres reads the part of the PostgreSQL frontend/backend protocol,
// version 3, that a login consists of, and follows what a client sends after it.
//
// # What it knows
//
// The client speaks first, in a packet that has a length and no type
// ([ParseStartup]): it asks for encryption, which is answered by one byte and
// asked at most once of each kind, or it asks to cancel a query of another
// connection, or it begins a session. Everything after that is a message: a
// byte for its type, a length of four bytes that counts itself, a body.
// AuthenticationOk is not yet success: the server still may find that the
// database does not exist. Success is BackendKeyData and then the first
// ReadyForQuery.
//
// # Promises
//
// Every function is pure. Whatever bytes it is given, it returns an error or a value,
// never panics, and allocates no more than its input is long. Texts are copied out of the
// input. No text is checked for being UTF-8 here: the recorder does that.
//
// A [Follower] and a [Frames] keep what they have followed. Each belongs to the one
// goroutine that reads its side.
package postgres
