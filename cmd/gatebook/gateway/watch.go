package gateway

import (
	"context"
	"time"

	"gatebook"
	"gatebook/cmd/gatebook/gateway/relay"
)

// orderRetry is the pause after orders could not be read.
const orderRetry = time.Second

// watchKills stops the sessions that are to be killed, until ctx ends.
func (g *Gateway) watchKills(ctx context.Context) {
	for ctx.Err() == nil {
		ids, err := g.recorder.Kills(ctx)
		g.sessions.kill(ids)
		if err != nil && ctx.Err() == nil {
			g.log.Error().Err(err).Msg("cannot read which sessions are to be killed")
			pause(ctx, orderRetry)
		}
	}
}

// watchSwitches stops and starts services as an administrator orders, until ctx ends.
func (g *Gateway) watchSwitches(ctx context.Context) {
	for ctx.Err() == nil {
		list, err := g.recorder.Switches(ctx)
		for _, w := range list {
			_ = g.panics.guard("switch a service", func() error { g.turn(w); return nil })
		}
		if err != nil && ctx.Err() == nil {
			g.log.Error().Err(err).Msg("cannot read which services are stopped")
			pause(ctx, orderRetry)
		}
	}
}

// firstSwitches stops the services that were stopped before the gateway started, before the first
// client is accepted where the recorder is open by then. A recorder answers a call whose context has ended with what
// it knows.
func (g *Gateway) firstSwitches(ctx context.Context, recorder Recorder) {
	over, cancel := context.WithCancel(ctx)
	cancel()
	list, _ := recorder.Switches(over)
	for _, w := range list {
		g.turn(w)
	}
}

// turn stops or starts a service. One that is stopped refuses new sessions with an error of
// its protocol, and its established sessions go on.
func (g *Gateway) turn(w gatebook.Switch) {
	for _, s := range g.services {
		if s.Name != w.Service {
			continue
		}
		if s.admission.stopped.Swap(w.Stopped) != w.Stopped {
			g.log.Info().Str("service", w.Service).Bool("stopped", w.Stopped).Msg("service switched")
		}
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
// server that is gone without a word owes its answer for ever: keepalive finds that out. A
// client that reads slowly moves something now and then.
func (s *session) isIdle(now time.Time, limit time.Duration) bool {
	if !s.relaying.Load() {
		return false
	}
	if s.client.Waiting() || s.server.Waiting() {
		limit = max(limit, relay.SlowReader)
	}
	return now.Sub(s.activity.lastMoved(s.client, s.server)) >= limit && !s.activity.waiting().Owed
}

// watchGone notices, until ctx ends, that sides of sessions have gone behind bytes that the
// gateway does not read.
func (g *Gateway) watchGone(ctx context.Context, interval time.Duration) {
	for pause(ctx, interval) {
		g.endGone(time.Now())
	}
}

// endGone looks once at all sessions. An idle one costs a look at two numbers.
func (g *Gateway) endGone(now time.Time) {
	for _, s := range g.sessions.index.all() {
		_ = s.Guard(func() error {
			if r := s.mover.Load(); r != nil {
				r.Look(now)
			} else {
				s.lookForClient()
			}
			return nil
		})
	}
}
