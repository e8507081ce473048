package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

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

// listen opens the service's listeners, all or none.
func (s *service) listen(ctx context.Context) error {
	config := net.ListenConfig{KeepAliveConfig: keepAlive()}
	config.SetMultipathTCP(false) // the relay's reads and writes are those of plain TCP
	for _, address := range s.Listen {
		listener, err := config.Listen(ctx, "tcp", address)
		if err != nil {
			s.close()
			return fmt.Errorf("service %s: listen on %s: %w", s.Name, address, err)
		}
		s.listeners = append(s.listeners, listener.(*net.TCPListener))
	}
	return nil
}

// close closes the listeners.
func (s *service) close() {
	for _, listener := range s.listeners {
		_ = listener.Close()
	}
}

// acceptPause is how long a listener rests after it could not accept, for want of
// descriptors for example.
const acceptPause = 100 * time.Millisecond

// accept begins a session for every client that connects, until ctx ends. Sessions
// record with the other context.
func (g *Gateway) accept(ctx, recording context.Context, s *service, listener *net.TCPListener) {
	address := listener.Addr().String()
	failing := false
	for {
		conn, err := listener.AcceptTCP()
		switch {
		case err == nil:
			failing = false
			_ = g.panics.guard("begin a session", func() error { g.sessions.begin(recording, s, address, conn); return nil })
			continue
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return
		case !failing: // once, not ten times a second
			failing = true
			g.log.Error().Err(err).Str("service", s.Name).Str("listener", address).Msg("cannot accept clients")
		}
		if !pause(ctx, acceptPause) {
			return
		}
	}
}

// pause waits for d, and reports false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
