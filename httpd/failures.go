package httpd

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"gatebook"
	"gatebook/httpd/render"
	"gatebook/projection"
)

// panicError is a panic of a handler.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// notFound returns the failure of a request for a thing that is not recorded. thing is its
// kind, as in "Session".
func notFound(thing, name string) error {
	return &render.Failure{
		Status: http.StatusNotFound, Title: thing + " not found",
		Description: fmt.Sprintf("No %s %s is in the book.", strings.ToLower(thing), name),
	}
}

// missing returns the error of a look-up by name, as a failure when there is no such thing.
func missing(thing, name string, err error) error {
	if errors.Is(err, gatebook.ErrNotFound) {
		return notFound(thing, strconv.Quote(name))
	}
	return err
}

// failureOf returns the failure that an error is answered with.
func failureOf(err error) *render.Failure {
	if f, ok := errors.AsType[*render.Failure](err); ok {
		return f
	}
	if e, ok := errors.AsType[*gatebook.EndedError](err); ok {
		return &render.Failure{Status: http.StatusConflict, Title: "Session has ended", Description: describeEnd(e.Session)}
	}
	if e, ok := errors.AsType[*gatebook.RefusedError](err); ok {
		return &render.Failure{Status: http.StatusConflict, Title: "Not possible now", Description: fmt.Sprintf("That cannot be done with session %d: %s.", e.Session, e.Why)}
	}
	if e, ok := errors.AsType[*gatebook.ReportError](err); ok {
		return &render.Failure{
			Status: http.StatusUnprocessableEntity, Title: "Report refused",
			Description: sentence(e.Error()) + " Nothing of the report was recorded.",
		}
	}
	switch {
	case errors.Is(err, gatebook.ErrTooLarge):
		return &render.Failure{
			Status: http.StatusRequestEntityTooLarge, Title: "Too large",
			Description: "That is more than is recorded at once. Nothing was done; split it.",
		}
	case errors.Is(err, gatebook.ErrNotFound):
		return &render.Failure{Status: http.StatusNotFound, Title: "Session not found", Description: "No such session is in the book."}
	case errors.Is(err, gatebook.ErrInvalid):
		return &render.Failure{Status: http.StatusBadRequest, Title: "Invalid request", Description: sentence(strings.TrimPrefix(err.Error(), gatebook.ErrInvalid.Error()+": "))}
	case errors.Is(err, gatebook.ErrCrowded):
		return &render.Failure{
			Status: http.StatusServiceUnavailable, Title: "Busy", RetryAfter: "2",
			Description: "Too many requests look at many sessions or records now. Try again in two seconds, or ask for less: a page (limit), or one filter with an index.",
		}
	case errors.Is(err, gatebook.ErrRebuilding):
		return &render.Failure{
			Status: http.StatusServiceUnavailable, Title: "The archive is being made again", RetryAfter: "10",
			Description: "Damage was found in book.db, which is being made again from the log. Live sessions are shown and recorded meanwhile; what needs those that have ended has to wait, and so have reports of sessions that are not live.",
		}
	case errors.Is(err, gatebook.ErrBusy):
		return &render.Failure{
			Status: http.StatusServiceUnavailable, Title: "Busy", RetryAfter: "1",
			Description: "Too much is waiting to be recorded. Nothing was done; try again in a second.",
		}
	}
	if f := notRecording(err); f != nil {
		return f
	}
	if f := damaged(err); f != nil {
		return f
	}
	return &render.Failure{
		Status: http.StatusInternalServerError, Title: "Internal error",
		Description: "The request failed for a reason that is not its own. The server's log says more.",
	}
}

// notRecording returns the failure of a request while the log takes no records, nil for any
// other error.
func notRecording(err error) *render.Failure {
	f := &render.Failure{Status: http.StatusServiceUnavailable, Title: "Not recording"}
	switch {
	case errors.Is(err, gatebook.ErrDiskFull):
		f.Status = http.StatusInsufficientStorage
		f.Description = "The disk is full. Nothing can be recorded until there is space again; what is in the book can be read."
	case errors.Is(err, gatebook.ErrReadOnly):
		f.RetryAfter = "10"
		f.Description = whyReadOnly(err)
	case errors.Is(err, gatebook.ErrNoIDs):
		f.Title = "No ids left"
		f.Description = "No session can be opened any more: the log has given all ids that there are. Those that live are recorded to their end, and what is in the book can be read." +
			" Start the server with an empty data folder, and keep this one."
	case errors.Is(err, gatebook.ErrClosed):
		f.Description = "The registry is being closed."
	default:
		return nil
	}
	return f
}

// describeEnd returns a sentence on the end of a session: its time, reason and originator.
func describeEnd(s *projection.Session) string {
	e := s.Ending()
	at := s.Ended().Time().Format("2006-01-02 15:04:05 UTC")
	if s.Status == projection.Lost {
		return fmt.Sprintf("Session %d was lost; it was last known to be alive at %s. The reason is %s.", s.ID, at, e.Reason)
	}
	text := fmt.Sprintf("Session %d was closed at %s with reason %s", s.ID, at, e.Reason)
	if e.By != "" {
		text += " by " + e.By
	}
	if e.Description != "" {
		text += ": " + e.Description
	}
	return text + "."
}

// sentence returns the text of an error as a sentence.
func sentence(text string) string {
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
