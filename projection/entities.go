package projection

import "gatebook/events"

// Service is a service as it was declared, with its counts. Clients connect to services.
type Service struct {
	Name, Source, Protocol, Router string
	// Listeners are addresses, Servers names.
	Listeners, Servers []string
	// Started is the time of its first declaration; 0 when only its name is known.
	Started events.Time
	// Stopped: it takes no new sessions.
	Stopped bool
	// Total counts all sessions it ever had, Current the live ones.
	Total, Current uint64
	// Version is the sequence of its last change, Modified the time of that record. The
	// start and the end of its source are changes of the service too.
	Version  uint64
	Modified events.Time
	// Sessions is the last change of any of its sessions, which need not be a change of
	// the service.
	Sessions Change
	// NamedBy is the source that named it first.
	NamedBy string
}

// Server is a backend server as it was declared, with its counts.
type Server struct {
	Name, Source, Address, Protocol string
	Port                            uint16
	State                           events.ServerState
	// Since is when the state began, Cause the reason that was seen then.
	Since events.Time
	Cause string
	// Total counts all connections it ever had, Current the open ones of live sessions.
	Total, Current uint64
	// Version is the sequence of its last change, Modified the time of that record.
	Version  uint64
	Modified events.Time
	// Sessions is the last change of any session that has reached it.
	Sessions Change
	// NamedBy is the source that named it first.
	NamedBy string
}

// Named counts names of services and servers, which are kept for ever.
type Named struct{ Services, Servers int }

// SourceState is the state of a source.
type SourceState uint8

// The states of a source.
const (
	SourceRunning SourceState = iota
	SourceStopped
	SourceLost
)

// String returns the state's name.
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
	// Account is the account that reports for it, where that has another name; "" otherwise.
	Account string
	State   SourceState
	// Started is when the incarnation began, LastSeen when it was last known to be
	// alive.
	Started, LastSeen events.Time
	// Lease is how long it may be silent, in microseconds; 0 for a source in the
	// registry's process.
	Lease int64
	// Number is the highest number of a report of this incarnation, 0 for none.
	Number uint64
	// First is the lowest id that a session of this incarnation can have.
	First uint64
	// Former are the last few incarnations before this one, the newest last. They are kept
	// of sources outside the registry's process.
	Former []string
	// Unrecorded counts what it could not record, in all its incarnations.
	Unrecorded Unrecorded
	// Changed is the sequence of its last change, Modified the time of that record.
	Changed  uint64
	Modified events.Time
	// Sessions is the last change of any of its sessions. Until it has one, it is the last
	// change of any session before the source was first started.
	Sessions Change
}

// Unrecorded counts what a source could not record while it went on working.
type Unrecorded struct {
	// Sessions and Events are the sums over all gaps.
	Sessions, Events uint64
	// From and Until are the beginning and end of the last gap; 0 without one.
	From, Until events.Time
}

// entities holds values by the key of their name, in the order in which they were added.
// They are changed in place, under the state's lock; readers get copies.
type entities[T any] struct {
	byKey  map[string]*T
	order  []string // keys
	values []*T     // those of the keys
}

func newEntities[T any]() entities[T] { return entities[T]{byKey: make(map[string]*T)} }

func (e *entities[T]) find(name string) *T { return e.byKey[NameKey(name)] }

// findOrAdd returns the value of that name to change, and adds a new one if there is none.
// A value without a name is not kept: sources that give no name would share it.
func (e *entities[T]) findOrAdd(name string, make func() *T) *T {
	key := NameKey(name)
	v := e.byKey[key]
	if v == nil {
		if v = make(); key == "" {
			return v
		}
		e.order, e.values = append(e.order, key), append(e.values, v)
		e.byKey[key] = v
	}
	return v
}

// copy returns a copy of the value of that name, nil if there is none.
func (e *entities[T]) copy(name string) *T {
	v := e.find(name)
	if v == nil {
		return nil
	}
	c := *v
	return &c
}

// appendCopies appends copies of all values, in their order.
func (e *entities[T]) appendCopies(all []T) []T {
	for _, v := range e.values {
		all = append(all, *v)
	}
	return all
}

// changedSince returns copies of the values with a version after a sequence.
func (e *entities[T]) changedSince(sequence uint64, version func(*T) uint64) []*T {
	var all []*T
	for _, v := range e.values {
		if version(v) > sequence {
			c := *v
			all = append(all, &c)
		}
	}
	return all
}
