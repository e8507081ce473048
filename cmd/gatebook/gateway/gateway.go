package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// Gateway is a gateway that runs: from [Start] to [Gateway.Close].
type Gateway struct {
	book      Book
	log       zerolog.Logger
	services  []*service
	fleet     *fleet
	recording Recording
	gap       gap
	probes    atomic.Uint64
	panics    atomic.Uint64
	// reported is when the log was last told of a session that could not be
	// recorded, unreported how many there were since.
	reported   atomic.Int64
	unreported atomic.Uint64
	// config is the one it was started with. reloading is held while another is
	// taken over.
	config     Config
	reloading  sync.Mutex
	roster     *roster
	statistics *statistics
	buffers    relay.Buffers
	// cancels holds an element for every cancel request under way.
	cancels chan struct{}

	// credentials are those of handshakes that begin now. Who replaces them holds
	// reloading.
	credentials atomic.Pointer[credentials]

	// retire ends the gateway's own goroutines, which workers waits for; abandon
	// ends what sessions record, which sessions waits for.
	retire, abandon   context.CancelFunc
	workers, sessions sync.WaitGroup
}

// Start listens on the addresses of all services, declares services and servers
// to the book, and begins to accept clients. The context is that of starting: the
// gateway runs until it is closed. The book is the gateway's from then on, which
// stops it when it is closed; when Start fails it stays the caller's.
func Start(ctx context.Context, config Config, book Book, log zerolog.Logger) (*Gateway, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	g := &Gateway{book: book, log: log, roster: newRoster(), cancels: make(chan struct{}, maxCancels)}
	loaded, err := loadCredentials(config, nil)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	g.credentials.Store(loaded)
	g.statistics = &statistics{gateway: g, schedule: newSchedule()}
	g.config, g.fleet, g.recording = config, newFleet(book, config.Servers), config.Record
	for _, c := range config.Services {
		s := newService(c, g.fleet)
		if err = s.listen(ctx); err != nil {
			break
		}
		g.services = append(g.services, s)
	}
	if err == nil {
		err = g.declare(ctx, config)
	}
	if err != nil {
		g.closeListeners()
		return nil, err
	}
	g.firstSwitches(ctx)
	g.work(context.WithoutCancel(ctx), config.StatisticsInterval)
	return g, nil
}

// declare tells the book what there is to connect to.
func (g *Gateway) declare(ctx context.Context, config Config) error {
	for _, server := range config.Servers {
		if err := g.declareServer(ctx, config, server); err != nil {
			return err
		}
	}
	for _, s := range g.services {
		if err := g.book.DeclareService(ctx, s.declared()); err != nil {
			return fmt.Errorf("declare service %s: %w", s.Name, err)
		}
	}
	return nil
}

func (g *Gateway) declareServer(ctx context.Context, config Config, server Server) error {
	host, port, err := server.split()
	if err != nil {
		return err
	}
	e := events.ServerDeclared{Name: server.Name, Address: host, Port: port, Protocol: config.protocolOf(server.Name)}
	if err := g.book.DeclareServer(ctx, e); err != nil {
		return fmt.Errorf("declare server %s: %w", server.Name, err)
	}
	return nil
}

// run starts a goroutine of the gateway that does one task until ctx ends.
func (g *Gateway) run(ctx context.Context, task string, do func()) {
	g.workers.Go(func() { g.keep(ctx, task, do) })
}

// work starts the gateway's goroutines.
func (g *Gateway) work(ctx context.Context, interval time.Duration) {
	running, retire := context.WithCancel(ctx)
	recording, abandon := context.WithCancel(ctx)
	g.retire, g.abandon = retire, abandon
	for _, s := range g.services {
		for _, listener := range s.listeners {
			g.run(running, "accept clients", func() { g.accept(running, recording, s, listener) })
		}
	}
	g.run(running, "collect statistics", func() { g.statistics.run(running, interval) })
	g.run(running, "watch kills", func() { g.watchKills(running) })
	g.run(running, "watch idle sessions", func() { g.watchIdle(running) })
	g.run(running, "record the state of servers", func() {
		g.fleet.run(running, func(err error) { g.log.Error().Err(err).Msg("cannot record the state of servers") })
	})
	if g.recording == RecordBestEffort {
		g.run(running, "record gaps", func() { g.watchGap(running) })
	}
	if board, ok := g.book.(Switchboard); ok {
		g.run(running, "watch switched services", func() { g.watchSwitches(running, board) })
	}
}

// Addresses are where a service listens; nil when there is no such service.
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

// killPause is how long the gateway rests when the book does not tell it of kills.
const killPause = time.Second

// watchKills ends the sessions that somebody wants ended, until ctx ends.
func (g *Gateway) watchKills(ctx context.Context) {
	for ctx.Err() == nil {
		ids, err := g.book.Kills(ctx)
		for _, id := range ids {
			if s := g.roster.wanted(id); s != nil {
				_ = s.guard(func() error { s.stop(events.ReasonKilled); return nil })
			}
		}
		if err != nil && ctx.Err() == nil {
			g.log.Error().Err(err).Msg("cannot hear of kills")
			pause(ctx, killPause)
		}
	}
}

// Close stops accepting, ends all sessions with reason shutdown, waits until that
// is recorded, and stops the book. When ctx ends first it gives up recording, and
// still waits for all goroutines. It must be called once.
func (g *Gateway) Close(ctx context.Context) error {
	defer g.abandon()
	g.retire()
	g.closeListeners()
	g.workers.Wait() // no session begins after this
	for _, s := range g.roster.all() {
		_ = s.guard(func() error { s.stop(events.ReasonShutdown); return nil })
	}
	ended := make(chan struct{})
	go func() {
		g.sessions.Wait()
		close(ended)
	}()
	var late error
	select {
	case <-ended:
	case <-ctx.Done():
		late = fmt.Errorf("record the end of all sessions: %w", ctx.Err())
		g.abandon()
		<-ended
	}
	if err := g.guard("record gaps", func() error { return g.gap.record(ctx, g.book) }); err != nil {
		g.log.Error().Err(err).Msg("cannot record what was not recorded")
	}
	if err := g.guard("stop the book", func() error { return g.book.Stop(ctx) }); err != nil {
		return errors.Join(late, fmt.Errorf("stop the book: %w", err))
	}
	return late
}

func (g *Gateway) closeListeners() {
	for _, s := range g.services {
		s.close()
	}
}
