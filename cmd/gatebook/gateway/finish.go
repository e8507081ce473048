package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatebook"
	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/panics"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// finish closes the sockets and records how the session ended. It closes the client's first.
// The server's is open while the server gives up what it does for the session: until then the
// server's number for the connection is no other's.
func (s *session) finish(ctx context.Context, end *ending.Ending) {
	stopped := s.hangUpClient()
	s.slots.release()
	if s.wasProbe(stopped, end) {
		s.hangUp()
		return
	}
	s.Open(ctx, events.TypeClient)
	e := s.closed(stopped, end)
	if s.leavesWork(e.Reason) && !s.cancelWork(ctx) && e.Reason == events.ReasonKilled {
		e.Description = gatebook.LeftRunning(s.backend.Name, s.serverID)
	}
	s.hangUp()
	s.record.Close(ctx, e, end.Failure)
}

// leavesWork reports whether the server still works for a session that ends for that reason,
// and is to give that up: for a session that was killed, and where the service wants it for
// each whose client has gone.
func (s *session) leavesWork(reason events.Reason) bool {
	switch {
	case s.established == nil || s.kind == events.TypeCancel || reason == events.ReasonServerClosed:
		return false
	case reason != events.ReasonKilled && !s.service.CancelAbandoned:
		return false
	}
	return s.activity.waiting().Owed
}

// finishAnyway does what finish has left undone when it panicked: each step by itself,
// and none that needs more of the session than it must.
func (s *session) finishAnyway(ctx context.Context) {
	e := &events.SessionClosed{Reason: events.ReasonError, Description: ending.Crash}
	for _, step := range []func(){
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

// closed returns the event that ends the session.
func (s *session) closed(stopped events.Reason, end *ending.Ending) *events.SessionClosed {
	e := &events.SessionClosed{User: s.asked.User, Database: s.asked.Database, Program: s.asked.Program, Type: s.kind}
	e.Reason, e.Description = end.Decide(stopped)
	if s.cancels != 0 && e.Description == "" {
		e.Description = fmt.Sprintf("asked to cancel a query of session %d", s.cancels)
	}
	e.Finals = append(e.Finals, final(0, s.client))
	if s.server != nil {
		e.Finals = append(e.Finals, final(s.number, s.server))
	}
	return e
}

// final returns the last counters of a connection.
func final(number uint32, c *relay.Conn) events.Final {
	return events.Final{Connection: number, Counters: c.Counters(), Active: c.Active()}
}

// notifyEnd sends the client of an established session why it ends, unless that would
// cut short what the server is saying, or the client does not take it at once.
func (s *session) notifyEnd(reason events.Reason) {
	if b := s.established.Traffic.EndNotice(reason, endMessage(reason, s.service.now().IdleTimeout)); b != nil {
		s.client.WriteLast(b)
	}
}

// endMessage returns what a client is sent whose session ends for that reason.
func endMessage(reason events.Reason, idleTimeout time.Duration) string {
	switch reason {
	case events.ReasonIdleTimeout:
		return fmt.Sprintf("nothing happened for %s", idleTimeout)
	case events.ReasonError:
		return ending.Crash
	case events.ReasonKilled:
		return "the session was ended by an administrator"
	}
	return "the gateway is shutting down"
}

// cancelWork asks the server to give up what it is doing for the session, and waits until
// it has taken note. It reports whether it has. A failure changes nothing else: the session
// ends all the same.
func (s *session) cancelWork(ctx context.Context) bool {
	if s.established.Canceller == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, cancelPatience)
	defer cancel()
	err := s.Guard(func() error { return s.cancelInTurn(ctx) })
	if _, panicked := errors.AsType[*panics.Error](err); err != nil && !panicked {
		s.sessions.log.Warn().Err(err).Str("server", s.backend.Name).Uint64("session", s.record.ID()).Msg("cannot cancel query")
	}
	return err == nil
}

// cancelInTurn sends a cancel request, over a connection of its own to the address of the
// session's, when there is room for one more.
func (s *session) cancelInTurn(ctx context.Context) error {
	if err := s.sessions.cancels.take(ctx); err != nil {
		return err
	}
	defer s.sessions.cancels.give()
	s.target, s.own = s.server.RemoteAddr().String(), true
	server, err := s.connect(ctx, s.backend.Server)
	if err != nil {
		return err
	}
	defer server.Conn.Close()
	if limit, ok := ctx.Deadline(); ok {
		if err := server.Conn.SetReadDeadline(limit); err != nil {
			return err
		}
	}
	return s.established.Canceller.Cancel(server)
}
