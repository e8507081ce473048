package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatebook"

	"gatebook/cmd/gatebook/gateway/panics"
	"gatebook/events"
)

// bestEffort tells that traffic comes before the record: nothing that a session
// does waits for the book, but its end does for what was recorded before.
func (s *session) bestEffort() bool { return s.sessions.recording == RecordBestEffort }

// recordPatience is how long an append waits for its turn while the log keeps
// others waiting. Without an end to it sessions that are long over would pile up
// behind a disk that hangs.
const recordPatience = 10 * time.Second

// missed counts whole sessions, and events of others, that could not be recorded,
// and says so when a gap begins.
func (all *sessions) missed(sessions, lost uint64, err error) {
	if all.gap.note(sessions, lost, time.Now()) {
		all.log.Error().Err(err).Msg("cannot record; sessions go on, and are counted")
	}
}

// readyLater records that the login succeeded when the opening is recorded, and
// does not wait for it. From then on the session's counters are looked at.
func (s *session) readyLater(ctx context.Context, login events.SessionReady, serverID uint64) {
	in := s.introduction
	s.introduction = nil
	close(in.over)
	attempts := in.attempts
	known := s.connection(serverID)
	s.later(ctx, func() {
		<-in.done
		if in.told {
			attempts = nil
		}
		if serverID != 0 {
			attempts = append(withoutOpened(attempts), known)
		}
		s.recordOrMiss(ctx, append(attempts, &login))
		if s.id.Load() != 0 {
			s.busy.Store(false)
			s.moved()
		}
	})
}

// later calls record without waiting for it. It is the first thing that the session
// records so; what [session.recordLater] adds comes after it.
func (s *session) later(ctx context.Context, record func()) {
	s.backlog.start()
	go s.recordBacklog(ctx, record)
}

// errBehind is why an event of a session is lost behind others that wait for the book.
var errBehind = fmt.Errorf("more than %d events of one session wait", maxBacklog)

// recordLater records an event after those that wait, and does not wait for it. An event
// that is lost for want of room is counted, also when the session itself turns out to be
// missing.
func (s *session) recordLater(ctx context.Context, e events.Event) {
	start, lost := s.backlog.add(e)
	if lost {
		s.sessions.missed(0, 1, errBehind)
	}
	if start {
		go s.recordBacklog(ctx, func() {})
	}
}

// recordBacklog is the goroutine that records what nobody waits for. It ends when
// nothing is left. What waits meanwhile is recorded in one list, so that the end of the
// session, which comes after it, waits for two appends at most.
func (s *session) recordBacklog(ctx context.Context, first func()) {
	_ = s.guard(func() error { first(); return nil })
	for list := s.backlog.take(); list != nil; list = s.backlog.take() {
		s.recordOrMiss(ctx, list)
	}
}

// recordOrMiss records events of a session that goes on whatever comes of it, unless the
// book panics.
func (s *session) recordOrMiss(ctx context.Context, list []events.Event) {
	if s.id.Load() == 0 {
		return // the session is counted, and all of it is missing
	}
	ctx, cancel := context.WithTimeout(ctx, recordPatience)
	defer cancel()
	if err := s.record(ctx, list...); err != nil {
		s.sessions.missed(0, uint64(len(list)), err)
	}
}

// record records events of the session. A panic of the book is returned as an error, and
// ends the session.
func (s *session) record(ctx context.Context, list ...events.Event) error {
	return s.guard(func() error { return s.sessions.book.Record(ctx, s.id.Load(), list...) })
}

// end has the book record the end of the session, or keep it. The book refuses the counters
// of a connection whose opening could not be recorded: then the client's alone are recorded.
// A panic of the book is returned as an error.
func (s *session) end(ctx context.Context, e *events.SessionClosed) error {
	return s.guard(func() error {
		_, err := s.sessions.book.End(ctx, s.id.Load(), *e)
		if _, refused := errors.AsType[*gatebook.RefusedError](err); refused && len(e.Finals) > 1 {
			clientOnly := *e
			clientOnly.Finals = e.Finals[:1]
			_, err = s.sessions.book.End(ctx, s.id.Load(), clientOnly)
		}
		return err
	})
}

// recordEnd records the end of a session, together with what is not recorded yet.
// While the log takes nothing the book keeps the end.
func (s *session) recordEnd(ctx context.Context, list []events.Event, e *events.SessionClosed) {
	if s.id.Load() == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, recordPatience)
	defer cancel()
	if len(list) > 0 {
		err := s.record(ctx, append(list, e)...)
		if err == nil {
			s.ended = true
			return
		}
		if s.bestEffort() {
			s.sessions.missed(0, uint64(len(list)), err)
		}
	}
	var caught *panics.Error
	err := s.end(ctx, e)
	if errors.As(err, &caught) { // which says nothing about the next time
		err = s.end(ctx, e)
	}
	s.ended = err == nil
	if err != nil {
		s.report(err)
		if s.bestEffort() {
			s.sessions.missed(0, 1, err)
		}
	}
}
