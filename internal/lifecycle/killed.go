package lifecycle

import (
	"gatebook/events"
	"gatebook/projection"
)

// FillKilledBy returns the end of a session, with who asked for it and why filled in where
// the session was killed. The source's own description comes after the reason.
func FillKilledBy(s *projection.Session, e events.Event) events.Event {
	closed, ok := e.(*events.SessionClosed)
	if !ok || closed.Reason != events.ReasonKilled || closed.By != "" {
		return e
	}
	filled := *closed
	kill := s.Kill()
	filled.By = kill.By
	switch {
	case filled.Description == "":
		filled.Description = kill.Why
	case kill.Why != "":
		filled.Description = kill.Why + "; " + filled.Description
	}
	return &filled
}
