package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"gatebook"
	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/config"
	"gatebook/httpd"
	"gatebook/httpd/accounts"
	"gatebook/httpd/telemetry"
	"gatebook/internal/regular"
	"gatebook/internal/shell"
	"gatebook/migrations"
)

const (
	defaultData   = "gatebook-data"
	defaultListen = "127.0.0.1:8989"
	// stopTimeout bounds an orderly stop, from the signal to the exit.
	stopTimeout = 10 * time.Second
)

// serveCommand are the flags of serve. An empty flag was not given: the configuration file
// then decides, and after it the default.
type serveCommand struct {
	Config   string `help:"Configuration file (TOML)." type:"path" env:"GATEBOOK_CONFIG" placeholder:"FILE"`
	Data     string `help:"Data folder; created if it does not exist (gatebook-data)." env:"GATEBOOK_DATA" placeholder:"FOLDER"`
	Listen   string `help:"Address of the API (127.0.0.1:8989)." env:"GATEBOOK_LISTEN" placeholder:"HOST:PORT"`
	LogLevel string `help:"What goes to the log: ${enum}." enum:"debug,info,warn,error" default:"info" env:"GATEBOOK_LOG_LEVEL"`
	Insecure bool   `help:"Listen on other than loopback addresses although nobody has to log in, or without TLS." env:"GATEBOOK_INSECURE"`
}

// Help returns what --help adds.
func (serveCommand) Help() string {
	return `With no flag and no file it runs: the data in ./gatebook-data, the API on http://127.0.0.1:8989.

Examples:
  gatebook serve
  gatebook serve --config gatebook.toml --data /var/lib/gatebook
  curl http://127.0.0.1:8989/sessions

Other machines are served when somebody has to log in (gatebook user add) and passwords cannot be read on their way
([tls] in the configuration).`
}

// Run runs the server until ctx ends.
func (c *serveCommand) Run(ctx context.Context, to *streams) error {
	file := &config.File{}
	if c.Config != "" {
		var err error
		if file, err = config.Read(c.Config); err != nil {
			return err
		}
	}
	settings := settings{
		path:     c.Config,
		file:     file,
		data:     cmp.Or(c.Data, file.Data, defaultData),
		listen:   cmp.Or(c.Listen, file.Listen, defaultListen),
		insecure: c.Insecure,
	}
	if err := checkAnchorFile(file.Anchor.File, settings.data); err != nil {
		return err
	}
	gate, err := accounts.OpenGate(accounts.File{Folder: settings.data})
	if errors.Is(err, syscall.ENOTDIR) {
		err = fmt.Errorf("data folder %s is no folder", settings.data)
	}
	if err != nil {
		return err
	}
	settings.gate = gate
	if err := errors.Join(settings.check(), file.CheckListen(settings.listen)); err != nil {
		return err
	}
	if t := file.TLS; t != nil {
		if settings.certificate, err = httpd.LoadCertificate(t.Certificate, t.Key); err != nil {
			return fmt.Errorf("API: %w", err)
		}
	}
	level, err := zerolog.ParseLevel(c.LogLevel)
	if err != nil {
		return fmt.Errorf("log level: %w", err)
	}
	log := zerolog.New(to.err).Level(level).With().Timestamp().Logger()
	return serve(ctx, settings, to, log)
}

// settings are the settings of a server.
type settings struct {
	path         string // of the configuration file, "" when there is none
	file         *config.File
	data, listen string
	insecure     bool
	gate         *accounts.Gate
	certificate  *httpd.Certificate // of the API; nil for plain HTTP
}

// scheme returns the scheme of the API's address.
func (s settings) scheme() string {
	if s.certificate != nil {
		return "https"
	}
	return "http"
}

// check returns an error for an API that other machines could reach while it has no
// accounts, or while passwords could be read on their way.
func (s settings) check() error {
	host, _, err := net.SplitHostPort(s.listen)
	if err != nil {
		return fmt.Errorf("listen address %q is no \"host:port\"", s.listen)
	}
	if s.insecure || local(host) {
		return nil
	}
	if !s.gate.Any() {
		return fmt.Errorf("listen address %s is not a loopback one, and nobody has to log in: anybody could read the book and end sessions; add an account (gatebook user add NAME --role admin --data %s) and a certificate ([tls] in the configuration), listen on 127.0.0.1, or say --insecure", s.listen, shell.Quote(s.data))
	}
	if s.file.TLS == nil {
		return fmt.Errorf("listen address %s is not a loopback one, and there is no TLS: anybody on the way could read passwords and the book; give a certificate ([tls] in the configuration), listen on 127.0.0.1, or say --insecure", s.listen)
	}
	return nil
}

