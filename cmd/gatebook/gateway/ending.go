package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

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
	s.letGo()
	s.introduce(ctx, events.TypeClient)
	list, err := s.conclude()
	s.backlog.wait()
	if end.failure == nil && !s.bestEffort() {
		end.failure = err
	}
	if end.failure != nil {
		s.report(end.failure)
	}
	var cancelling sync.WaitGroup
	defer cancelling.Wait()
	if stopped == events.ReasonKilled && s.key.Process != 0 {
		cancelling.Go(func() {
			_ = s.guard(func() error { s.cancelQuery(ctx); return nil })
		})
	}
	s.recordEnd(ctx, list, s.closed(stopped, end))
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
		s.letGo,
		func() { _, _ = s.conclude() },
		s.backlog.wait,
		func() {
			if !s.announced && s.bestEffort() {
				s.gateway.missed(1, 0, errors.New("the session could not be opened"))
			}
			if !s.ended {
				s.recordEnd(ctx, nil, e)
			}
		},
	} {
		_ = s.guard(func() error { step(); return nil })
	}
}

// hangUp closes both sockets and returns why the session was stopped from
// outside, if it was.
func (s *session) hangUp() events.Reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeSockets()
	return s.stopped
}

// reportPause is how seldom the log says that sessions cannot be recorded: while
// the disk is full clients come back again and again, and each is refused.
const reportPause = time.Second

// report logs what could not be recorded.
func (s *session) report(err error) {
	g := s.gateway
	now, last := time.Now().UnixNano(), g.reported.Load()
	if now-last < int64(reportPause) || !g.reported.CompareAndSwap(last, now) {
		g.unreported.Add(1)
		return
	}
	g.log.Error().Err(err).Str("service", s.service.Name).Uint64("session", s.id).
		Uint64("others", g.unreported.Swap(0)).Msg("cannot record session")
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

// cancelPatience limits an attempt to cancel a query, and maxCancels how many are
// made at a time: each costs the server a process.
const (
	cancelPatience = 3 * time.Second
	maxCancels     = 32
)

// cancelQuery asks the server to give up what it is doing for the session, and
// waits until it has taken note. That it could not be asked changes nothing: the
// session ends all the same.
func (s *session) cancelQuery(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, cancelPatience)
	defer cancel()
	if err := s.cancelInTurn(ctx); err != nil {
		s.gateway.log.Warn().Err(err).Str("server", s.target.Name).Uint64("session", s.id).Msg("cannot cancel query")
	}
}

// cancelInTurn sends a cancel request when there is room for one more.
func (s *session) cancelInTurn(ctx context.Context) error {
	if err := s.gateway.takeTurn(ctx); err != nil {
		return err
	}
	defer func() { <-s.gateway.cancels }()
	return s.askToCancel(ctx, s.key)
}

// takeTurn waits until there is room for one more cancel request.
func (g *Gateway) takeTurn(ctx context.Context) error {
	select {
	case g.cancels <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for %d others: %w", maxCancels, ctx.Err())
	}
}

// askToCancel sends a cancel request to a server and waits for its end.
func (s *session) askToCancel(ctx context.Context, key postgres.Key) error {
	conn, err := s.connect(ctx, s.target.Server)
	if err != nil {
		return err
	}
	defer conn.Close()
	if limit, ok := ctx.Deadline(); ok {
		if err := conn.SetReadDeadline(limit); err != nil {
			return err
		}
	}
	if _, err := conn.Write(postgres.AppendCancel(nil, key)); err != nil {
		return fmt.Errorf("send cancel request: %w", err)
	}
	_, _ = io.Copy(io.Discard, conn) // the server answers by closing
	return nil
}
