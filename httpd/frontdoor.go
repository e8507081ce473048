package httpd

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"gatebook"
	"gatebook/events"
)

const (
	// doorService is the service that the API's own clients are sessions of.
	doorService  = "gatebook"
	doorProtocol = "http"
	// recordLimit is how long a connection waits for the log to take a record in.
	recordLimit = 5 * time.Second
	// observeInterval is how often a connection's counters are shown at most.
	observeInterval = second
)

// Source is what the front door reports to. [gatebook.Source] is one.
type Source interface {
	DeclareService(ctx context.Context, e events.ServiceDeclared) error
	Open(ctx context.Context, e events.SessionOpened) (uint64, error)
	Record(ctx context.Context, id uint64, list ...events.Event) error
	// End records how a session ended. held tells that the log takes nothing, and
	// that the end is kept until it does.
	End(ctx context.Context, id uint64, e events.SessionClosed) (held bool, err error)
	Observe(samples []gatebook.Sample)
	// Kills waits for sessions whose end is asked for.
	Kills(ctx context.Context) ([]uint64, error)
}

// frontDoor keeps the book of the API's own clients, and knows their connections.
type frontDoor struct {
	source   Source // nil when they are not recorded
	registry Registry
	now      func() time.Time
	log      zerolog.Logger
	accessed *accessLog

	// mu guards the fields below.
	mu        sync.Mutex
	conns     map[*conn]struct{}
	sessions  map[uint64]*conn // those in the book, until their end is recorded
	listeners []string
	closing   bool
	empty     chan struct{}      // not nil: closed when sessions gets empty
	stop      context.CancelFunc // ends the goroutine of kills; nil when there is none
	stopped   chan struct{}      // closed when it has ended
	failing   bool               // the last attempt to record failed
	refused   map[netip.Addr]refusals
}

func newFrontDoor(c Config) *frontDoor {
	d := &frontDoor{
		registry: c.Registry, now: c.Registry.Now, log: c.Logger, accessed: newAccessLog(c),
		conns: make(map[*conn]struct{}), sessions: make(map[uint64]*conn),
		refused: make(map[netip.Addr]refusals),
	}
	if c.RecordAdmin {
		d.source = c.Source
	}
	return d
}

// start declares the service with one more listener, and begins to follow kills.
func (d *frontDoor) start(address net.Addr) {
	if d.source == nil {
		return
	}
	d.mu.Lock()
	if d.closing {
		d.mu.Unlock()
		return
	}
	d.listeners = append(d.listeners, address.String())
	e := events.ServiceDeclared{Name: doorService, Protocol: doorProtocol, Listeners: append([]string(nil), d.listeners...)}
	if d.stop == nil {
		ctx, stop := context.WithCancel(context.Background())
		d.stop, d.stopped = stop, make(chan struct{})
		go d.followKills(ctx)
	}
	d.mu.Unlock()
	ctx, stop := context.WithTimeout(context.Background(), recordLimit)
	defer stop()
	d.note(d.source.DeclareService(ctx, e))
}

// followKills closes connections whose end is asked for, until ctx ends.
func (d *frontDoor) followKills(ctx context.Context) {
	defer close(d.stopped)
	for {
		ids, err := d.source.Kills(ctx)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, gatebook.ErrSourceStopped) {
				d.log.Error().Err(err).Msg("follow the kills of the API's clients")
			}
			return
		}
		for _, id := range ids {
			d.mu.Lock()
			c := d.sessions[id]
			d.mu.Unlock()
			if c != nil {
				c.kill()
			}
		}
	}
}

// follow hears from net/http how far a connection is.
func (d *frontDoor) follow(nc net.Conn, state http.ConnState) {
	c := countedOf(nc)
	if c == nil {
		return
	}
	switch state {
	case http.StateNew:
		d.mu.Lock()
		d.conns[c] = struct{}{}
		closing := d.closing
		d.mu.Unlock()
		if closing {
			c.Close()
		}
	case http.StateActive:
		c.asked.Store(true)
		c.unread.Store(true)
		if secured, ok := nc.(*tls.Conn); ok {
			c.tls.CompareAndSwap(nil, new(tls.VersionName(secured.ConnectionState().Version)))
		}
	case http.StateClosed, http.StateHijacked:
		d.mu.Lock()
		delete(d.conns, c)
		d.mu.Unlock()
		if c.unread.Load() {
			d.accessed.unread(c)
		}
		d.leave(c)
	}
}

// close lets nobody in any more. A connection that has asked for nothing yet is
// closed: net/http would wait for it.
func (d *frontDoor) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closing = true
	for c := range d.conns {
		if !c.asked.Load() {
			c.Close()
		}
	}
}

// wait returns when the end of every session is recorded, or with the error of
// ctx. It ends the goroutine of kills either way.
func (d *frontDoor) wait(ctx context.Context) error {
	err := d.waitEmpty(ctx)
	d.mu.Lock()
	stop, stopped := d.stop, d.stopped
	d.mu.Unlock()
	if stop != nil {
		stop()
		<-stopped
	}
	return err
}

func (d *frontDoor) waitEmpty(ctx context.Context) error {
	d.mu.Lock()
	if len(d.sessions) == 0 {
		d.mu.Unlock()
		return nil
	}
	if d.empty == nil {
		d.empty = make(chan struct{})
	}
	empty := d.empty
	d.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
