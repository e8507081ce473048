// Package index finds entries by a key, by their id and by their time.
//
// An [Entry] is an id with an [Interval]. For each key there is one index: a tree of
// the entries stored under that key, by id. A key with at most 256 entries takes one
// row; a larger index takes a row for each byte of the id in which its entries differ.
// A branch keeps a [Summary] of each of its children. [Find] skips a child whose summary
// rules out a match, so that the cost of a page is about that of its entries.
//
// The rows are kept by the caller, behind [Reader] and [Rows]. The package knows no
// files, transactions or checksums.
package index
