package gatebook

import (
	"fmt"
	"slices"

	"gatebook/events"
	"gatebook/projection"
)

// phase is where a session is in its life.
type phase uint8

const (
	absent phase = iota
	accepted
	loggingIn
	routing
	stopping
	closed
	lost
)

func (p phase) String() string {
	return [...]string{"not open", "accepted", "logging in", "ready", "stopping", "closed", "lost"}[p]
}

// phases is a set of them.
type phases uint8

func in(all ...phase) (set phases) {
	for _, p := range all {
		set |= 1 << p
	}
	return set
}

func (s phases) has(p phase) bool { return s&(1<<p) != 0 }

// machine is the state machine of a session: in which phases an event fits, and
// which phase it leads to (the same, when it is not named in to).
//
//	event                  fits in                                   leads to
//	session_opened         absent                                    accepted
//	connection_opened      accepted, logging in, ready, stopping     logging in, from accepted
//	connection_failed      accepted, logging in, ready, stopping
//	connection_closed      accepted, logging in, ready, stopping
//	statistics_recorded    accepted, logging in, ready, stopping
//	session_ready          accepted, logging in, ready, stopping     ready, unless stopping
//	kill_scheduled         accepted, logging in, ready
//	kill_withdrawn         accepted, logging in, ready
//	kill_requested         accepted, logging in, ready               stopping
//	session_closed         accepted, logging in, ready, stopping, lost   closed
//	session_lost           accepted, logging in, ready, stopping     lost
//	session_recovered      lost                                      the phase before
//
// closed is terminal; lost is not, because late evidence recovers or closes it.
func machine(kind events.Kind, from phase) (to phase, fits bool) {
	live := in(accepted, loggingIn, routing, stopping)
	unhurt := in(accepted, loggingIn, routing)
	set, to := phases(0), from
	switch kind {
	case events.KindSessionOpened:
		set, to = in(absent), accepted
	case events.KindConnectionOpened:
		if set = live; from == accepted {
			to = loggingIn
		}
	case events.KindConnectionFailed, events.KindConnectionClosed, events.KindStatisticsRecorded:
		set = live
	case events.KindSessionReady:
		if set = live; from != stopping {
			to = routing
		}
	case events.KindKillScheduled, events.KindKillWithdrawn:
		set = unhurt
	case events.KindKillRequested:
		set, to = unhurt, stopping
	case events.KindSessionClosed:
		set, to = live|in(lost), closed
	case events.KindSessionLost:
		set, to = live, lost
	case events.KindSessionRecovered:
		set, to = in(lost), routing
	}
	return to, set.has(from)
}

func phaseOf(s *projection.Session) phase {
	if s == nil {
		return absent
	}
	switch s.Status {
	case projection.Closed:
		return closed
	case projection.Lost:
		return lost
	}
	return stagePhase(s)
}

// stagePhase is the phase that a session is in, or was in before it was lost.
func stagePhase(s *projection.Session) phase {
	return [...]phase{
		projection.Accepted: accepted, projection.LoggingIn: loggingIn,
		projection.Routing: routing, projection.Stopping: stopping,
	}[s.Stage]
}

// draft is a session as it will be when the events looked at so far are
// recorded: what deciding about the next one needs.
type draft struct {
	id      uint64
	phase   phase
	session *projection.Session // as it is; nil when it is new
	opened  []opening           // connections the list opens
	closed  []uint32            // connections the list closes
}

// opening is a connection that a list opens.
type opening struct {
	number   uint32
	server   string
	serverID uint64
}

// take decides about the next event of a list.
func (d *draft) take(e events.Event) error {
	to, fits := machine(e.Kind(), d.phase)
	if !fits {
		return d.refuse(e, "it is "+d.phase.String())
	}
	switch e := e.(type) {
	case *events.ConnectionOpened:
		return d.open(e, to)
	case *events.ConnectionFailed:
		if why := d.unfit(e.Connection, e.Server); why != "" {
			return d.refuse(e, why)
		}
		if d.isOpen(e.Connection) {
			return d.refuse(e, fmt.Sprintf("connection %d is open", e.Connection))
		}
	case *events.ConnectionClosed:
		if !d.isOpen(e.Final.Connection) {
			return d.refuse(e, fmt.Sprintf("connection %d is not open", e.Final.Connection))
		}
		d.closed = append(d.closed, e.Final.Connection)
	case *events.StatisticsRecorded:
		if e.Connection != 0 && !d.isOpen(e.Connection) {
			return d.refuse(e, fmt.Sprintf("connection %d is not open", e.Connection))
		}
	case *events.SessionRecovered:
		to = stagePhase(d.session)
	case *events.KillWithdrawn:
		if d.session == nil || d.session.Kill().Due == 0 {
			return d.refuse(e, "no kill is scheduled")
		}
	}
	d.phase = to
	return nil
}

// open decides about a connection that is opened, or that is told again with the
// server's own number for it.
func (d *draft) open(e *events.ConnectionOpened, to phase) error {
	if why := d.unfit(e.Connection, e.Server); why != "" {
		return d.refuse(e, why)
	}
	server, id, open := d.target(e.Connection)
	switch {
	case !open:
		d.opened = append(d.opened, opening{e.Connection, e.Server, e.ServerID})
	case server != e.Server || id != 0 && id != e.ServerID:
		return d.refuse(e, fmt.Sprintf("connection %d is open to %s already", e.Connection, server))
	}
	d.phase = to
	return nil
}

func (d *draft) connection(number uint32) *projection.Connection {
	if d.session == nil {
		return nil
	}
	c, _ := d.session.Connection(number)
	return c
}

// unfit tells what is wrong with the number and the server of a connection.
func (d *draft) unfit(number uint32, server string) string {
	switch {
	case number == 0:
		return "connection 0 is the client's"
	case server == "":
		return "it names no server"
	}
	return ""
}

func (d *draft) isOpen(number uint32) bool {
	_, _, open := d.target(number)
	return open
}

// target is the server that a connection is open to, and its number there.
func (d *draft) target(number uint32) (server string, id uint64, open bool) {
	if slices.Contains(d.closed, number) {
		return "", 0, false
	}
	for _, o := range d.opened {
		if o.number == number {
			return o.server, o.serverID, true
		}
	}
	if c := d.connection(number); c != nil && c.State == projection.Open {
		return c.Server(), c.ServerID, true
	}
	return "", 0, false
}

func (d *draft) refuse(e events.Event, why string) error {
	return &RefusedError{Session: d.id, Kind: e.Kind(), Why: why}
}
