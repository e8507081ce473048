package events

import "gatebook/events/wire"

// ServiceDeclared tells what a client can connect to. Recorded only when it is
// new or differs from what was declared before.
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

	// By is who stopped or started it; "" for its source. Personal.
	By string
}

// Kind is [KindServiceDeclared].
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

func (e *ServiceDeclared) personal(c *wire.Coder) { c.Text(1, &e.By) }

// ServerDeclared tells of a backend. Recorded only when it is new or differs.
type ServerDeclared struct {
	impersonal
	Name     string
	Source   string
	Address  string
	Port     uint16
	Protocol string
}

// Kind is [KindServerDeclared].
func (*ServerDeclared) Kind() Kind { return KindServerDeclared }

func (e *ServerDeclared) core(c *wire.Coder) {
	c.Text(1, &e.Name)
	c.Text(2, &e.Source)
	c.Text(3, &e.Address)
	wire.Uint(c, 4, &e.Port)
	c.Text(5, &e.Protocol)
}

// ServerState is what is known of a backend.
type ServerState uint8

// The states of a server.
const (
	ServerUnknown ServerState = 0
	ServerRunning ServerState = 1
	ServerDown    ServerState = 2
)

// String is the state's name, or "" when it is unknown.
func (s ServerState) String() string {
	switch s {
	case ServerRunning:
		return "running"
	case ServerDown:
		return "down"
	}
	return ""
}

// ServerChanged tells that a server's state is another one than before.
type ServerChanged struct {
	impersonal
	Name  string
	State ServerState
	Since Time
	// Cause is what was seen, as the operating system words it.
	Cause string
}

// Kind is [KindServerChanged].
func (*ServerChanged) Kind() Kind { return KindServerChanged }

func (e *ServerChanged) core(c *wire.Coder) {
	c.Text(1, &e.Name)
	wire.Uint(c, 2, &e.State)
	wire.Int(c, 3, &e.Since)
	c.Text(4, &e.Cause)
}
