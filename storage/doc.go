// Package storage keeps records: the [Log], which is the one truth, and the
// [Book], which holds what was derived from it and can be thrown away.
//
// # The log
//
// A log is a totally ordered sequence of records, numbered from 1 without gaps.
// Its engines are [Bolt], a bbolt file that one process owns, and [Memory], for
// tests; the suite in storagetest is the contract both must pass. The contract
// has room for an engine on several machines: an append says how far its
// decider had seen the log, and new records reach the process through one
// delivery, whoever appended them.
//
// The log knows streams and sequences, not sessions: to it [events.Record]'s
// Session is the number of a stream.
//
// # Order and durability
//
// One goroutine owns the next sequence number and the only write transaction. It
// takes all that waits, commits once, delivers the batch to the reader that was
// given to Start, and only then acknowledges: when Append returns without an
// error the records are on the disk (fsync has returned) and have been
// delivered. While many wait it delivers one batch as it commits the next, in
// their order. A lone writer waits for no timer.
//
// # Failure
//
// A commit that fails fails every append that waits on it. When the disk is full
// ([ErrDiskFull]) nothing has changed on it and the next append tries again. After any
// other failure, a failed fsync above all, nothing is assumed about the disk:
// the log is read-only ([ErrReadOnly]) until it is opened, and so verified, again.
// A file that is damaged or foreign is refused with a [*CorruptError], and is
// never replaced.
//
// # Files
//
// log.db is a bbolt file with the buckets "meta" (format, identity) and
// "records": blocks of records that follow each other, under the sequence of the
// first as 8 bytes, big-endian. A block is the records of one batch, or a part of
// them, each as package events specifies it and behind its length as an unsigned
// varint. A block of several records is at most 996 bytes long. book.db has "meta" (format, the log's identity, position) and a
// bucket a table; each value ends in a CRC-32C of key and value. Both are
// created under a temporary name, filled, synced and renamed.
package storage
