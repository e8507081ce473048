package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"gatebook"

	"github.com/rs/zerolog"

	"gatebook/cmd/gatebook/gateway/record"
	"gatebook/events"
)

// Gateway is a gateway that runs, from [Start] to [Gateway.Close].
type Gateway struct {
	recorder   Recorder
	log        zerolog.Logger
	panics     *panicLog
	services   []*service
	backends   *backends
	statistics *statistics
	sessions   *sessions
	late       *lateRecorder // nil unless it was started early

	// reloading is held while a configuration or credentials are replaced. It guards
	// config, the configuration that the gateway was started with, and its new servers.
	reloading sync.Mutex
	config    Config

	// retire ends the gateway's own goroutines, which workers waits for. abandon ends
	// what sessions record.
	retire, abandon context.CancelFunc
	workers         sync.WaitGroup
}

// Start listens on the addresses of all services, declares services and servers
// to the recorder, and begins to accept clients. The context is that of starting: the
// gateway runs until it is closed. The recorder is the gateway's from then on, and is
// stopped when the gateway is closed. When Start fails it stays the caller's.
func Start(ctx context.Context, config Config, recorder Recorder, log zerolog.Logger) (*Gateway, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	loaded, err := loadCredentials(config, nil)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	g := newGateway(config, recorder, log)
	g.sessions.credentials.Store(loaded)
	for _, c := range config.Services {
		s := g.sessions.newService(c)
		if err = s.listen(ctx); err != nil {
			break
		}
		g.services = append(g.services, s)
	}
	declared := true
	if err == nil {
		switch err = g.declare(ctx); {
		case errors.Is(err, gatebook.ErrDiskFull):
			g.log.Warn().Err(err).Msg("services and servers are recorded when there is space")
			declared, err = false, nil
		case errors.Is(err, errLate):
			declared, err = false, nil
		}
	}
	if err != nil {
		g.closeListeners()
		return nil, err
	}
	g.firstSwitches(ctx, recorder)
	g.work(context.WithoutCancel(ctx), declared)
	return g, nil
}

// StartEarly is [Start] before there is a recorder, for a gateway that records with best effort.
// The sessions that begin before [Gateway.RecordTo] are recorded then, the first thousand of
// them, and the others are counted in a gap. Services that an administrator has stopped take
// sessions until then.
func StartEarly(ctx context.Context, config Config, log zerolog.Logger) (*Gateway, error) {
	late := newLateRecorder()
	g, err := Start(ctx, config, late, log)
	if err == nil {
		g.late = late
	}
	return g, err
}

// RecordTo gives its recorder to a gateway that was started early. The recorder is the
// gateway's from then on. The error is one for which [Start] fails too.
func (g *Gateway) RecordTo(ctx context.Context, recorder Recorder) (err error) {
	g.late.open(recorder, func() {
		if err = g.declare(ctx); errors.Is(err, gatebook.ErrDiskFull) {
			err = nil // it is tried again
		}
		g.firstSwitches(ctx, recorder)
	})
	return err
}

// newGateway makes the parts of a gateway, which has no services yet.
func newGateway(config Config, recorder Recorder, log zerolog.Logger) *Gateway {
	g := &Gateway{recorder: recorder, log: log, config: config, panics: &panicLog{log: log}}
	index := newSessionIndex()
	g.backends = newBackends(recorder, config.Servers)
	g.backends.log = log
	g.statistics = newStatistics(recorder, index, log)
	g.sessions = &sessions{
		record: record.NewSessions(recorder, config.Record == RecordBestEffort, log), log: log, panics: g.panics,
		backends: g.backends, index: index, statistics: g.statistics,
		keys: newCancelKeys(), cancels: newCancelTurns(),
	}
	return g
}

// declare records which services and servers there are.
func (g *Gateway) declare(ctx context.Context) error {
	for _, server := range g.config.Servers {
		if err := g.declareServer(ctx, g.config, server); err != nil {
			return err
		}
	}
	for _, s := range g.services {
		if err := g.recorder.DeclareService(ctx, s.declared()); err != nil {
			return fmt.Errorf("declare service %s: %w", s.Name, err)
		}
	}
	return nil
}

