package events

import "gatebook/events/wire"

// ServiceDeclared describes a service that clients can connect to. It is recorded only
// if it is new or has changed.
type ServiceDeclared struct {
	Name     string
	Source   string
	Protocol string
	Router   string
	// Listeners are addresses, Servers names.
	Listeners []string
	Servers   []string
	// Stopped: it takes no new sessions.
	Stopped bool

	// By is the user that stopped or started it; "" for its source. Personal, of the actor.
	By string
}

// Kind returns [KindServiceDeclared].
func (*ServiceDeclared) Kind() Kind { return KindServiceDeclared }

func (e *ServiceDeclared) core(c *wire.Coder) {
	c.Text(1, &e.Name)
	c.Text(2, &e.Source)
	c.Text(3, &e.Protocol)
	c.Text(4, &e.Router)
	c.Texts(5, &e.Listeners)
	c.Texts(6, &e.Servers)
	c.Bool(7, &e.Stopped)
}

func (e *ServiceDeclared) personal(p *personalCoders) { p.actor.Text(1, &e.By) }

// ServerDeclared describes a backend server. It is recorded only if it is new or has
// changed.
type ServerDeclared struct {
	impersonal
	Name     string
	Source   string
	Address  string
	Port     uint16
	Protocol string
}

// Kind returns [KindServerDeclared].
func (*ServerDeclared) Kind() Kind { return KindServerDeclared }

func (e *ServerDeclared) core(c *wire.Coder) {
	c.Text(1, &e.Name)
	c.Text(2, &e.Source)
	c.Text(3, &e.Address)
	wire.Uint(c, 4, &e.Port)
	c.Text(5, &e.Protocol)
}

// ServerState is the known state of a server.
type ServerState uint8

// The states of a server.
const (
	ServerUnknown ServerState = 0
	ServerRunning ServerState = 1
	ServerDown    ServerState = 2
)

// String returns the state's name, or "" if it is unknown.
func (s ServerState) String() string {
	switch s {
	case ServerRunning:
		return "running"
	case ServerDown:
		return "down"
	}
	return ""
}

// ServerChanged records that the state of a server changed.
type ServerChanged struct {
	impersonal
	Name  string
	State ServerState
	Since Time
	// Cause is the error in the words of the operating system.
	Cause string
}

// Kind returns [KindServerChanged].
func (*ServerChanged) Kind() Kind { return KindServerChanged }

func (e *ServerChanged) core(c *wire.Coder) {
	c.Text(1, &e.Name)
	wire.Uint(c, 2, &e.State)
	wire.Int(c, 3, &e.Since)
	c.Text(4, &e.Cause)
}
