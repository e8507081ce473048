// Package migrations knows the versions of Gatebook's files.
//
// A file carries its format in its "meta" bucket. It rises when a program that
// knows the former one would read the file wrong or only in part: a new kind of
// event, a new field, another key. A program refuses a file of a newer format
// than its own; it upgrades an older one, in one transaction with the new mark:
// derived files (book.db) are made anew, records of log.db are never rewritten
// but brought up to date when they are read.
package migrations
