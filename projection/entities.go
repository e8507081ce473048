package projection

import "gatebook/events"

// Service is what clients connect to, as declared, with its counts.
type Service struct {
	Name, Source, Protocol, Router string
	// Listeners are addresses, Servers names.
	Listeners, Servers []string
	// Started is when it was first declared; 0 when it is known only by name.
	Started events.Time
	// Stopped: it takes no new sessions.
	Stopped bool
	// Total counts the sessions it ever had, Current those that live.
	Total, Current uint64
	// Version is the sequence of its last change, Modified when that was recorded.
	// That its source began or ended is a change of the service too.
	Version  uint64
	Modified events.Time
	// Sessions is the last change of any session of it, which need be no change of the
	// service.
	Sessions Change
}

// Server is a backend, as declared, with its counts.
type Server struct {
	Name, Source, Address, Protocol string
	Port                            uint16
	State                           events.ServerState
	// Since is when the state began, Cause what was seen then.
	Since events.Time
	Cause string
	// Total counts the connections it ever had, Current those of live sessions.
	Total, Current uint64
	// Version is the sequence of its last change, Modified when that was recorded.
	Version  uint64
	Modified events.Time
	// Sessions is the last change of any session that has reached it.
	Sessions Change
}

// SourceState tells whether a source reports.
type SourceState uint8

// The states of a source.
const (
	SourceRunning SourceState = iota
	SourceStopped
	SourceLost
)

// String is the state's name.
func (s SourceState) String() string {
	switch s {
	case SourceStopped:
		return "stopped"
	case SourceLost:
		return "lost"
	}
	return "running"
}

// Source is a program that reports sessions, in its newest incarnation.
type Source struct {
	Name, Incarnation, Version, Host string
	State                            SourceState
	// Started is when the incarnation began, LastSeen when it was last known to be
	// alive.
	Started, LastSeen events.Time
	// Lease is how long it may be silent, in microseconds; 0 when it lives in the
	// registry's process.
	Lease int64
	// Number is the highest one of a report of this incarnation, 0 for none.
	Number uint64
	// First is the lowest id that a session of this incarnation can have.
	First uint64
	// Former are the incarnations before this one, the newest last: the last few of
	// a source outside.
	Former []string
	// Unrecorded is what it could not record, in all its incarnations.
	Unrecorded Unrecorded
	// Changed is the sequence of its last change, Modified when that was recorded.
	Changed  uint64
	Modified events.Time
	// Sessions is the last change of any session of it, or of any at all before it was
	// first started.
	Sessions Change
}

// Unrecorded is what a source let pass without a record while none could be made.
type Unrecorded struct {
	// Sessions and Events are how many, of all gaps together.
	Sessions, Events uint64
	// From and Until are when the last gap began and ended; 0 without one.
	From, Until events.Time
}
