// Package tree keeps the Merkle tree of RFC 6962 over the records of a log, in the form that
// golang.org/x/mod/sumdb/tlog reads: leaf n is the record with the sequence n+1.
//
// Of the tree only the hashes from [StoredLevel] up are stored, each of which covers 256 leaves
// or more. A [Frontier] grows the tree by a leaf at a time, and gives the hashes to store.
// A [Reader] reads any hash of the tree: it makes the lower ones again from at most 256 leaves.
//
// The package is pure: it knows no files and no records, and believes the hashes that it is
// given. A caller checks a proof against a root that was signed before relying on it.
package tree
