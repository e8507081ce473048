package httpd

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"syscall"

	"gatebook"
	"gatebook/projection"
	"gatebook/storage"
)

// errGone: the client went away in the middle of its answer. There is nobody to
// tell and nothing to log.
var errGone = errors.New("the client is gone")

// failure is an error that knows how it is answered. Its texts are for the client.
type failure struct {
	status      int
	short, long string
	retryAfter  string // seconds; "" for no such header
}

func (f *failure) Error() string { return f.short + ": " + f.long }

// append appends the body of the failure's answer.
func (f *failure) append(b []byte) []byte {
	b = appendString(append(b, `{"error":`...), f.short)
	b = appendString(append(b, `,"description":`...), f.long)
	return append(b, "}\n"...)
}

// panicError is a panic of a handler.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

func badParameter(format string, args ...any) error {
	return &failure{status: http.StatusBadRequest, short: "Invalid parameter", long: fmt.Sprintf(format, args...)}
}

func unknownParameter(name string, known []string) error {
	long := fmt.Sprintf("The parameter %q is not known here. ", name)
	if len(known) == 0 {
		return &failure{status: http.StatusBadRequest, short: "Unknown parameter", long: long + "None is."}
	}
	if like := nearest(name, known); like != "" {
		long += fmt.Sprintf("Did you mean %s? ", like)
	}
	return &failure{
		status: http.StatusBadRequest, short: "Unknown parameter",
		long: long + "Known are: " + strings.Join(known, ", ") + ".",
	}
}

func unknownField(name string, known []string) error {
	long := fmt.Sprintf("There is no member %q. ", name)
	if name == "" {
		long = "The parameter fields names no member, or has an empty name. "
	} else if like := nearest(name, known); like != "" {
		long += fmt.Sprintf("Did you mean %s? ", like)
	}
	return &failure{
		status: http.StatusBadRequest, short: "Unknown field",
		long: long + "Known are: " + strings.Join(known, ", ") + ".",
	}
}

// notFound tells that a thing, as in "Session", of that name is not in the book.
func notFound(thing, name string) error {
	return &failure{
		status: http.StatusNotFound, short: thing + " not found",
		long: fmt.Sprintf("No %s %s is in the book.", strings.ToLower(thing), name),
	}
}

// missing returns the failure of a look-up by name: [notFound] where the book has no such
// thing.
func missing(thing, name string, err error) error {
	if errors.Is(err, gatebook.ErrNotFound) {
		return notFound(thing, strconv.Quote(name))
	}
	return err
}

func forbidden(long string) error {
	return &failure{status: http.StatusForbidden, short: "Forbidden", long: long}
}

// failureOf says how an error is answered.
func failureOf(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if e, ok := errors.AsType[*gatebook.EndedError](err); ok {
		return &failure{status: http.StatusConflict, short: "Session has ended", long: ending(e.Session)}
	}
	if e, ok := errors.AsType[*gatebook.RefusedError](err); ok {
		return &failure{status: http.StatusConflict, short: "Not possible now", long: fmt.Sprintf("That cannot be done with session %d: %s.", e.Session, e.Why)}
	}
	if e, ok := errors.AsType[*gatebook.ReportError](err); ok {
		return &failure{
			status: http.StatusUnprocessableEntity, short: "Report refused",
			long: sentence(e.Error()) + " Nothing of the report was recorded.",
		}
	}
	switch {
	case errors.Is(err, storage.ErrTooLarge):
		return &failure{
			status: http.StatusRequestEntityTooLarge, short: "Too large",
			long: "That is more than is recorded at once. Nothing was done; split it.",
		}
	case errors.Is(err, gatebook.ErrNotFound):
		return &failure{status: http.StatusNotFound, short: "Session not found", long: "No such session is in the book."}
	case errors.Is(err, gatebook.ErrInvalid):
		return &failure{status: http.StatusBadRequest, short: "Invalid request", long: sentence(strings.TrimPrefix(err.Error(), gatebook.ErrInvalid.Error()+": "))}
	case errors.Is(err, storage.ErrBusy):
		return &failure{
			status: http.StatusServiceUnavailable, short: "Busy", retryAfter: "1",
			long: "Too much is waiting to be recorded. Nothing was done; try again in a second.",
		}
	}
	if f := notRecording(err); f != nil {
		return f
	}
	return &failure{
		status: http.StatusInternalServerError, short: "Internal error",
		long: "The request failed for a reason that is not its own. The server's log says more.",
	}
}

// notRecording says how a log that takes no records is answered; nil when err is
// something else.
func notRecording(err error) *failure {
	f := &failure{status: http.StatusServiceUnavailable, short: "Not recording"}
	switch {
	case errors.Is(err, storage.ErrDiskFull):
		f.status = http.StatusInsufficientStorage
		f.long = "The disk is full. Nothing can be recorded until there is space again; what is in the book can be read."
	case errors.Is(err, storage.ErrReadOnly):
		f.retryAfter = "10"
		f.long = "A write failed, and the log takes no records since; what is in the book can be read."
	case errors.Is(err, storage.ErrClosed):
		f.long = "The registry is being closed."
	default:
		return nil
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok && f.status != http.StatusInsufficientStorage {
		f.long += " The system says: " + errno.Error() + "."
	}
	return f
}

// ending tells when, why and by whom a session ended.
func ending(s *projection.Session) string {
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

// sentence makes the text of an error one.
func sentence(text string) string {
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
