package storage

import (
	"context"

	"gatebook/events"
)

// Entry is a record to append, with the position its decider had seen.
type Entry struct {
	// Record is the record to append. The log sets Sequence and Recorded, and limits and
	// repairs the event's texts: see [events.Clean].
	Record events.Record
	// Cleaned is true if the event's texts are limited and repaired already. The log then
	// leaves them as they are.
	Cleaned bool
	// Expect is the sequence up to which the decider had seen the record's stream. The
	// append is refused with [ErrConflict] when a later record of the stream exists. Any
	// position of the log at or after the stream's last record is right: a decider that
	// has seen the whole log passes its head, which is never refused without a reason. An
	// Expect far behind the head can be refused although the stream has no later record,
	// because a log need not remember the last record of every stream. Records without a
	// stream (0) never conflict.
	Expect uint64
}

// Head is the end of a log.
type Head struct {
	// Sequence is that of the last record, 0 in an empty log. Recorded is its time.
	Sequence uint64
	Recorded events.Time
	// Stream is the highest number of a stream in the log, or below the next session that an
	// event log_restored has.
	Stream uint64
}

// Deliver takes records in the order of the log, each exactly once, after they are
// durable. It is called by one goroutine at a time. The slice is valid during the call
// only; its events may be kept and must not be changed. After an error the log is
// read-only.
type Deliver func(batch []events.Record) error

// Log is an append-only, totally ordered sequence of records.
type Log interface {
	// ID returns the log's identity, which was chosen at random when it was created. An
	// archive belongs to the log of one identity.
	ID() [16]byte

	// Start delivers every record after the given sequence: the existing ones before it
	// returns, then each new batch. It must be called once, before the first Append. The
	// error wraps that of deliver, or is a *CorruptError, also where the log ends before
	// the given sequence, or [ErrClosed].
	Start(after uint64, deliver Deliver) error

	// Append appends the entries as one list: all of them, adjacent, or none. It returns
	// when they are durable and delivered, and has then set each Record's Sequence and
	// Recorded. Expectations are checked against the records before the list. While the
	// inbox is full it blocks until ctx ends, and then returns [ErrBusy]; an append that
	// has entered the inbox is completed.
	//
	// Errors: [ErrConflict], [ErrBusy], [ErrTooLarge], [ErrDiskFull],
	// [ErrReadOnly], [ErrClosed], all wrapped.
	Append(ctx context.Context, entries []Entry) error

	// Read fills buffer with the durable records after the given sequence and returns
	// their number. It reads beyond the head too: a record can be read from before its
	// delivery begins. It holds no transaction after it returns. The error is a
	// *CorruptError, or [ErrClosed].
	Read(after uint64, buffer []events.Record) (int, error)

	// Head returns the end of the records that are durable and delivered. It does not
	// move past a delivery that failed.
	Head() Head

	// Wait blocks until the log's head is beyond the given sequence. It returns the error
	// of ctx when that ends first, [ErrClosed], or [ErrReadOnly] when a delivery failed,
	// after which the head moves no more.
	Wait(ctx context.Context, after uint64) error

	// Err returns why nothing can be appended now, nil if the log is ready.
	Err() error

	// Close completes the appends in the inbox and releases the log.
	Close() error
}
