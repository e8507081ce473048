package projection

import (
	"iter"
	"net/netip"
	"slices"
	"strings"
	"unique"

	"gatebook/events"
)

// Status is whether a session is live, and how it ended.
type Status uint8

// The statuses of a session.
const (
	Live Status = iota
	// Closed: its end was seen.
	Closed
	// Lost: its end was inferred.
	Lost
)

// String returns the status's name.
func (s Status) String() string {
	switch s {
	case Closed:
		return "closed"
	case Lost:
		return "lost"
	}
	return "live"
}

// Stage is the progress of a live session.
type Stage uint8

// The stages of a live session.
const (
	// Accepted: the client is connected.
	Accepted Stage = iota
	// LoggingIn: a server is connected, the login is in progress.
	LoggingIn
	// Routing: the login succeeded.
	Routing
	// Stopping: a kill was requested.
	Stopping
)

// Origin is the part that the sessions of one listener share. Equal origins share one
// copy.
type Origin struct {
	Source, Incarnation, Service, Listener, Protocol string
}

// Login is the user of a session, the database and the client's program. Equal logins
// share one copy.
type Login struct {
	User, Database, Program string
}

// Session is one client's connection, with its connections to servers. It never changes.
type Session struct {
	// ID is the session's number. Version is the sequence of its last record, Modified
	// the time of that record.
	ID, Version uint64
	Modified    events.Time
	// Opened is when the client connected, Ready when the login first succeeded (0 until
	// then), Active when the client was last read from, as recorded.
	Opened, Ready, Active events.Time

	origin  unique.Handle[Origin]
	login   unique.Handle[Login]
	address [16]byte // IPv6 or mapped IPv4; all zero if unknown
	// Port is the client's, 0 if unknown.
	Port   uint16
	Status Status
	Stage  Stage
	// extra holds properties that few sessions have; nil for an ordinary live session.
	extra    *extra
	counters counters
	// Connections are the connections to servers, in the order of their records.
	Connections []Connection
	trail       string // the sequences of its records, as differences
}

// extra holds properties that few live sessions have. It never changes once the session is
// shared.
type extra struct {
	Type          events.SessionType
	Key           string
	TLS           string
	Subject       string
	Kill          Kill
	Ending        Ending
	WasLost       bool
	Incarnation   string // the one that recovered the session, "" for its first
	Former        string // its former users, each followed by formerEnd
	AddressAsText string // an address that is no IP address
}

// Kill is a kill that is scheduled or requested.
type Kill struct {
	By, Why string
	// Due is the time of a scheduled kill, 0 for none.
	Due events.Time
	// Requested is when the kill was requested, 0 while it is only scheduled.
	Requested events.Time
}

// Ending is how a session ended.
type Ending struct {
	// Ended is the time of the end; of a lost session, the time its loss was recorded.
	Ended  events.Time
	Reason events.Reason
	// By is the user that ended it, Description free text.
	By, Description string
	// LastSeen is when a lost session was last known to be alive.
	LastSeen events.Time
}

// Origin returns the source, service and listener of the session.
func (s *Session) Origin() Origin { return s.origin.Value() }

// Login returns the user, database and program. It is empty until they are known.
func (s *Session) Login() Login { return s.login.Value() }

// Type returns the session's type.
func (s *Session) Type() events.SessionType { return s.extraOrZero().Type }

// Key returns the source's own name for the session.
func (s *Session) Key() string { return s.extraOrZero().Key }

// TLS returns the version and cipher of the client's connection, "" without TLS.
func (s *Session) TLS() string { return s.extraOrZero().TLS }

// Subject returns that of the client's certificate, "" for none.
func (s *Session) Subject() string { return s.extraOrZero().Subject }

// Kill returns the kill that is pending or was carried out; zero for none.
func (s *Session) Kill() Kill { return s.extraOrZero().Kill }

// Ending returns how the session ended; zero while it is live.
func (s *Session) Ending() Ending { return s.extraOrZero().Ending }

// WasLost reports whether the session was lost once: there are records before its last one
// as of which it was not live.
func (s *Session) WasLost() bool { return s.extraOrZero().WasLost }

// Present returns the last time at which an ended session may have been alive: when it ended,
// or when its end was recorded, if that was later. The registry held it for live until then,
// and so does an answer as of then.
func (s *Session) Present() events.Time { return max(s.Ended(), s.Modified) }

// Ended returns when the session ended, 0 while it is live. A lost one ended when it was
// last known to be alive.
func (s *Session) Ended() events.Time {
	switch s.Status {
	case Live:
		return 0
	case Lost:
		if seen := s.Ending().LastSeen; seen != 0 {
			return seen
		}
	}
	return s.Ending().Ended
}

// Incarnation returns the incarnation of the source that has the session: that of its
// origin, or the one that recovered it.
func (s *Session) Incarnation() string {
	if i := s.extraOrZero().Incarnation; i != "" {
		return i
	}
	return s.Origin().Incarnation
}

// Address returns the client's address as text; "" if it is unknown.
func (s *Session) Address() string {
	if s.address == [16]byte{} {
		return s.extraOrZero().AddressAsText
	}
	return netip.AddrFrom16(s.address).Unmap().String()
}

// IP returns the client's address without its zone, IPv4 in IPv6 unmapped. It is not valid
// if the address is unknown or no IP address.
func (s *Session) IP() netip.Addr {
	if s.address != [16]byte{} {
		return netip.AddrFrom16(s.address).Unmap()
	}
	text := s.extraOrZero().AddressAsText
	if text == "" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(text) // one with a zone, or ::
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// AddressIsIP reports whether [Session.IP] is the whole address, as it is of most sessions.
func (s *Session) AddressIsIP() bool { return s.address != [16]byte{} }

func (s *Session) setAddress(text string) {
	s.address = [16]byte{}
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		s.address = a.As16()
	}
	if text != "" && s.address == [16]byte{} {
		s.mutableExtra().AddressAsText = text
	}
}

// Counters returns the recorded counters of the client's connection.
func (s *Session) Counters() events.Counters { return s.counters.value() }

// Servers returns the names of the servers that the session reached, each once, in that
// order.
func (s *Session) Servers() []string {
	var all []string
	for i := range s.Connections {
		c := &s.Connections[i]
		if name := c.Server(); c.State != Failed && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// extraOrZero returns extra, or a zero one if it is nil. It must not be changed.
func (s *Session) extraOrZero() *extra {
	if s.extra == nil {
		return new(extra)
	}
	return s.extra
}

// mutableExtra gives a session that is not shared yet a copy of its extra to change.
func (s *Session) mutableExtra() *extra {
	e := *s.extraOrZero()
	s.extra = &e
	return s.extra
}

const (
	// usersKept is the number of former users that a session is found by. A connection that
	// more users share in turn has the term manyUsers instead of the others.
	usersKept = 32
	manyUsers = "\xfe"
	// formerEnd follows each former user in extra.Former. Texts of events are valid UTF-8,
	// which does not contain this byte.
	formerEnd = "\xff"
)

// users returns all users that the session has had, the present one first.
func (s *Session) users() []string {
	var all []string
	if user := s.Login().User; user != "" {
		all = append(all, user)
	}
	for former := range formerUsers(s.extraOrZero().Former) {
		if !slices.Contains(all, former) {
			all = append(all, former)
		}
	}
	return all
}

// formerUsers yields the users in extra.Former.
func formerUsers(list string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for list != "" {
			user, rest, _ := strings.Cut(list, formerEnd)
			if list = rest; !yield(user) {
				return
			}
		}
	}
}
