package gatebook

import (
	"errors"
	"fmt"

	"gatebook/events"
	"gatebook/projection"
)

// ErrNotFound: there is no such session in the book.
var ErrNotFound = errors.New("not found")

// ErrSourceStopped: the source has ended its incarnation and reports no more.
var ErrSourceStopped = errors.New("the source has stopped")

// ErrInvalid is wrapped where an argument cannot be recorded whatever the state
// of the book.
var ErrInvalid = errors.New("invalid")

// RefusedError tells that an event does not fit the state its session is in.
type RefusedError struct {
	Session uint64
	Kind    events.Kind
	// Why says what does not fit.
	Why string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s does not fit session %d: %s", e.Kind, e.Session, e.Why)
}

// EndedError tells that a session has ended and cannot be killed any more.
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
