package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

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
