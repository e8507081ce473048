package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// ending is how a session ends, as the book will have it.
type ending struct {
	reason      events.Reason
	description string
	// failure is what kept the session from being recorded, for the log.
	failure error
}

// unrecorded is the end of a session that cannot be in the book.
func unrecorded(err error) *ending {
	return &ending{reason: events.ReasonError, description: "the session could not be recorded", failure: err}
}

// lost is the end of a session whose login was cut short by an error of one side.
func lost(side relay.Side, err error) *ending {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.EPIPE):
		return &ending{reason: closedBy(side)}
	case errors.Is(err, mysql.ErrMalformed), errors.Is(err, postgres.ErrMalformed):
		if side == relay.Client {
			return &ending{reason: events.ReasonAuthFailed, description: err.Error()}
		}
		return &ending{reason: events.ReasonError, description: "server: " + err.Error()}
	}
	return &ending{reason: events.ReasonNetworkError, description: side.String() + ": " + cause(err)}
}

// closedBy is the reason of a session that a side has closed in order.
func closedBy(side relay.Side) events.Reason {
	if side == relay.Server {
		return events.ReasonServerClosed
	}
	return events.ReasonClientClosed
}

// cause is an error of the network as the operating system words it.
func cause(err error) string {
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

// finish closes the sockets and records how the session ended. A query that the
// server still runs for a killed one is cancelled meanwhile.
func (s *session) finish(ctx context.Context, end *ending) {
	s.inTime() // a timer that acts has told the client before its socket is closed
	stopped := s.hangUp()
	s.slots.release()
	s.introduce(ctx, events.TypeClient)
	var cancelling sync.WaitGroup
	defer cancelling.Wait()
	if stopped == events.ReasonKilled && s.key.Process != 0 {
		cancelling.Go(func() {
			_ = s.Guard(func() error { s.cancelQuery(ctx); return nil })
		})
	}
	s.record.Close(ctx, s.closed(stopped, end), end.failure)
}

// finishAnyway does what finish has left undone when it panicked: each step by itself,
// and none that needs more of the session than it must.
func (s *session) finishAnyway(ctx context.Context) {
	e := &events.SessionClosed{Reason: events.ReasonError, Description: crashDescription}
	for _, step := range []func(){
		func() { s.inTime() },
		func() {
			if stopped := s.hangUp(); stopped != events.ReasonNone && stopped != events.ReasonError {
				e = &events.SessionClosed{Reason: stopped} // this came first
			}
		},
		s.slots.release,
	} {
		_ = s.Guard(func() error { step(); return nil })
	}
	s.record.Abort(ctx, e)
}

// closed is the event that ends the session.
func (s *session) closed(stopped events.Reason, end *ending) *events.SessionClosed {
	e := &events.SessionClosed{
		Reason: end.reason, Description: end.description,
		User: s.tried.User, Database: s.tried.Database, Program: s.tried.Program,
	}
	if stopped != events.ReasonNone {
		e.Reason, e.Description = stopped, ""
	}
	if stopped == events.ReasonError {
		e.Description = crashDescription
	}
	e.Finals = append(e.Finals, final(0, s.client))
	if s.server != nil {
		e.Finals = append(e.Finals, final(s.number, s.server))
	}
	return e
}

// final are the last counters of a connection.
func final(number uint32, c *relay.Conn) events.Final {
	return events.Final{Connection: number, Counters: c.Counters(), Active: c.Active()}
}
