package gateway

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"gatebook/cmd/gatebook/gateway/record"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// sessions has what all sessions of a gateway share, and owns their goroutines. It is
// safe for concurrent use.
type sessions struct {
	record     *record.Sessions
	log        zerolog.Logger
	panics     *panicLog
	backends   *backends
	index      *sessionIndex
	statistics *statistics
	keys       *cancelKeys
	cancels    cancelTurns
	buffers    relay.Buffers
	// credentials are those of TLS handshakes that begin now. [Gateway.reloading] is held
	// where they are replaced.
	credentials atomic.Pointer[credentials]
	// probes counts connections that were probes.
	probes atomic.Uint64
	// running waits for the goroutines of sessions.
	running sync.WaitGroup
}

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

// acceptPause is how long a listener rests after it could not accept, for want of
// descriptors for example.
const acceptPause = 100 * time.Millisecond

// accept begins a session for every client that connects, until ctx ends. Sessions
// record with the other context.
func (all *sessions) accept(ctx, recording context.Context, s *service, listener *net.TCPListener) {
	address := listener.Addr().String()
	failing := false
	for {
		conn, err := listener.AcceptTCP()
		switch {
		case err == nil:
			failing = false
			_ = all.panics.guard("begin a session", func() error { all.begin(recording, s, address, conn); return nil })
			continue
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return
		case !failing: // once, not ten times a second
			failing = true
			all.log.Error().Err(err).Str("service", s.Name).Str("listener", address).Msg("cannot accept clients")
		}
		if !pause(ctx, acceptPause) {
			return
		}
	}
}

// begin begins the session of a client, in a goroutine of its own. Where it cannot, it
// closes the connection. ctx is that of recording.
func (all *sessions) begin(ctx context.Context, on *service, listener string, conn *net.TCPConn) {
	begun := false
	defer func() {
		if !begun {
			_ = conn.Close()
		}
	}()
	client, err := relay.NewConn(conn)
	if err != nil {
		all.log.Error().Err(err).Str("service", on.Name).Msg("cannot use client connection")
		return
	}
	s := &session{sessions: all, service: on.now(), listener: listener, accepted: time.Now()}
	s.client, s.origin.conn = client, client
	s.record = all.record.New(s.service.Name, s)
	s.busy.Store(all.record.BestEffort()) // until it is recorded
	all.index.add(s)
	begun = true
	all.running.Go(func() {
		defer all.leave(s)
		s.run(ctx)
	})
}

// leave forgets a session that has ended.
func (all *sessions) leave(s *session) {
	all.index.remove(s)
	all.keys.remove(s.key, s)
}

// kill stops the sessions that an administrator has killed.
func (all *sessions) kill(ids []uint64) {
	for _, id := range ids {
		if s := all.index.toKill(id); s != nil {
			_ = s.Guard(func() error { s.stop(events.ReasonKilled); return nil })
		}
	}
}

// shutDown stops all sessions, and returns a channel that is closed when they have ended.
func (all *sessions) shutDown() <-chan struct{} {
	for _, s := range all.index.all() {
		_ = s.Guard(func() error { s.stop(events.ReasonShutdown); return nil })
	}
	ended := make(chan struct{})
	go func() {
		all.running.Wait()
		close(ended)
	}()
	return ended
}
