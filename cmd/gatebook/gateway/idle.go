package gateway

import (
	"context"
	"sync/atomic"
	"time"

	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// activity is whether an established session does something. Any goroutine may read it.
type activity struct {
	// since is when the session was established last, as [events.Time].
	since atomic.Int64
	// owed: as far as its protocol shows, the server owes an answer to what the client
	// sent last.
	owed atomic.Bool
}

// Idle sessions are looked for ten times within the timeout, and not more often
// than once a second; where there is no timeout, only the configuration is looked
// at.
const (
	idleLooks      = 10
	idleLeastPause = time.Second
	idleMostPause  = 10 * time.Second
)

// watchIdle stops idle sessions until ctx ends. An idle session costs one look at two
// numbers in each round, and no timer of its own.
func (g *Gateway) watchIdle(ctx context.Context) {
	for pause(ctx, g.idlePause()) {
		g.endIdle(time.Now())
	}
}

// idlePause returns the time between two looks.
func (g *Gateway) idlePause() time.Duration {
	shortest := idleMostPause
	for _, s := range g.services {
		if d := s.now().IdleTimeout; d > 0 {
			shortest = min(shortest, max(d/idleLooks, idleLeastPause))
		}
	}
	return shortest
}

// endIdle stops the sessions that have been idle for too long at that time.
func (g *Gateway) endIdle(now time.Time) {
	for _, service := range g.services {
		limit := service.now().IdleTimeout
		if limit <= 0 {
			continue
		}
		for _, s := range g.sessions.index.all() {
			_ = s.Guard(func() error {
				if s.service.Name == service.Name && s.isIdle(now, limit) {
					s.stopIdle()
				}
				return nil
			})
		}
	}
}

// isIdle reports whether nothing has moved for that long and the server owes no answer. A
// server that is gone without a word owes its answer for ever: keepalive finds that out.
func (s *session) isIdle(now time.Time, limit time.Duration) bool {
	return s.relaying.Load() && now.Sub(s.activity.lastMoved(s.client, s.server)) >= limit &&
		!(s.activity.owed.Load() && s.client.Active() > s.server.Active())
}

// lastMoved returns when something was last read from either side.
func (a *activity) lastMoved(client, server *relay.Conn) time.Time {
	return max(client.Active(), server.Active(), events.Time(a.since.Load())).Time()
}
