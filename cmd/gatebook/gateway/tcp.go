package gateway

import (
	"context"

	"gatebook/events"
)

// loginTCP connects a session that has no login the gateway could see: it is ready
// when its server has answered. It returns nil when that is on the record.
func (s *session) loginTCP(ctx context.Context) *ending {
	if s.service.endsTLS() {
		s.startLogin()
		end := s.secureClient(nil)
		if end != nil {
			return end
		}
		s.inTime() // one that is not is stopped, which what follows finds out
	}
	s.introduce(ctx, events.TypeClient)
	if end := s.admit(); end != nil {
		return s.turnAway(end)
	}
	if end := s.reach(ctx, s.service.router.candidates()); end != nil {
		return end
	}
	s.reached(0)
	if err := s.ready(ctx, events.SessionReady{}, 0); err != nil {
		return unrecorded(err)
	}
	return nil
}
