package storage

import (
	"context"

	"gatebook/events"
)

// Entry is a record to append, and how much of its stream its decider had seen.
type Entry struct {
	// Record is what to append. The log fills in Sequence and Recorded, and limits
	// and repairs the event's texts: see [events.Clean].
	Record events.Record
	// Expect is the sequence up to which the decider had seen the record's
	// stream. The append is refused with [ErrConflict] when a record of the
	// stream lies after it. It is any position of the log from the stream's last
	// record on, not only that record's own: a decider that has seen the log up
	// to its head passes the head. That one is never refused without a reason; an
	// expectation far behind the head may be, because a log need not know the last
	// record of every stream. Records without a stream (0) do not conflict.
	Expect uint64
}

// Head is the end of a log.
type Head struct {
	// Sequence is that of the last record, 0 in an empty log; Recorded is its
	// time.
	Sequence uint64
	Recorded events.Time
}

// Deliver takes records in the order of the log, each exactly once, after they
// are durable. It is called by one goroutine at a time. The slice is valid
// during the call only; the events in it may be kept and must not be changed. An
// error means that the reader cannot go on: the log becomes read-only.
type Deliver func(batch []events.Record) error

// Log is an append-only, totally ordered sequence of records.
type Log interface {
	// ID is the log's identity, chosen at random when it was created. What was
	// derived from one log is of no use to another.
	ID() [16]byte

	// Start delivers every record after the given sequence: first those that are
	// there, before it returns, then each new batch. It must be called once,
	// before the first Append. The error wraps deliver's, or is a *CorruptError,
	// also where the log ends before that sequence, or [ErrClosed].
	Start(after uint64, deliver Deliver) error

	// Append appends the entries as one list: all of them, next to each other, or
	// none. It returns when they are durable and delivered, and has then filled in
	// each Record's Sequence and Recorded. Expectations are checked against what
	// lies before the list. While the inbox is full it waits until ctx ends, and
	// then returns [ErrBusy]; an append that was taken in is seen through.
	//
	// Errors: [ErrConflict], [ErrBusy], [ErrTooLarge], [ErrDiskFull],
	// [ErrReadOnly], [ErrClosed], all wrapped.
	Append(ctx context.Context, entries []Entry) error

	// Read fills buffer with the durable records after the given sequence and returns
	// how many there were. It reads beyond the head too: a record is there for reading
	// from before its delivery begins. It holds no transaction after it returns. The
	// error is a *CorruptError, or [ErrClosed].
	Read(after uint64, buffer []events.Record) (int, error)

	// Head returns the end of what is durable and delivered. It does not move past a
	// delivery that failed.
	Head() Head

	// Wait blocks until the log's head is beyond the given sequence. It returns the
	// error of ctx when that ends first, [ErrClosed], or [ErrReadOnly] when a delivery
	// failed, after which the head moves no more.
	Wait(ctx context.Context, after uint64) error

	// Err tells why nothing can be appended now, nil when all is well: the answer
	// to "is it ready".
	Err() error

	// Close sees through what was taken in and releases the log.
	Close() error
}
