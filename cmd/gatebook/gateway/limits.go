package gateway

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// admission decides whether a service lets in one more session. All configurations of the
// service share it. It is safe for concurrent use.
type admission struct {
	// sessions is how many were let in and have not ended.
	sessions atomic.Int64
	// stopped: an administrator has stopped the service, which lets no session in.
	stopped atomic.Bool
}

// slots are the counters in which a session counts until it ends: that of its service and
// that of its server. They belong to the session's goroutine. The zero value has none.
type slots struct {
	taken [2]*atomic.Int64
	count int
}

// take keeps a counter in which the session counts from now on.
func (t *slots) take(counter *atomic.Int64) {
	t.taken[t.count] = counter
	t.count++
}

// release gives back what was taken. Calling it again changes nothing.
func (t *slots) release() {
	taken := t.taken[:t.count]
	t.count = 0
	for _, counter := range taken {
		counter.Add(-1)
	}
}

// Admit counts the session toward the limit of its service, or returns how it ends.
func (s *session) Admit() *ending.Ending {
	a := s.service.admission
	if a.stopped.Load() {
		return &ending.Ending{Reason: events.ReasonShutdown, Description: fmt.Sprintf("service %s is stopped", s.service.Name)}
	}
	limit := int64(s.service.MaxSessions)
	if n := a.sessions.Add(1); limit > 0 && n > limit {
		a.sessions.Add(-1)
		return &ending.Ending{
			Reason:      events.ReasonLimit,
			Description: fmt.Sprintf("Too many connections: service %s takes %d sessions", s.service.Name, limit),
		}
	}
	s.slots.take(&a.sessions)
	return nil
}

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
