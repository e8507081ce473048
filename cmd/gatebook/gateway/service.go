package gateway

import (
	"context"
	"net"
	"sync/atomic"

	"gatebook/events"
)

// service is a service that runs, in one configuration, which does not change. A session
// keeps the one it began with.
type service struct {
	Service
	router    *router
	login     login
	listeners []*net.TCPListener

	// admission and latest are shared by all configurations of the service. latest is the
	// configuration that new sessions get.
	admission *admission
	latest    *atomic.Pointer[service]
}

// now returns the service as it is configured now.
func (s *service) now() *service { return s.latest.Load() }

// login lets a client of one protocol in: it reaches a server, follows the login
// and returns nil when the session is ready and on the record, or else how it
// ends. The context is that of recording.
type login func(s *session, ctx context.Context) *ending

// newService makes a service of a configuration that was checked.
func newService(c Service, servers *backends) *service {
	s := &service{Service: c, admission: &admission{}, latest: &atomic.Pointer[service]{}}
	s.router = &router{kind: c.Router, backends: servers.named(c.Servers), limit: c.ConnectTimeout, now: servers.now}
	s.latest.Store(s)
	switch c.Protocol {
	case MySQL:
		s.login = (*session).loginMySQL
	case Postgres:
		s.login = (*session).loginPostgres
	case TCP:
		s.login = (*session).loginTCP
	}
	return s
}

// configured returns the service in a new configuration. It shares its listeners and what
// is counted with the old one.
func (s *service) configured(c Service, servers *backends) *service {
	next := newService(c, servers)
	next.listeners, next.admission, next.latest = s.listeners, s.admission, s.latest
	return next
}

// declared returns the event that declares the service.
func (s *service) declared() events.ServiceDeclared {
	e := events.ServiceDeclared{
		Name: s.Name, Protocol: string(s.Protocol), Router: string(s.Router), Servers: s.Servers,
	}
	for _, listener := range s.listeners {
		e.Listeners = append(e.Listeners, listener.Addr().String())
	}
	return e
}
