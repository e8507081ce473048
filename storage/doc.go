// Package storage keeps records in a [Log], and values derived from them in an [Archive].
//
// # The log
//
// A log is a totally ordered sequence of records, numbered from 1 without gaps. It is
// the only truth: everything else can be made again from it. Its engines are [Bolt], a
// folder of bbolt files that one process owns, and [Memory], for tests. Both pass the suite in
// storagetest, which is the contract. The contract has room for an engine on several
// machines: an append names the sequence its decider had seen, and new records reach the
// process through one delivery, whichever process appended them.
//
// The log knows streams and sequences, not sessions: it takes the Session of an
// [events.Record] for the number of a stream.
//
// # Order and durability
//
// One goroutine owns the next sequence and the only write transaction. It takes all
// appends that wait, commits them together (group commit), delivers the batch to the
// reader given to Start, and only then acknowledges. When Append returns without an error
// the records are on the disk (fsync has returned) and are delivered. Under load a batch
// is delivered while the next one is committed, and the appends of a large batch are
// acknowledged in groups, as their records are delivered; the order is kept. An append
// never waits for a timer.
//
// # Failure
//
// A commit that fails fails every append in it. When the disk is full ([ErrDiskFull])
// nothing has changed on it, and the next append tries again. Without an append the log looks each second whether a
// file of the size of such a commit can be written, and is ready again when it can. After any other failure,
// above all a failed fsync, the state of the disk is unknown: the log is read-only
// ([ErrReadOnly]) until it is opened, and so verified, again. A file that is damaged or
// foreign is refused with a [*CorruptError], and is never replaced.
//
// # Files
//
// log is a folder of segments, each a bbolt file that is named by its first sequence in 20
// digits. Only the newest is written. A segment has the buckets "meta" and "records". A value
// of "records" is a block of consecutive records, under the sequence of the first as 8
// bytes, big-endian. A block holds the records of one batch, or a part of them. Each record
// is encoded as package events specifies, after its length as an unsigned varint. A block of
// several records is at most 996 bytes long.
//
// "meta" has the format, the log's identity, and the "end": the sequence and time of the last
// record, the highest number of a stream, and the state of the SHA-256 of the segment's
// records, each after its length. A segment that is complete has its "seal", and each
// segment but the first the seal of the one before ("previous"). A seal is first and last
// sequence, time, stream, the hash, and the SHA-256 of the seal before. These values end in a
// CRC-32C of key and value.
//
// The bucket "hashes" has hashes of the Merkle tree (RFC 6962) over the records' cores, by their
// index as golang.org/x/mod/sumdb/tlog counts them: those of the tree's right edge before the
// segment, and then those of level 8 and above that are complete with one of its records. Each
// ends in a CRC-32C of key and hash. They are written in the transaction of their records. The
// hashes below are made again from at most 256 records (package storage/tree).
//
// A log of an older format has no hashes. [Upgrade] writes each segment anew before the log is
// opened.
//
// The file tail beside the segments says where the log ended when it last acknowledged. It is
// written after each commit and never synced.
//
// book.db, the archive, has the buckets "meta" (format, the log's identity, root) and "nodes":
// the nodes, by their numbers, of one tree (package storage/sealed) with the rows of all
// tables and indexes (package storage/index). The key of a row begins with one byte for its
// table. The root is the position, a hash of the record there and the tree's root, with a
// checksum that covers what the archive is of as well.
//
// Both files are created under a temporary name, filled, synced and renamed.
//
// # Backups
//
// A backup is a folder with a log that has the same segments, except that the newest ends at the
// backup's head, with head, and with key and accounts where that was asked for. backup.json says of
// which log it is, up to which record, and whether the first backup has finished, and log/backup.json is
// a copy of it, which a restore leaves out. [Folder.CheckUsable] and [OpenBolt] keep servers out of a folder
// or a log with either. A finished backup has both, log/tail, and head where the log was signed:
// [CheckBackup] finds what is missing. [Bolt.Backup] writes a tar archive: plan.json, files beside the log, log/ with
// segments as they are, records/ with pieces of the newest one, each record after its length as
// an unsigned varint, and end with the number of the entries before it, or fault.json where damage of the log has ended it. [BackupFolder.Receive]
// takes it, and checks each segment before it is part of the backup.
//
// unfinished.json is in a folder that is being filled by a restore or an import. [LockExisting] refuses
// such a folder, so that no command takes a part of a log for all of it.
//
// # The files of this package
//
// There are many because the log, its segments, the tree over them, the archive, backups and
// upgrades all read and write one format, which nobody else is to know: segment* is one segment,
// chain and writer the log of them, tail and verify* what it says of itself, tree and hashes the
// Merkle tree, archive* and snapshot the archive, backup* and restore backups, upgrade and salvage
// what makes another log of one.
//
// # For the registry alone
//
// [Archive] with its [Snapshot] and [Change], [Folder], and the functions that create, open
// and lock files are exported for the registry, which opens a data folder and keeps its
// files together. A program that embeds the registry meets the errors of this package, and
// [Log] where it gives the registry a log of its own, such as a [Memory] in tests.
package storage
