// Package query answers questions about sessions and records. It reads the projection, the
// archive and the log, and never decides anything: it knows no registry, and nothing here
// is recorded.
//
// [Reader.Sessions] lists sessions. Those in memory are copied out at one moment, together
// with the archive's snapshot; the archive is then read a page at a time, each in a
// transaction of its own, so that none waits for a client. Rows that were written after the
// listing's moment are left out.
//
// The value of a session as of a record is the fold of its trail up to there.
//
// A [Feed] reads the log from a sequence on. Every record that the projection shows can
// be read, also before the log's head has moved.
//
// A [Listing] and a [Feed] are owned by one goroutine; everything else is safe for
// concurrent use.
package query
