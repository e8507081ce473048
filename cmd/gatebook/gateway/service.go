package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// service is a service that runs, in one configuration of it, which does not
// change. A session keeps the one it began with.
type service struct {
	Service
	router    *router
	login     login
	listeners []*net.TCPListener

	// tally and latest are shared by all configurations of the service; latest is
	// the one that new sessions get.
	tally  *tally
	latest *atomic.Pointer[service]
}

// now returns the service as it is configured now.
func (s *service) now() *service { return s.latest.Load() }

// login lets a client of one protocol in: it reaches a server, follows the login
// and returns nil when the session is ready and on the record, or else how it
// ends. The context is that of recording.
type login func(s *session, ctx context.Context) *ending

// newService makes a service of a configuration that is known to be right.
func newService(c Service, f *fleet) *service {
	s := &service{Service: c, tally: &tally{}, latest: &atomic.Pointer[service]{}}
	s.router = &router{kind: c.Router, upstreams: f.named(c.Servers), limit: c.ConnectTimeout, now: f.now}
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

// declared is the event that tells of the service.
func (s *service) declared() events.ServiceDeclared {
	e := events.ServiceDeclared{
		Name: s.Name, Protocol: string(s.Protocol), Router: string(s.Router), Servers: s.Servers,
	}
	for _, listener := range s.listeners {
		e.Listeners = append(e.Listeners, listener.Addr().String())
	}
	return e
}

// acceptPause is how long a listener rests after it could not accept, for want of
// descriptors for example.
const acceptPause = 100 * time.Millisecond

// accept begins a session for every client that comes, until ctx ends. Sessions
// record with the other context.
func (g *Gateway) accept(ctx, recording context.Context, s *service, listener *net.TCPListener) {
	address := listener.Addr().String()
	failing := false
	for {
		conn, err := listener.AcceptTCP()
		switch {
		case err == nil:
			failing = false
			_ = g.guard("begin a session", func() error { g.begin(recording, s, address, conn); return nil })
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

// begin begins the session of a client, which has its goroutine then. Without one the
// connection is closed.
func (g *Gateway) begin(ctx context.Context, s *service, listener string, conn *net.TCPConn) {
	begun := false
	defer func() {
		if !begun {
			_ = conn.Close()
		}
	}()
	client, err := relay.NewConn(conn)
	if err != nil {
		g.log.Error().Err(err).Str("service", s.Name).Msg("cannot use client connection")
		return
	}
	v := &session{gateway: g, service: s.now(), listener: listener, client: client, accepted: time.Now()}
	v.busy.Store(v.bestEffort()) // until it is recorded
	g.roster.enter(v)
	begun = true
	g.sessions.Go(func() {
		defer g.roster.leave(v)
		v.run(ctx)
	})
}

// pause waits, and reports whether ctx goes on.
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
