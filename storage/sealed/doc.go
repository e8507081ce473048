// Package sealed keeps ordered rows in a tree that is never believed. Each node is checked
// against the checksum that its parent holds, and the root against the one that the caller
// keeps ([Root]). So a row that was changed, and one that is missing or older than it should
// be, are noticed before they change an answer: reading returns a [*DamagedError].
//
// The nodes are kept by the caller, behind [Reader] and [Nodes], by their numbers. The package
// knows no files and transactions.
package sealed
