package gateway

import (
	"context"
	"fmt"
	"net"
	"net/netip"
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

// keepAlive finds out, within two minutes, that a peer has gone without a word.
func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4}
}

// listen opens the service's listeners, all or none.
func (s *service) listen(ctx context.Context) error {
	config := net.ListenConfig{KeepAliveConfig: keepAlive()}
	config.SetMultipathTCP(false) // the relay's reads and writes are those of plain TCP
	for _, address := range s.Listen {
		listener, err := config.Listen(ctx, ListenNetwork(address), address)
		if err != nil {
			s.close()
			return fmt.Errorf("service %s: listen on %s: %w", s.Name, address, err)
		}
		s.listeners = append(s.listeners, listener.(*net.TCPListener))
	}
	return nil
}

// ListenNetwork returns the network to listen on at an address: for 0.0.0.0 that of IPv4
// alone, where Go would listen on all of IPv6 too.
func ListenNetwork(address string) string {
	if a, err := netip.ParseAddrPort(address); err == nil && a.Addr().Is4() {
		return "tcp4"
	}
	return "tcp"
}

// close closes the listeners.
func (s *service) close() {
	for _, listener := range s.listeners {
		_ = listener.Close()
	}
}
