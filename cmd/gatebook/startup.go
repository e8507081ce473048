package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"gatebook"
	"gatebook/cmd/gatebook/gateway"
	"gatebook/httpd"
	"gatebook/httpd/control"
)

const (
	// progressAfter is how long opening the book may take before the log says how far it has
	// come, and progressEvery how often it does then.
	progressAfter = time.Second
	progressEvery = 5 * time.Second
)

// listeners are the listeners of the API.
type listeners struct {
	api     *net.TCPListener
	control *control.Listener // nil where the data folder was never locked
}

// close closes what is open.
func (l listeners) close() error {
	err := l.api.Close()
	if l.control != nil {
		err = errors.Join(err, l.control.Close())
	}
	return err
}

// startup listens from the first moment, and answers and logs how far the book has been
// opened. A gateway that records with best effort relays meanwhile.
type startup struct {
	settings  settings
	log       zerolog.Logger
	starting  *httpd.Starting
	listeners listeners
	relay     *gateway.Gateway // nil where it starts when the book is open
	relaying  atomic.Bool      // there is a relay

	opening   atomic.Pointer[httpd.Opening]
	done      chan struct{}  // closed when the book is open
	reporting sync.WaitGroup // the goroutine that logs
}

// beginStartup listens on the API's address, before anything is written. The addresses of
// services are tried too: the gateway listens on them when the book is open.
func beginStartup(s settings, log zerolog.Logger) (*startup, error) {
	for _, service := range s.file.Gateway().Services {
		for _, address := range service.Listen {
			l, err := net.Listen(gateway.ListenNetwork(address), address)
			if err == nil {
				err = l.Close()
			}
			if err != nil {
				return nil, fmt.Errorf("service %s: %w", service.Name, err)
			}
		}
	}
	l, err := net.Listen(gateway.ListenNetwork(s.listen), s.listen)
	if err != nil {
		return nil, fmt.Errorf("API: %w", err)
	}
	b := &startup{settings: s, log: log, listeners: listeners{api: l.(*net.TCPListener)}, done: make(chan struct{})}
	b.opening.Store(new(httpd.Opening))
	b.starting = httpd.NewStarting(httpd.Config{
		Logger: log.With().Str("part", "api").Logger(), Hosts: s.file.Hosts, Insecure: s.insecure,
		Certificate: s.certificate, Limits: s.file.Limits(), BasePath: s.file.Base(),
	}, func() httpd.Opening { return *b.opening.Load() })
	b.starting.Serve(b.listeners.api, false)
	b.reporting.Go(b.report)
	return b, nil
}

// locked listens at the control socket, and on the services' addresses where nothing waits for
// the record. It is the hook [gatebook.Options.Locked].
func (b *startup) locked(ctx context.Context) (err error) {
	b.listeners.control, err = control.Listen(b.settings.data, func(p control.Peer) {
		b.log.Warn().Uint32("uid", p.UID).Int32("pid", p.PID).Msg("a program of another user is turned away at the control socket")
	})
	if err != nil {
		return err
	}
	b.starting.Serve(b.listeners.control, true)
	if c := b.settings.file.Gateway(); c.Record == gateway.RecordBestEffort && len(c.Services) > 0 {
		if b.relay, err = gateway.StartEarly(ctx, c, gatewayLog(b.log)); err != nil {
			return fmt.Errorf("gateway: %w", err)
		}
		b.relaying.Store(true)
	}
	return nil
}

// progressed notes how far the book has been opened. It is the hook
// [gatebook.Options.Progress].
func (b *startup) progressed(applied, of uint64) {
	b.opening.Store(&httpd.Opening{Done: applied, Of: of})
}

// upgrading notes how far the log has been upgraded. It is the hook
// [gatebook.Options.Upgrading].
func (b *startup) upgrading(copied, of int64) {
	if !b.opening.Load().Upgrading {
		b.log.Info().Int64("bytes", of).Msg("the log is being upgraded from an older format")
	}
	b.opening.Store(&httpd.Opening{Upgrading: true, Done: uint64(copied), Of: uint64(of)})
}

// report logs how far the book has been opened, if that takes long.
func (b *startup) report() {
	timer := time.NewTimer(progressAfter)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			o, message := b.opening.Load(), "the book is being brought up to date"
			if o.Upgrading {
				message = "the log is being upgraded"
			}
			b.log.Info().Uint64("applied", o.Done).Uint64("of", o.Of).Bool("relaying", b.relaying.Load()).Msg(message)
			timer.Reset(progressEvery)
		case <-b.done:
			return
		}
	}
}

// endRelay ends a gateway that has started early, where the book could not be opened.
func (b *startup) endRelay(ctx context.Context) error {
	if b.relay == nil {
		return nil
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return b.relay.Close(stopping)
}

// end ends the startup, and returns the listeners, which are open.
func (b *startup) end() (listeners, error) {
	close(b.done)
	b.reporting.Wait()
	return b.listeners, b.starting.Stop()
}

// startGateway starts the gateway, nil when no service is configured, or has the one that has
// started early record.
func startGateway(ctx context.Context, registry *gatebook.Registry, early *gateway.Gateway, s settings, log zerolog.Logger) (*gateway.Gateway, error) {
	c := s.file.Gateway()
	if len(c.Services) == 0 {
		return nil, nil
	}
	for _, warning := range c.Warnings() {
		log.Warn().Msg(warning)
	}
	source, err := registry.StartSource(ctx, gatebook.SourceOptions{Name: "gateway", Version: version, Host: hostname(), AwaitSpace: true})
	g := early
	switch {
	case err != nil:
	case early != nil:
		err = early.RecordTo(ctx, source)
	default:
		g, err = gateway.Start(ctx, c, source, gatewayLog(log))
	}
	if err != nil {
		return g, fmt.Errorf("gateway: %w", err)
	}
	return g, nil
}

// gatewayLog returns the log of the gateway.
func gatewayLog(log zerolog.Logger) zerolog.Logger { return log.With().Str("part", "gateway").Logger() }
