package gateway

import (
	"net"
	"sync/atomic"

	"gatebook/cmd/gatebook/gateway/login"
	"gatebook/events"
)

// service is a service that runs, in one configuration, which does not change. A session
// keeps the one it began with.
type service struct {
	Service
	router    *router
	protocol  login.Protocol
	listeners []*net.TCPListener

	// admission and latest are shared by all configurations of the service. latest is the
	// configuration that new sessions get.
	admission *admission
	latest    *atomic.Pointer[service]
}

// now returns the service as it is configured now.
func (s *service) now() *service { return s.latest.Load() }

// newService makes a service of a configuration that was checked.
func (all *sessions) newService(c Service) *service {
	s := &service{Service: c, protocol: all.protocolOf(c), admission: &admission{}, latest: &atomic.Pointer[service]{}}
	s.router = &router{kind: c.Router, backends: all.backends.named(c.Servers), limit: c.ConnectTimeout, now: all.backends.now}
	s.latest.Store(s)
	return s
}

// reconfigured makes a running service of a new configuration. It shares its listeners, and
// what is counted, with the old one.
func (all *sessions) reconfigured(running *service, c Service) *service {
	next := all.newService(c)
	next.listeners, next.admission, next.latest = running.listeners, running.admission, running.latest
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
