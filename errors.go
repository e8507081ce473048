package gatebook

import (
	"errors"
	"fmt"

	"gatebook/events"
	"gatebook/internal/journal"
	"gatebook/internal/lifecycle"
	"gatebook/internal/query"
	"gatebook/projection"
	"gatebook/storage"
)

// ErrNotFound is returned for a session, service, server or source that is not in the
// book.
var ErrNotFound = query.ErrNotFound

// ErrSourceStopped is returned by the methods of a source after its end has begun.
var ErrSourceStopped = errors.New("the source has stopped")

// ErrInvalid is wrapped where an argument cannot be recorded, or answered, whatever the
// book says.
var ErrInvalid = query.ErrInvalid

// ErrCrowded is returned for a query that visits many sessions while too many others do.
var ErrCrowded = query.ErrCrowded

// ErrRebuilding is wrapped where an answer or a decision needs the archive, which is damaged
// and is being made again from the log. Live sessions are read and recorded meanwhile.
var ErrRebuilding = storage.ErrRebuilding

// The errors of recording: each method that records may return one, wrapped. Nothing of
// the call was recorded then, unless the method says otherwise.
var (
	// ErrBusy: the context ended before the log could take the records.
	ErrBusy = storage.ErrBusy
	// ErrTooLarge: the list is larger than one commit may be.
	ErrTooLarge = storage.ErrTooLarge
	// ErrDiskFull: there is no space for the records. The next call tries again.
	ErrDiskFull = storage.ErrDiskFull
	// ErrReadOnly: a write failed, and nothing is recorded until the registry is opened
	// again.
	ErrReadOnly = storage.ErrReadOnly
	// ErrNoIDs: no ids of sessions are left. No session can be opened any more; those that live are recorded to
	// their end.
	ErrNoIDs = journal.ErrNoIDs
	// ErrClosed: the registry is closed.
	ErrClosed = storage.ErrClosed
)

// RefusedError reports that an event does not fit the state of its session, or that the
// session is not the source's.
type RefusedError struct {
	Session uint64
	Kind    events.Kind
	// Why says what does not fit.
	Why string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s does not fit session %d: %s", e.Kind, e.Session, e.Why)
}

// refused returns the [*RefusedError] for what the state machine says of an event; other
// errors as they are.
func refused(err error) error {
	if unfit, ok := errors.AsType[*lifecycle.UnfitError](err); ok {
		return (*RefusedError)(unfit)
	}
	return err
}

// invalid returns the [ErrInvalid] for what is wrong with an argument.
func invalid(err error) error { return fmt.Errorf("%w: %w", ErrInvalid, err) }

// EndedError reports that a session has ended and cannot be killed any more.
type EndedError struct {
	// Session is the session as it ended.
	Session *projection.Session
}

func (e *EndedError) Error() string {
	end := e.Session.Ending()
	text := fmt.Sprintf("session %d ended at %s with reason %s", e.Session.ID, end.Ended.Time().Format("2006-01-02 15:04:05 UTC"), end.Reason)
	if end.By != "" {
		text += ", by " + end.By
	}
	return text
}
