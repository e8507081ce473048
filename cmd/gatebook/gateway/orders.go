package gateway

import (
	"context"
	"time"

	"gatebook"
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

// firstSwitches stops, before the first client is accepted, the services that were stopped
// before the gateway started. A recorder answers a call whose context has ended with what
// it knows.
func (g *Gateway) firstSwitches(ctx context.Context) {
	over, cancel := context.WithCancel(ctx)
	cancel()
	list, _ := g.recorder.Switches(over)
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
