package lifecycle

import (
	"gatebook/events"
	"gatebook/projection"
)

// Phase is where a session is in its life.
type Phase uint8

// The phases. A live session is in one of Accepted to Stopping.
const (
	Absent Phase = iota
	Accepted
	LoggingIn
	Routing
	Stopping
	Closed
	Lost
)

// String returns the phase as it reads after "it is".
func (p Phase) String() string {
	return [...]string{"not open", "accepted", "logging in", "ready", "stopping", "closed", "lost"}[p]
}

// phases is a set of phases.
type phases uint8

func in(all ...Phase) (set phases) {
	for _, p := range all {
		set |= 1 << p
	}
	return set
}

func (s phases) has(p Phase) bool { return s&(1<<p) != 0 }

// transition is the state machine of a session. It returns the phase that an event
// leads to, and whether the event fits the phase the session is in. This is the only
// place where that is decided.
//
//	event                  fits in                                   leads to
//	session_opened         absent                                    accepted
//	connection_opened      accepted, logging in, ready, stopping     logging in, from accepted
//	connection_failed      accepted, logging in, ready, stopping
//	connection_closed      accepted, logging in, ready, stopping
//	statistics_recorded    accepted, logging in, ready, stopping
//	session_ready          accepted, logging in, ready, stopping     ready, unless stopping
//	login_failed           accepted, logging in, ready, stopping
//	kill_scheduled         accepted, logging in, ready
//	kill_withdrawn         accepted, logging in, ready
//	kill_requested         accepted, logging in, ready, lost         stopping, unless lost
//	session_closed         accepted, logging in, ready, stopping, lost   closed
//	session_lost           accepted, logging in, ready, stopping     lost
//	session_recovered      lost                                      the phase before
//
// Closed is terminal; lost is not, because late evidence recovers or closes a lost
// session. A lost session whose end was requested is stopping when it is recovered.
func transition(kind events.Kind, from Phase) (to Phase, fits bool) {
	live := in(Accepted, LoggingIn, Routing, Stopping)
	unhurt := in(Accepted, LoggingIn, Routing)
	set, to := phases(0), from
	switch kind {
	case events.KindSessionOpened:
		set, to = in(Absent), Accepted
	case events.KindConnectionOpened:
		if set = live; from == Accepted {
			to = LoggingIn
		}
	case events.KindConnectionFailed, events.KindConnectionClosed, events.KindStatisticsRecorded, events.KindLoginFailed:
		set = live
	case events.KindSessionReady:
		if set = live; from != Stopping {
			to = Routing
		}
	case events.KindKillScheduled, events.KindKillWithdrawn:
		set = unhurt
	case events.KindKillRequested:
		if set = unhurt | in(Lost); from != Lost {
			to = Stopping
		}
	case events.KindSessionClosed:
		set, to = live|in(Lost), Closed
	case events.KindSessionLost:
		set, to = live, Lost
	case events.KindSessionRecovered:
		set, to = in(Lost), Routing
	}
	return to, set.has(from)
}

// PhaseOf returns the phase a session is in; nil is Absent.
func PhaseOf(s *projection.Session) Phase {
	if s == nil {
		return Absent
	}
	switch s.Status {
	case projection.Closed:
		return Closed
	case projection.Lost:
		return Lost
	}
	return stagePhase(s)
}

// stagePhase returns the phase that a session is in, or was in before it was lost.
func stagePhase(s *projection.Session) Phase {
	return [...]Phase{
		projection.Accepted: Accepted, projection.LoggingIn: LoggingIn,
		projection.Routing: Routing, projection.Stopping: Stopping,
	}[s.Stage]
}
