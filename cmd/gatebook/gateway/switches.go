package gateway

import (
	"context"
	"time"

	"gatebook"
)

// Switch is a service that was stopped or started.
type Switch = gatebook.Switch

// switchPause is how long the gateway rests when the book does not tell it of
// switches.
const switchPause = time.Second

// watchSwitches stops and starts services as the book says, until ctx ends.
func (g *Gateway) watchSwitches(ctx context.Context) {
	for ctx.Err() == nil {
		list, err := g.recorder.Switches(ctx)
		for _, w := range list {
			_ = g.panics.guard("switch a service", func() error { g.turn(w); return nil })
		}
		if err != nil && ctx.Err() == nil {
			g.log.Error().Err(err).Msg("cannot hear of services being stopped")
			pause(ctx, switchPause)
		}
	}
}

// firstSwitches learns, before the first client is accepted, which services are
// stopped from before. A call whose time is over is answered with what is known.
func (g *Gateway) firstSwitches(ctx context.Context) {
	over, cancel := context.WithCancel(ctx)
	cancel()
	list, _ := g.recorder.Switches(over)
	for _, w := range list {
		g.turn(w)
	}
}

// turn stops or starts a service: one that is stopped refuses new sessions in the
// words of its protocol, and those that are there go on.
func (g *Gateway) turn(w Switch) {
	for _, s := range g.services {
		if s.Name != w.Service {
			continue
		}
		if s.admission.stopped.Swap(w.Stopped) != w.Stopped {
			g.log.Info().Str("service", w.Service).Bool("stopped", w.Stopped).Msg("service switched")
		}
	}
}
