package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/config"
)

// hangups catches SIGHUP from now on, so that the signal does not end a server that is
// starting. release ends that.
func hangups() (signals <-chan os.Signal, release func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}

// upkeep takes over, while the server runs, what has changed in files.
type upkeep struct {
	gateway  *gateway.Gateway // nil when there is none
	keeper   *accountKeeper
	settings settings
	log      zerolog.Logger
}

// run takes over changes of accounts within a second, and the configuration file and
// certificates at each signal, until ctx ends. The log has the outcome.
func (u upkeep) run(ctx context.Context, signals <-chan os.Signal) {
	ticker := time.NewTicker(accountsInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			u.keeper.look(ctx)
		case <-signals:
			u.keeper.look(ctx)
			u.reloadConfiguration(ctx)
			u.reloadCertificates()
		case <-ctx.Done():
			return
		}
	}
}

// reloadConfiguration takes over what can change without a restart, and logs what cannot.
func (u upkeep) reloadConfiguration(ctx context.Context) {
	if u.settings.path == "" {
		u.log.Info().Msg("SIGHUP: there is no configuration file to reload")
		return
	}
	file, err := config.Read(u.settings.path)
	if err != nil {
		u.log.Error().Err(err).Msg("SIGHUP: the configuration stays as it was")
		return
	}
	var changes []string
	needRestart := file.NeedRestart(u.settings.file)
	if u.gateway != nil {
		more, also, err := u.gateway.Reload(ctx, file.Gateway())
		changes = append(changes, more...)
		needRestart = append(needRestart, also...)
		if err != nil {
			u.log.Error().Err(err).Strs("changed", changes).Msg("SIGHUP: the configuration could not be taken over whole")
			return
		}
	} else if len(file.Services) > 0 {
		needRestart = append(needRestart, "services")
	}
	switch {
	case len(changes) > 0:
		u.log.Info().Strs("changed", changes).Strs("need_restart", needRestart).Msg("SIGHUP: configuration reloaded")
	case len(needRestart) > 0:
		u.log.Warn().Strs("need_restart", needRestart).Msg("SIGHUP: what has changed in the configuration needs a restart")
	default:
		u.log.Info().Msg("SIGHUP: nothing has changed in the configuration")
	}
}

// reloadCertificates reads the certificates of the API and of the gateway again.
func (u upkeep) reloadCertificates() {
	if c := u.settings.certificate; c != nil {
		if err := c.Reload(); err != nil {
			u.log.Error().Err(err).Msg("SIGHUP: the API's certificate stays as it was")
		} else {
			u.log.Info().Msg("SIGHUP: the API's certificate reloaded")
		}
	}
	if u.gateway == nil {
		return
	}
	if err := u.gateway.ReloadCertificates(); err != nil {
		u.log.Error().Err(err).Msg("SIGHUP: certificates that could not be read stay as they were")
		return
	}
	if services, servers := u.gateway.Secured(); services+servers > 0 {
		u.log.Info().Int("services", services).Int("servers", servers).Msg("SIGHUP: certificates reloaded")
	}
}