// local reports whether only clients on this machine can reach a host. "localhost." is not
// local, because its address may come from a name server.
func local(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// serve runs everything in order, and stops it in the opposite one.
func serve(ctx context.Context, s settings, to *streams, log zerolog.Logger) (err error) {
	signals, release := hangups()
	defer release()
	for _, warning := range readableByAll(s.file, s.data) {
		log.Warn().Msg(warning)
	}
	begun, err := beginStartup(s, log)
	if err != nil {
		return err
	}
	metrics := telemetry.NewMetrics()
	registry, err := gatebook.Open(ctx, s.data, gatebook.Options{
		Report:    func(err error) { log.Error().Err(regular.Explain(err)).Msg("registry") },
		Committed: metrics.Committed,
		Locked:    func() error { return begun.locked(ctx) },
		Progress:  begun.progressed,
		Anchors:   anchorsOf(s.file.Anchor),
		Upgrading: begun.upgrading,
		Names:     s.file.Names(),

		SegmentBytes: s.file.Log.Segment(), ScrubPeriod: s.file.Log.ScrubPeriod.Or(0),
	})
	if registry != nil {
		defer func() { err = errors.Join(err, registry.Close()) }()
	}
	listeners, stopped := begun.end()
	if err = errors.Join(err, stopped); err != nil {
		if ctx.Err() != nil && registry == nil && errors.Is(err, ctx.Err()) {
			fmt.Fprintln(to.out, "stopping")
			err = nil // the signal to stop came before there was anything to stop
		}
		return errors.Join(err, begun.endRelay(ctx), listeners.close())
	}
	printOpened(to, registry, s.data)
	return serveOpened(ctx, registry, begun, listeners, metrics, s, to, log, signals)
}

// serveOpened runs the API and the gateway of a registry until ctx ends.
func serveOpened(ctx context.Context, registry *gatebook.Registry, begun *startup, on listeners, metrics *telemetry.Metrics, s settings, to *streams, log zerolog.Logger, signals <-chan os.Signal) (err error) {
	var started atomic.Pointer[gateway.Gateway] // nil until it has started, and where there is none
	counted := func(count func(*gateway.Gateway) uint64) func() uint64 {
		return func() uint64 {
			if g := started.Load(); g != nil {
				return count(g)
			}
			return 0
		}
	}
	metrics.CountPanics(counted((*gateway.Gateway).Panics))
	keeper := &accountKeeper{gate: s.gate, file: accounts.File{Folder: s.data}, registry: registry, log: log, due: true}
	draining := &drain{grace: s.file.ShutdownGrace.Or(0), log: log}
	api, err := startAPI(ctx, registry, s, log, func(c *httpd.Config) {
		c.Metrics, c.Probes, c.ManageAccounts = metrics, counted((*gateway.Gateway).Probes), keeper.manage
		c.NotReady = func() string {
			if len(s.file.Services) > 0 && started.Load() == nil {
				return "The gateway is starting: its services do not listen yet."
			}
			return draining.notReady()
		}
	})
	if err != nil {
		return errors.Join(err, begun.endRelay(ctx), on.close())
	}
	keeper.api = api
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return api.Serve(on.api) })
	group.Go(func() error { return api.ServeControl(on.control) })
	relay, err := startGateway(ctx, registry, begun.relay, s, log)
	if err == nil {
		started.Store(relay)
		keeper.look(running)
		upkeep := upkeep{gateway: relay, keeper: keeper, settings: s, log: log}
		group.Go(func() error {
			upkeep.run(running, signals)
			return nil
		})
		fmt.Fprintf(to.out, "API   %s://%s%s\n", s.scheme(), on.api.Addr(), s.file.Base())
		printServices(to, s, relay)
		<-running.Done()
		fmt.Fprintln(to.out, "stopping")
		if ctx.Err() != nil {
			draining.run(ctx, relay)
		}
	}
	// The signal has come: stopping has a time limit of its own.
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if relay != nil {
		err = errors.Join(err, relay.Close(stopping))
	}
	return errors.Join(err, api.Shutdown(stopping), group.Wait())
}

// startAPI makes the API, which serves nothing yet. measure adds what it measures.
func startAPI(ctx context.Context, registry *gatebook.Registry, s settings, log zerolog.Logger, measure func(*httpd.Config)) (*httpd.Server, error) {
	source, err := registry.StartSource(ctx, gatebook.SourceOptions{Name: "gatebook", Version: version, Host: hostname(), AwaitSpace: true})
	if err != nil {
		return nil, fmt.Errorf("API: %w", err)
	}
	config := httpd.Config{
		Registry:    registry,
		Source:      source,
		Logger:      log.With().Str("part", "api").Logger(),
		AccessLog:   s.file.AccessLog,
		RecordAdmin: s.file.RecordAdmin == nil || *s.file.RecordAdmin,
		Version:     version,
		Hosts:       s.file.Hosts,
		BasePath:    s.file.Base(),
		Insecure:    s.insecure,
		Accounts:    s.gate,
		Certificate: s.certificate,
		Limits:      s.file.Limits(),
	}
	measure(&config)
	return httpd.New(config)
}

// printOpened prints what was found in the data folder.
func printOpened(to *streams, registry *gatebook.Registry, folder string) {
	o, m := registry.OpenInfo(), registry.Moment()
	if n := o.Upgraded.Segments; n > 0 {
		fmt.Fprintf(to.out, "log   upgraded from format %d to %d: %s; the older files are kept until the next clean stop\n",
			o.Upgraded.From, migrations.LogFormat, counted(n, "segment"))
	}
	if o.Rebuilt != nil {
		fmt.Fprintf(to.out, "book  made again from the log: %v\n", o.Rebuilt)
	}
	if o.New {
		fmt.Fprintf(to.out, "data  %s, a new book\n", folder)
		return
	}
	fmt.Fprintf(to.out, "data  %s: %d records, %d live sessions, %d ended, %d lost (%d of them in the last run); ready after %s\n",
		folder, o.Records, m.Live, m.Closed, m.Lost, o.Lost, o.Took.Round(time.Millisecond))
}

// printServices prints where services listen.
func printServices(to *streams, s settings, relay *gateway.Gateway) {
	for _, service := range s.file.Gateway().Services {
		for _, address := range relay.Addresses(service.Name) {
			fmt.Fprintf(to.out, "%-5s %s on %s\n", service.Protocol, service.Name, address)
		}
	}
}

// hostname returns this machine's name, or "" where it has none.
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}
