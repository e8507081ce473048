package projection

import (
	"net/netip"
	"unique"

	"gatebook/events"
)

// Status tells whether a session goes on.
type Status uint8

// The statuses of a session.
const (
	Live Status = iota
	// Closed: its end was seen.
	Closed
	// Lost: its end was inferred.
	Lost
)

// String is the status's name.
func (s Status) String() string {
	switch s {
	case Closed:
		return "closed"
	case Lost:
		return "lost"
	}
	return "live"
}

// Stage tells how far a live session has come.
type Stage uint8

// The stages of a live session.
const (
	// Accepted: the client is connected.
	Accepted Stage = iota
	// LoggingIn: a server is connected, the login is under way.
	LoggingIn
	// Routing: the login succeeded.
	Routing
	// Stopping: a kill was requested.
	Stopping
)

// Origin is what the sessions of one listener have in common. Equal origins
// share one copy.
type Origin struct {
	Source, Incarnation, Service, Listener, Protocol string
}

// Login is who logged in, to what. Equal logins share one copy.
type Login struct {
	User, Database, Program string
}

// Session is one client's connection and what hangs on it. It never changes.
type Session struct {
	// ID is the session's number. Version is the sequence of its last record, Modified
	// when that was recorded.
	ID, Version uint64
	Modified    events.Time
	// Opened is when the client connected, Ready when the login succeeded first (0
	// until then), Active when the client was last read from, as recorded.
	Opened, Ready, Active events.Time

	origin  unique.Handle[Origin]
	login   unique.Handle[Login]
	address [16]byte // IPv6 or mapped IPv4; all zero when it is unknown
	// Port is the client's, 0 when it is unknown.
	Port   uint16
	Status Status
	Stage  Stage
	// extra holds what few sessions have: nil for an ordinary live one.
	extra    *extra
	counters counters
	// Connections are the backend connections, in the order they came.
	Connections []Connection
	trail       string // the delta-coded sequences of its records
}

// extra is what few live sessions have. It never changes.
type extra struct {
	Type          events.SessionType
	Key           string
	TLS           string
	Subject       string
	Kill          Kill
	Ending        Ending
	WasLost       bool
	Incarnation   string // the one that recovered the session, "" for its first
	Former        string // the users it had before, each ended by formerEnd
	AddressAsText string // an address that is no IP address
}

// Kill is a kill that is scheduled or requested.
type Kill struct {
	By, Why string
	// Due is when a scheduled kill comes, 0 for none.
	Due events.Time
	// Requested is when it was asked for, 0 for not yet.
	Requested events.Time
}

// Ending is how a session ended.
type Ending struct {
	// Ended is when; of a lost session, when its loss was recorded.
	Ended  events.Time
	Reason events.Reason
	// By is who ended it, Description free text.
	By, Description string
	// LastSeen is when a lost session was last known to be alive.
	LastSeen events.Time
}

// Origin is where the session was made.
func (s *Session) Origin() Origin { return s.origin.Value() }

// Login is who the session belongs to. It is empty until it is known.
func (s *Session) Login() Login { return s.login.Value() }

// Type is the session's type.
func (s *Session) Type() events.SessionType { return s.extraOrZero().Type }

// Key is the source's own name for the session.
func (s *Session) Key() string { return s.extraOrZero().Key }

// TLS is the version and cipher of the client's connection, "" without TLS.
func (s *Session) TLS() string { return s.extraOrZero().TLS }

// Subject is that of the client's certificate, "" for none.
func (s *Session) Subject() string { return s.extraOrZero().Subject }

// Kill is the kill that is pending or was carried out; zero for none.
func (s *Session) Kill() Kill { return s.extraOrZero().Kill }

// Ending is how the session ended; zero while it lives.
func (s *Session) Ending() Ending { return s.extraOrZero().Ending }

// Incarnation is the run of the source that has the session: that of its origin,
// or the one that recovered it.
func (s *Session) Incarnation() string {
	if i := s.extraOrZero().Incarnation; i != "" {
		return i
	}
	return s.Origin().Incarnation
}

// Address is the client's, as text; "" when it is unknown.
func (s *Session) Address() string {
	if s.address == [16]byte{} {
		return s.extraOrZero().AddressAsText
	}
	return netip.AddrFrom16(s.address).Unmap().String()
}

// Counters are the recorded ones of the client's connection.
func (s *Session) Counters() events.Counters { return s.counters.value() }

