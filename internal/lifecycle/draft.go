package lifecycle

import (
	"fmt"
	"slices"

	"gatebook/events"
	"gatebook/projection"
)

// Draft is a session as it will be when the events taken so far are recorded: what
// deciding about the next one needs.
type Draft struct {
	// Session is the session as it is recorded; nil when it is new.
	Session *projection.Session
	// Phase is the one after the events taken so far.
	Phase Phase

	// connections are those that the events taken open and close, the newest last.
	connections []connection
}

// connection is a backend connection after an event: closed, or open to a server.
type connection struct {
	number   uint32
	closed   bool
	server   string
	serverID uint64
}

// NewDraft returns the draft of a session to which nothing was added yet; nil is one
// that is not in the book.
func NewDraft(s *projection.Session) Draft { return Draft{Session: s, Phase: PhaseOf(s)} }

// UnfitError reports why an event does not fit the state its session is in.
type UnfitError struct {
	Session uint64 // 0 for one that is not in the book
	Kind    events.Kind
	Why     string
}

func (e *UnfitError) Error() string { return fmt.Sprintf("%s does not fit: %s", e.Kind, e.Why) }

// unfit returns the [UnfitError] for an event of the draft's session.
func (d *Draft) unfit(e events.Event, format string, args ...any) error {
	u := &UnfitError{Kind: e.Kind(), Why: fmt.Sprintf(format, args...)}
	if d.Session != nil {
		u.Session = d.Session.ID
	}
	return u
}

// Owner returns an [UnfitError] unless the session belongs to this incarnation of a
// source. A session that is not in the book belongs to none.
func (d *Draft) Owner(e events.Event, source, incarnation string) error {
	if why := Foreign(d.Session, source, incarnation); why != "" {
		return d.unfit(e, "%s", why)
	}
	return nil
}

// Foreign returns why a session does not belong to this incarnation of a source, "" if
// it does.
func Foreign(s *projection.Session, source, incarnation string) string {
	if s == nil {
		return "it is " + Absent.String()
	}
	switch origin := s.Origin(); {
	case origin.Source != source && projection.NameKey(origin.Source) != projection.NameKey(source):
		return fmt.Sprintf("the session is one of source %q, not of %q", origin.Source, source)
	case s.Incarnation() != incarnation:
		return fmt.Sprintf("the session is one of incarnation %q of source %q, not of %q", s.Incarnation(), origin.Source, incarnation)
	}
	return ""
}

// Take adds the next event, or returns an [UnfitError] and leaves the draft as it was.
func (d *Draft) Take(e events.Event) error {
	to, fits := transition(e.Kind(), d.Phase)
	if !fits {
		return d.unfit(e, "it is %s", d.Phase)
	}
	var err error
	switch e := e.(type) {
	case *events.ConnectionOpened:
		err = d.open(e)
	case *events.ConnectionFailed:
		if d.IsOpen(e.Connection) {
			err = d.unfit(e, "connection %d is open", e.Connection)
		}
	case *events.ConnectionClosed:
		if !d.IsOpen(e.Final.Connection) {
			return d.unfit(e, "connection %d is not open", e.Final.Connection)
		}
		d.connections = append(d.connections, connection{number: e.Final.Connection, closed: true})
	case *events.StatisticsRecorded:
		if e.Connection != 0 && !d.IsOpen(e.Connection) {
			err = d.unfit(e, "connection %d is not open", e.Connection)
		}
	case *events.SessionClosed:
		err = d.finals(e)
	case *events.SessionRecovered:
		to = stagePhase(d.Session)
	case *events.KillWithdrawn:
		if d.Session == nil || d.Session.Kill().Due == 0 {
			err = d.unfit(e, "no kill is scheduled")
		}
	}
	if err == nil {
		d.Phase = to
	}
	return err
}

// open adds a connection that is opened, or that is reported again with the server's
// own number for it.
func (d *Draft) open(e *events.ConnectionOpened) error {
	server, id, open := d.target(e.Connection)
	if open && (server != e.Server || id != 0 && id != e.ServerID) {
		return d.unfit(e, "connection %d is open to %s already", e.Connection, server)
	}
	d.connections = append(d.connections, connection{number: e.Connection, server: e.Server, serverID: e.ServerID})
	return nil
}

// finals checks that the last counters are those of connections that were opened.
func (d *Draft) finals(e *events.SessionClosed) error {
	for i := range e.Finals {
		if number := e.Finals[i].Connection; !d.Knows(number) {
			return d.unfit(e, "it has the counters of connection %d, which was never opened", number)
		}
	}
	return nil
}

// Connection returns the recorded connection of that number, nil when there is none.
func (d *Draft) Connection(number uint32) *projection.Connection {
	if d.Session == nil {
		return nil
	}
	c, _ := d.Session.Connection(number)
	return c
}

// Knows reports whether a connection of that number was ever reported. The client's,
// 0, always is.
func (d *Draft) Knows(number uint32) bool {
	return number == 0 || d.Connection(number) != nil ||
		slices.ContainsFunc(d.connections, func(c connection) bool { return c.number == number })
}

// IsOpen reports whether the backend connection of that number is open.
func (d *Draft) IsOpen(number uint32) bool {
	_, _, open := d.target(number)
	return open
}

// target returns the server that a connection is open to, and its number there.
func (d *Draft) target(number uint32) (server string, id uint64, open bool) {
	for _, c := range slices.Backward(d.connections) {
		if c.number == number {
			return c.server, c.serverID, !c.closed
		}
	}
	if c := d.Connection(number); c != nil && c.State == projection.Open {
		return c.Server(), c.ServerID, true
	}
	return "", 0, false
}
