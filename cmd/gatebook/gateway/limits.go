package gateway

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"gatebook/events"
)

// tally is what a service counts, over all its configurations.
type tally struct {
	// sessions are those let in that are not over.
	sessions atomic.Int64
	// stopped: the service lets nobody in.
	stopped atomic.Bool
}

// admit lets the session in or tells the client why it is not, and returns how the
// session ends then.
func (s *session) admit() *ending {
	t := s.service.tally
	if t.stopped.Load() {
		return s.turnAway(events.ReasonShutdown, fmt.Sprintf("service %s is stopped", s.service.Name))
	}
	limit := int64(s.service.MaxSessions)
	if n := t.sessions.Add(1); limit > 0 && n > limit {
		t.sessions.Add(-1)
		return s.turnAway(events.ReasonLimit,
			fmt.Sprintf("Too many connections: service %s takes %d sessions", s.service.Name, limit))
	}
	s.admitted = true
	return nil
}

// turnAway refuses the client before a server has said anything.
func (s *session) turnAway(reason events.Reason, why string) *ending {
	if said := s.say(0, wordsFor(reason), why); said != nil {
		s.refuse(said)
	}
	return &ending{reason: reason, description: why}
}

// letGo gives back what admit and reach have taken.
func (s *session) letGo() {
	if s.admitted {
		s.admitted = false
		s.service.tally.sessions.Add(-1)
	}
	if s.counted {
		s.counted = false
		s.target.connections.Add(-1)
	}
}

// Idle sessions are looked for ten times within the timeout, and not more often
// than once a second; where there is no timeout, only the configuration is looked
// at.
const (
	idleLooks      = 10
	idleLeastPause = time.Second
	idleMostPause  = 10 * time.Second
)

// watchIdle ends sessions that nobody uses, until ctx ends. An idle session
// costs one look at two numbers in each round, and no timer of its own.
func (g *Gateway) watchIdle(ctx context.Context) {
	for pause(ctx, g.idlePause()) {
		g.endIdle(time.Now())
	}
}

// idlePause is the time between two looks.
func (g *Gateway) idlePause() time.Duration {
	shortest := idleMostPause
	for _, s := range g.services {
		if d := s.now().IdleTimeout; d > 0 {
			shortest = min(shortest, max(d/idleLooks, idleLeastPause))
		}
	}
	return shortest
}

// endIdle ends the sessions that have been idle for too long at that time.
func (g *Gateway) endIdle(now time.Time) {
	for _, service := range g.services {
		limit := service.now().IdleTimeout
		if limit <= 0 {
			continue
		}
		for _, s := range g.roster.all() {
			_ = s.guard(func() error {
				if s.service.Name == service.Name && s.isIdle(now, limit) {
					s.expire()
				}
				return nil
			})
		}
	}
}

// isIdle tells whether nothing has moved for that long, and it is not the server
// that has something to do. A server that is gone without a word, and therefore owes
// its answer for ever, is found out by keepalive.
func (s *session) isIdle(now time.Time, limit time.Duration) bool {
	return s.established.Load() && now.Sub(s.lastMoved()) >= limit &&
		!(s.owed.Load() && s.client.Active() > s.server.Active())
}

// lastMoved is when something was last read from either side. It is called while
// the session is established.
func (s *session) lastMoved() time.Time {
	return max(s.client.Active(), s.server.Active(), events.Time(s.since.Load())).Time()
}
