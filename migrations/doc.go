// Package migrations knows the formats of Gatebook's files.
//
// A file has its format in its "meta" bucket. The format rises when an older program would
// read the file wrong or only in part: because of a new kind of event, a new field, another
// key. A program refuses a log of a newer format than its own. The derived book.db is made
// again where its format is another.
//
// # The log
//
// The records of a log are never rewritten but converted when they are read. Its formats are:
//
//	1  the first
//	2  a record has two personal parts, for the person it is about and for who acted
//	3  a segment has the hashes of the tree over its records
//
// A segment of a format before 3 is copied into a new file, with its hashes, by
// storage.Upgrade, when a program opens the log. A segment of format 3 or later gets the newest
// number in the transaction of the first record that is added to it.
package migrations
