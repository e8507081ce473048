package lifecycle

import (
	"fmt"
	"sync"

	"gatebook/events"
	"gatebook/projection"
)

// SpellingError reports a name that is another spelling of one that is on the record, or
// that is just being recorded. Both lead to the same place, so that one of them would be
// taken for the other.
type SpellingError struct {
	// Thing is "service", "server" or "source".
	Thing string
	// Name is the spelling that was refused, Known the one before it.
	Name, Known string
}

func (e *SpellingError) Error() string {
	return fmt.Sprintf("the %s %q is on the record as %q: capitals and small letters, blanks and hyphens are the same in names; spell it like that, or give it a name of its own",
		e.Thing, e.Name, e.Known)
}

// CheckSpelling returns a [*SpellingError] unless a name is spelled as the known one. Forms
// of Unicode that show the same are the same spelling.
func CheckSpelling(thing, name, known string) error {
	if projection.SameSpelling(name, known) {
		return nil
	}
	return &SpellingError{Thing: thing, Name: name, Known: known}
}

// Names keeps two spellings of one name from being recorded for two services or servers. It
// is safe for concurrent use.
type Names struct {
	state *projection.State

	mu      sync.Mutex // guards the field below
	pending map[thingKey]*pendingName
}

type thingKey struct{ thing, key string }

// pendingName is a name that is not on the record yet, and is being recorded.
type pendingName struct {
	name  string
	calls int
}

// NewNames returns names that knows those of the state.
func NewNames(state *projection.State) *Names {
	return &Names{state: state, pending: make(map[thingKey]*pendingName)}
}

// Claim keeps others from recording another spelling of names, until it is released. The
// zero Claim has none.
type Claim struct {
	names *Names
	held  []thingKey
}

// Claim claims the names in events, until the events are on the record, or will not be. It
// returns a [*SpellingError] for the first name that is spelled unlike the one on the
// record, or a [*NoRoomError] for the first new one that is too many, and the event's index.
func (n *Names) Claim(room Room, list ...events.Event) (c Claim, index int, err error) {
	c.names = n
	var taken map[thingKey]bool // new names, which most events have none of
	for i, e := range list {
		visitNames(e, func(thing, name string) {
			if err != nil || name == "" {
				return
			}
			var key thingKey // empty for a name on the record
			key, err = n.claim(thing, name)
			if key.key == "" {
				return
			}
			if !taken[key] {
				if taken == nil {
					taken = make(map[thingKey]bool)
				}
				taken[key], err = true, room.take(thing, name)
			}
			c.held = append(c.held, key)
		})
		if err != nil {
			c.Release()
			return Claim{}, i, err
		}
	}
	return c, 0, nil
}

// Release gives the names free.
func (c Claim) Release() {
	if len(c.held) == 0 {
		return
	}
	c.names.mu.Lock()
	defer c.names.mu.Unlock()
	for _, key := range c.held {
		p := c.names.pending[key]
		if p.calls--; p.calls == 0 {
			delete(c.names.pending, key)
		}
	}
}

// claim checks one name. It returns the key of a claim that the caller has to release.
func (n *Names) claim(thing, name string) (thingKey, error) {
	known := n.known(thing, name)
	if known == name {
		return thingKey{}, nil
	}
	if known != "" {
		return thingKey{}, CheckSpelling(thing, name, known)
	}
	key := thingKey{thing, projection.NameKey(name)}
	n.mu.Lock()
	defer n.mu.Unlock()
	// It may have been recorded since, and its claim released.
	if known := n.known(thing, name); known != "" {
		return thingKey{}, CheckSpelling(thing, name, known)
	}
	c := n.pending[key]
	if c == nil {
		c = &pendingName{name: name}
		n.pending[key] = c
	} else if err := CheckSpelling(thing, name, c.name); err != nil {
		return thingKey{}, err
	}
	c.calls++
	return key, nil
}

// known returns the spelling on the record, "" for a name that is not there.
func (n *Names) known(thing, name string) string {
	if thing == thingService {
		return n.state.ServiceName(name)
	}
	return n.state.ServerName(name)
}

const (
	thingService = "service"
	thingServer  = "server"
)

// visitNames calls do with the names of services and servers in an event: with all that
// the event puts on the record if they are new.
func visitNames(e events.Event, do func(thing, name string)) {
	switch e := e.(type) {
	case *events.SessionOpened:
		do(thingService, e.Service)
	case *events.ConnectionOpened:
		do(thingServer, e.Server)
	case *events.ConnectionFailed:
		do(thingServer, e.Server)
	case *events.ServiceDeclared:
		do(thingService, e.Name)
		for _, server := range e.Servers {
			do(thingServer, server)
		}
	case *events.ServerDeclared:
		do(thingServer, e.Name)
	case *events.ServerChanged:
		do(thingServer, e.Name)
	}
}