// declareServer records that there is a server.
func (g *Gateway) declareServer(ctx context.Context, config Config, server Server) error {
	host, port, err := server.split()
	if err != nil {
		return err
	}
	e := events.ServerDeclared{Name: server.Name, Address: host, Port: port, Protocol: config.protocolOf(server.Name)}
	if err := g.recorder.DeclareServer(ctx, e); err != nil {
		return fmt.Errorf("declare server %s: %w", server.Name, err)
	}
	return nil
}

// declareInterval is how often the gateway tries to record its services where that could not
// be done when it started.
const declareInterval = time.Second

// declareLater records which services and servers there are, when that can be done.
func (g *Gateway) declareLater(ctx context.Context) {
	ticker := time.NewTicker(declareInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		switch err := g.declare(ctx); {
		case err == nil:
			return
		case !errors.Is(err, gatebook.ErrDiskFull) && !errors.Is(err, errLate) && ctx.Err() == nil:
			g.log.Error().Err(err).Msg("services and servers cannot be recorded")
			return
		}
	}
}

// work starts the gateway's goroutines.
func (g *Gateway) work(ctx context.Context, declared bool) {
	running, retire := context.WithCancel(ctx)
	recording, abandon := context.WithCancel(ctx)
	g.retire, g.abandon = retire, abandon
	interval := g.config.StatisticsInterval // read here: a reload may replace config
	for _, s := range g.services {
		for _, listener := range s.listeners {
			g.run(running, "accept clients", func() { g.sessions.accept(running, recording, s, listener) })
		}
	}
	if !declared {
		g.run(running, "record services", func() { g.declareLater(running) })
	}
	g.run(running, "collect statistics", func() { g.statistics.run(running, interval) })
	g.run(running, "watch kills", func() { g.watchKills(running) })
	g.run(running, "watch idle sessions", func() { g.watchIdle(running) })
	g.run(running, "watch for sides that have gone", func() { g.watchGone(running, interval) })
	g.run(running, "record the state of servers", func() {
		g.backends.run(running, func(err error) { g.log.Error().Err(err).Msg("cannot record the state of servers") })
	})
	if g.config.Record == RecordBestEffort {
		g.run(running, "record gaps", func() { g.sessions.record.WatchGaps(running) })
	}
	g.run(running, "watch switched services", func() { g.watchSwitches(running) })
}

// run starts a goroutine of the gateway that does one task until ctx ends.
func (g *Gateway) run(ctx context.Context, task string, do func()) {
	g.workers.Go(func() { g.panics.keep(ctx, task, do) })
}

// Addresses returns where a service listens; nil when there is no such service.
func (g *Gateway) Addresses(service string) []net.Addr {
	var list []net.Addr
	for _, s := range g.services {
		if s.Name == service {
			for _, listener := range s.listeners {
				list = append(list, listener.Addr())
			}
		}
	}
	return list
}

// Panics returns how many panics the gateway has caught since it started.
func (g *Gateway) Panics() uint64 { return g.panics.count.Load() }

// Probes returns how many connections from networks of probes ended before a login began.
func (g *Gateway) Probes() uint64 { return g.sessions.probes.Load() }

// Close stops accepting, ends all sessions with reason shutdown, waits until that
// is recorded, and stops the recorder. When ctx ends first it gives up recording, and
// still waits for all goroutines. It must be called once.
func (g *Gateway) Close(ctx context.Context) error {
	defer g.abandon()
	if g.late != nil {
		g.late.abandon()
	}
	g.retire()
	g.closeListeners()
	g.workers.Wait() // no session begins after this
	var late error
	ended := g.sessions.shutDown()
	select {
	case <-ended:
	case <-ctx.Done():
		late = fmt.Errorf("record the end of all sessions: %w", ctx.Err())
		g.abandon()
		<-ended
	}
	if err := g.panics.guard("record gaps", func() error { return g.sessions.record.RecordGap(ctx) }); err != nil {
		g.log.Error().Err(err).Msg("cannot record what was not recorded")
	}
	if err := g.panics.guard("stop the recorder", func() error { return g.recorder.Stop(ctx) }); err != nil {
		return errors.Join(late, fmt.Errorf("stop the recorder: %w", err))
	}
	return late
}

// closeListeners closes the listeners of all services.
func (g *Gateway) closeListeners() {
	for _, s := range g.services {
		s.close()
	}
}
