package lifecycle

import (
	"gatebook/events"
	"gatebook/projection"
)

// FillKilledBy returns the end of a session, with who asked for it and why filled in where
// the session was killed.
func FillKilledBy(s *projection.Session, e events.Event) events.Event {
	closed, ok := e.(*events.SessionClosed)
	if !ok || closed.Reason != events.ReasonKilled || closed.By != "" {
		return e
	}
	filled := *closed
	kill := s.Kill()
	filled.By = kill.By
	if filled.Description == "" {
		filled.Description = kill.Why
	}
	return &filled
}