// index finds the backend connection of that number; -1 when there is none. Of a
// number that was used again the last one counts.
func (s *Session) index(number uint32) int {
	for i := len(s.Connections) - 1; i >= 0; i-- {
		if s.Connections[i].Number == number {
			return i
		}
	}
	return -1
}

// Connection returns the backend connection of that number.
func (s *Session) Connection(number uint32) (*Connection, bool) {
	if i := s.index(number); i >= 0 {
		return &s.Connections[i], true
	}
	return nil, false
}

// End is when and why a connection of the session ended: by itself, or with the
// session. Both are zero while it is open.
func (s *Session) End(c *Connection) (events.Time, events.Reason) {
	if c.State != Open {
		return c.Closed(), c.Reason
	}
	e := s.Ending()
	return e.Ended, e.Reason
}

// more is extra, or an empty one: never nil, never to be changed.
func (s *Session) extraOrZero() *extra {
	if s.extra == nil {
		return new(extra)
	}
	return s.extra
}

// amend gives the session an extra of its own to change, before it is shared.
func (s *Session) mutableExtra() *extra {
	e := *s.extraOrZero()
	s.extra = &e
	return s.extra
}

func (s *Session) setAddress(text string) {
	s.address = [16]byte{}
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		s.address = a.As16()
	}
	if text != "" && s.address == [16]byte{} {
		s.mutableExtra().AddressAsText = text
	}
}

// ConnectionState tells how far a backend connection is.
type ConnectionState uint8

// The states of a backend connection.
const (
	Open ConnectionState = iota
	// Ended: it closed, by itself or with its session.
	Ended
	// Failed: the server was not reached.
	Failed
)

// Connection is one of a session's connections to a server. It never changes.
type Connection struct {
	// ServerID is the server's own number for it, 0 when it is unknown.
	ServerID uint64
	// Opened is when the server was reached, or when it could not be.
	Opened events.Time
	// Number is its number in the session, from 1.
	Number   uint32
	State    ConnectionState
	Reason   events.Reason
	server   unique.Handle[string]
	counters counters
}

// Server is the name of the server.
func (c *Connection) Server() string { return c.server.Value() }

// Counters are the recorded ones.
func (c *Connection) Counters() events.Counters { return c.counters.value() }

// Closed is when the connection closed before its session did, 0 otherwise.
func (c *Connection) Closed() events.Time {
	if c.counters.rare == nil {
		return 0
	}
	return c.counters.rare.closed
}

// Cause is why the server was not reached.
func (c *Connection) Cause() string {
	if c.counters.rare == nil {
		return ""
	}
	return c.counters.rare.cause
}

// counters are [events.Counters], with what is mostly zero set apart.
type counters struct {
	reads, writes, bytesRead, bytesWritten uint64
	rare                                   *rare
}

// rare is what few connections have. It never changes.
type rare struct {
	buffered, high, low uint64
	closed              events.Time
	cause               string
}

func (c *counters) value() events.Counters {
	v := events.Counters{Reads: c.reads, Writes: c.writes, BytesRead: c.bytesRead, BytesWritten: c.bytesWritten}
	if c.rare != nil {
		v.BufferedWrites, v.HighWaterEvents, v.LowWaterEvents = c.rare.buffered, c.rare.high, c.rare.low
	}
	return v
}

func (c *counters) set(v events.Counters) {
	was := c.value()
	c.reads, c.writes, c.bytesRead, c.bytesWritten = v.Reads, v.Writes, v.BytesRead, v.BytesWritten
	if v.BufferedWrites == was.BufferedWrites && v.HighWaterEvents == was.HighWaterEvents && v.LowWaterEvents == was.LowWaterEvents {
		return
	}
	c.changeRare(func(r *rare) {
		r.buffered, r.high, r.low = v.BufferedWrites, v.HighWaterEvents, v.LowWaterEvents
	})
}

// amend gives the counters a rare of their own, changed.
func (c *counters) changeRare(change func(*rare)) {
	now := new(rare)
	if c.rare != nil {
		*now = *c.rare
	}
	change(now)
	c.rare = now
}

// close notes when and why the connection ended or failed.
func (c *Connection) close(state ConnectionState, reason events.Reason, at events.Time, cause string) {
	c.counters.changeRare(func(r *rare) { r.closed, r.cause = at, cause })
	c.State, c.Reason = state, reason
}
