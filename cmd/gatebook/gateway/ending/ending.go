package ending

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// Ending is how a session ends by itself.
type Ending struct {
	Reason      events.Reason
	Description string
	// Failure is why the session could not be recorded, for the log.
	Failure error
}

// Crash is the description on the record of a session that a panic ended, and the text
// that its client reads.
const Crash = "an error inside the gateway, whose log says more"

// Stopped returns the ending of a session that was stopped from outside. It has no reason
// of its own.
func Stopped() *Ending { return &Ending{} }

// Crashed returns the ending of a session that panicked.
func Crashed() *Ending { return &Ending{Reason: events.ReasonError, Description: Crash} }

// Unrecorded returns the ending of a session that cannot be recorded.
func Unrecorded(err error) *Ending {
	return &Ending{Reason: events.ReasonError, Description: "the session could not be recorded", Failure: err}
}

// Lost returns the ending of a session one side of which has closed or broken.
func Lost(side relay.Side, err error) *Ending {
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) {
		return ClosedBy(side)
	}
	return &Ending{Reason: events.ReasonNetworkError, Description: side.String() + ": " + Cause(err)}
}

// Words are what both sides have said last.
type Words struct {
	// Goodbye: the client's last message was its goodbye.
	Goodbye bool
	// Server is the error with which the server has ended the session, "" if it has said
	// none.
	Server string
	// Owed: the server has yet to answer, or that is not known.
	Owed bool
}

// OfRelay returns the ending of a session whose relay has ended. A side that has announced
// its end has ended the session, whichever side closed first. The server comes first: most
// clients say goodbye when they read its last word. A server that resets the connection and
// owes nothing has closed it.
func OfRelay(end relay.End, last Words) *Ending {
	switch {
	case last.Server != "":
		return &Ending{Reason: events.ReasonServerClosed, Description: last.Server}
	case last.Goodbye:
		return ClosedBy(relay.Client)
	case end.First == relay.Server && !last.Owed && errors.Is(end.Err, syscall.ECONNRESET):
		return ClosedBy(relay.Server)
	case end.Err != nil:
		return Lost(end.First, end.Err)
	}
	return ClosedBy(end.First)
}

// ClosedBy returns the ending of a session that a side has closed in order.
func ClosedBy(side relay.Side) *Ending {
	if side == relay.Server {
		return &Ending{Reason: events.ReasonServerClosed}
	}
	return &Ending{Reason: events.ReasonClientClosed}
}

// Decide returns the reason of a session's end, and its description. stopped is why the
// session was stopped from outside, or [events.ReasonNone].
func (e *Ending) Decide(stopped events.Reason) (events.Reason, string) {
	switch stopped {
	case events.ReasonNone:
		return e.Reason, e.Description
	case events.ReasonError:
		return stopped, Crash
	}
	return stopped, ""
}

// Cause returns an error of the network in the words of the operating system.
func Cause(err error) string {
	var number syscall.Errno
	var name *net.DNSError
	switch {
	case errors.As(err, &number):
		return number.Error()
	case errors.As(err, &name):
		return name.Error()
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return syscall.ETIMEDOUT.Error()
	}
	return err.Error()
}

// IsNetwork reports whether an error came from the network, and not from what was read.
func IsNetwork(err error) bool {
	var number syscall.Errno
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &number) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded)
}
