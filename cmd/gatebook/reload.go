package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/rs/zerolog"

	"gatebook/cmd/gatebook/gateway"
)

// hangups catches SIGHUP from now on, so that one that comes while the server
// starts does not end it. Release gives the signal back.
func hangups() (signals <-chan os.Signal, release func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}

// reloadOnHangup reads certificates anew at each signal, until ctx ends. The log
// says what came of it. The gateway is nil when there is none.
func reloadOnHangup(ctx context.Context, signals <-chan os.Signal, g *gateway.Gateway, log zerolog.Logger) {
	for {
		select {
		case <-signals:
			reload(g, log)
		case <-ctx.Done():
			return
		}
	}
}

func reload(g *gateway.Gateway, log zerolog.Logger) {
	if g == nil {
		log.Warn().Msg("SIGHUP: nothing to reload, no service is configured")
		return
	}
	if err := g.ReloadCertificates(); err != nil {
		log.Error().Err(err).Msg("SIGHUP: what could not be read stays as it was")
		return
	}
	services, servers := g.Secured()
	log.Info().Int("services", services).Int("servers", servers).
		Msg("SIGHUP: certificates reloaded; the rest of the configuration needs a restart")
}
