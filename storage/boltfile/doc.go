// Package boltfile opens bbolt files without trusting them. bbolt maps its file and believes
// what is in it: a page beyond the end is a fault of the whole process, a cycle of pages is
// followed without end, an empty file is taken for a new database, and damage ends in a
// panic.
//
// [Open] checks the head and the branch pages of a file before bbolt sees it ([Inspect]).
// [Guard] turns a panic and a fault of the map into a [*CorruptError]. [Create] makes a file
// completely or not at all.
//
// The format is that of bbolt's version 2, in the byte order of the machine. Nothing here
// knows what a file holds.
package boltfile
