// Package migrations knows the formats of Gatebook's files.
//
// A file has its format in its "meta" bucket. The format rises when an older program would
// read the file wrong or only in part: because of a new kind of event, a new field, another
// key. A program refuses a log of a newer format than its own. It upgrades an older file
// in one transaction, together with its format: the derived book.db is made again, while the
// records of the log are never rewritten but converted when they are read. A newer book.db is
// made again as well.
package migrations
