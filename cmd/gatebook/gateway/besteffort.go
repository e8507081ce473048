package gateway

import (
	"context"
	"time"

	"gatebook/events"
)

// bestEffort tells that traffic comes before the record: nothing that a session
// does waits for the book, but its end does for what was recorded before.
func (s *session) bestEffort() bool { return s.gateway.recording == RecordBestEffort }

// recordPatience is how long an append waits for its turn while the log keeps
// others waiting. Without an end to it sessions that are long over would pile up
// behind a disk that hangs.
const recordPatience = 10 * time.Second

// missed counts whole sessions, and events of others, that could not be recorded,
// and says so when a gap begins.
func (g *Gateway) missed(sessions, lost uint64, err error) {
	if g.gap.note(sessions, lost, time.Now()) {
		g.log.Error().Err(err).Msg("cannot record; sessions go on, and are counted")
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
	s.later(func() {
		<-in.done
		if in.told {
			attempts = nil
		}
		if serverID != 0 {
			attempts = append(withoutOpened(attempts), known)
		}
		s.recordOrMiss(ctx, append(attempts, &login))
		if s.id != 0 {
			s.busy.Store(false)
			s.moved()
		}
	})
}

// later records without waiting, one thing after the other.
func (s *session) later(record func()) {
	before, done := s.written, make(chan struct{})
	s.written = done
	go func() {
		defer close(done)
		if before != nil {
			<-before
		}
		record()
	}()
}

// settleRecord waits for what is being recorded.
func (s *session) settleRecord() {
	if s.written != nil {
		<-s.written
	}
}

// recordOrMiss records events of a session that goes on whatever comes of it.
func (s *session) recordOrMiss(ctx context.Context, list []events.Event) {
	if s.id == 0 {
		return // the session is counted, and all of it is missing
	}
	ctx, cancel := context.WithTimeout(ctx, recordPatience)
	defer cancel()
	if err := s.gateway.book.Record(ctx, s.id, list...); err != nil {
		s.gateway.missed(0, uint64(len(list)), err)
	}
}

// recordEnd records the end of a session, together with what is not recorded yet.
// While the log takes nothing the book keeps the end.
func (s *session) recordEnd(ctx context.Context, list []events.Event, e *events.SessionClosed) {
	if s.id == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, recordPatience)
	defer cancel()
	if len(list) > 0 {
		err := s.gateway.book.Record(ctx, s.id, append(list, e)...)
		if err == nil {
			return
		}
		if s.bestEffort() {
			s.gateway.missed(0, uint64(len(list)), err)
		}
	}
	if _, err := s.gateway.book.End(ctx, s.id, *e); err != nil {
		s.report(err)
		if s.bestEffort() {
			s.gateway.missed(0, 1, err)
		}
	}
}
