package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/rs/zerolog"

	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/config"
)

// hangups catches SIGHUP from now on, so that one that comes while the server
// starts does not end it. Release gives the signal back.
func hangups() (signals <-chan os.Signal, release func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}

// reloadOnHangup takes over the configuration file, at path, and certificates anew
// at each signal, until ctx ends. The log says what came of it. The gateway is nil
// when there is none.
func reloadOnHangup(ctx context.Context, signals <-chan os.Signal, g *gateway.Gateway, path string, log zerolog.Logger) {
	for {
		select {
		case <-signals:
			if g == nil {
				log.Warn().Msg("SIGHUP: nothing to reload, no service is configured")
				continue
			}
			reloadConfiguration(ctx, g, path, log)
			reloadCertificates(g, log)
		case <-ctx.Done():
			return
		}
	}
}

// reloadConfiguration takes over what can change without a restart, and says what
// cannot.
func reloadConfiguration(ctx context.Context, g *gateway.Gateway, path string, log zerolog.Logger) {
	file, err := config.Read(path)
	if err != nil {
		log.Error().Err(err).Msg("SIGHUP: the configuration stays as it was")
		return
	}
	changes, needRestart, err := g.Reload(ctx, file.Gateway())
	if err != nil {
		log.Error().Err(err).Strs("changed", changes).Msg("SIGHUP: the configuration could not be taken over whole")
		return
	}
	log.Info().Strs("changed", changes).Strs("need_restart", needRestart).Msg("SIGHUP: configuration reloaded")
}

func reloadCertificates(g *gateway.Gateway, log zerolog.Logger) {
	if err := g.ReloadCertificates(); err != nil {
		log.Error().Err(err).Msg("SIGHUP: certificates that could not be read stay as they were")
		return
	}
	if services, servers := g.Secured(); services+servers > 0 {
		log.Info().Int("services", services).Int("servers", servers).Msg("SIGHUP: certificates reloaded")
	}
}
