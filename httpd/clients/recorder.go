package clients

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"gatebook"
	"gatebook/events"
)

const (
	// ownService is the service that the API's own clients are sessions of.
	ownService  = "gatebook"
	ownProtocol = "http"
	// recordTimeout is how long a connection waits for the log to take a record.
	recordTimeout = 5 * time.Second
	// observeInterval is how often a connection's counters are shown at most.
	observeInterval = time.Second
)

// Source records the API's own client connections. [gatebook.Source] is one.
type Source interface {
	DeclareService(ctx context.Context, e events.ServiceDeclared) error
	Open(ctx context.Context, e events.SessionOpened) (uint64, error)
	Record(ctx context.Context, id uint64, list ...events.Event) error
	// End records the end of a session. It reports held when the log takes no records, and
	// the end is kept in memory until it does.
	End(ctx context.Context, id uint64, e events.SessionClosed) (held bool, err error)
	Observe(samples []gatebook.Sample)
	// Kills blocks until the end of sessions is requested, and returns their ids.
	Kills(ctx context.Context) ([]uint64, error)
}

// Options says how connections are bounded and recorded.
type Options struct {
	// Most bounds how many connections are open, MostPerAddress how many from one address.
	Most, MostPerAddress int
	// Source records connections; nil records none.
	Source Source
	// IsStopping reports whether the end of a live session is requested.
	IsStopping func(session uint64) bool
	// Now is the registry's clock.
	Now    func() time.Time
	Logger zerolog.Logger
	// Unread is called when a connection has closed on which net/http has read a request
	// that no handler has seen.
	Unread func(c *Conn)
	// TurnedAway is called for each client for whose connection there is no room.
	TurnedAway func(remote net.Addr, plain bool)
}

// Recorder records the connections of the API's own clients as sessions, and closes
// those whose end is requested. Its methods are safe for concurrent use.
type Recorder struct {
	source     Source // nil when connections are not recorded
	isStopping func(session uint64) bool
	now        func() time.Time
	log        zerolog.Logger
	unread     func(c *Conn)
	turnedAway func(remote net.Addr, plain bool)

	limiter *connLimiter
	conns   *connSet
	failed  *failedLogins
	kills   *killFollower // nil when connections are not recorded
	// failing is set while the last attempt to record failed.
	failing atomic.Bool
}

// NewRecorder returns a recorder. It does nothing until [Recorder.Listen].
func NewRecorder(o Options) *Recorder {
	r := &Recorder{
		source: o.Source, isStopping: o.IsStopping, now: o.Now, log: o.Logger, unread: o.Unread, turnedAway: o.TurnedAway,
		limiter: newConnLimiter(o.Most, o.MostPerAddress), conns: newConnSet(), failed: newFailedLogins(o.Now),
	}
	if r.source != nil {
		r.kills = &killFollower{source: r.source, conns: r.conns, log: r.log}
	}
	return r
}

// Listen returns a listener whose connections are counted and recorded. It declares the
// service with that listener besides earlier ones, and begins to follow kills. s is nil where
// no TLS is spoken.
func (r *Recorder) Listen(l net.Listener, s *Security) net.Listener {
	if r.source != nil && !r.conns.isClosing() {
		e := events.ServiceDeclared{Name: ownService, Protocol: ownProtocol, Listeners: r.kills.start(l.Addr().String())}
		ctx, stop := context.WithTimeout(context.Background(), recordTimeout)
		defer stop()
		r.note(r.source.DeclareService(ctx, e))
	}
	return listener{Listener: l, recorder: r, security: s}
}

// ConnState notes that net/http has changed the state of a connection. It is the hook
// [http.Server.ConnState].
func (r *Recorder) ConnState(nc net.Conn, state http.ConnState) {
	c := countedOf(nc)
	if c == nil {
		return
	}
	NoteState(nc, state)
	switch state {
	case http.StateNew:
		r.conns.add(c)
	case http.StateClosed, http.StateHijacked:
		r.conns.remove(c)
		if c.unread.Load() {
			r.unread(c)
		}
		r.leave(c)
	}
}

// makeRoom closes an idle connection of the address that has the most of those with any, if
// that has more than the given one: clients that keep connections without using them do not
// keep others out. It reports whether it has closed one.
func (r *Recorder) makeRoom(from netip.Addr) bool {
	if !r.limiter.isFull(from) {
		return false
	}
	var chosen *Conn
	most := r.limiter.count(from) + 1
	for _, c := range r.conns.all() {
		if n := r.limiter.count(c.client().Addr()); n > most && c.idle.Load() {
			chosen, most = c, n
		}
	}
	if chosen == nil {
		return false
	}
	chosen.end.CompareAndSwap(0, uint32(events.ReasonLimit))
	chosen.Close()
	return true
}

// Close closes the connections that have sent nothing yet, and new ones as they come.
func (r *Recorder) Close() { r.conns.close() }

// Wait blocks until the end of every session is recorded, or returns the error of ctx when
// that ends first. It stops following kills either way.
func (r *Recorder) Wait(ctx context.Context) error {
	err := r.conns.waitEnded(ctx)
	if r.kills != nil {
		r.kills.end()
	}
	return err
}

// Enter records a connection before its first request is answered, and shows its counters
// at later requests. user is the account of the request, "" while there are no accounts.
// When the log takes no records the request is answered all the same, and the next one
// tries again.
func (r *Recorder) Enter(ctx context.Context, c *Conn, user string) {
	if r.source == nil {
		return
	}
	id := c.Session()
	if id == 0 {
		c.entering.Lock()
		defer c.entering.Unlock()
		if id = c.Session(); id == 0 {
			if id = r.open(ctx, c, user); id == 0 {
				return
			}
		}
	}
	if !c.isOf(user) {
		r.ready(ctx, c, id, user)
	}
	now := int64(events.TimeOf(r.now()))
	if now-c.observed.Load() < observeInterval.Microseconds() {
		return
	}
	c.observed.Store(now)
	f := c.final()
	r.source.Observe([]gatebook.Sample{{Session: id, Counters: f.Counters, Active: f.Active}})
}

// open records that a connection was opened, and returns its session, 0 when that could
// not be recorded.
func (r *Recorder) open(ctx context.Context, c *Conn, user string) uint64 {
	ctx, stop := context.WithTimeout(ctx, recordTimeout)
	defer stop()
	client := c.client()
	e := events.SessionOpened{
		Service: ownService, Protocol: ownProtocol, Listener: c.LocalAddr().String(),
		Address: client.Addr().String(), Port: client.Port(),
	}
	if version := c.tls.Load(); version != nil {
		e.TLS = *version
	}
	id, err := r.source.Open(ctx, e)
	if r.note(err); err != nil {
		return 0
	}
	r.conns.opened(id, c)
	c.setSession(id)
	r.ready(ctx, c, id, user)
	// A kill that was requested before opened found no connection.
	if r.isStopping(id) {
		c.kill()
	}
	return id
}

// ready records the account that a session is of.
func (r *Recorder) ready(ctx context.Context, c *Conn, id uint64, user string) {
	err := r.source.Record(ctx, id, &events.SessionReady{User: user})
	if err == nil {
		c.setUser(user)
	}
	if !endedOtherwise(err) {
		r.note(err)
	}
}

// leave records the end of a connection. It is called once for each.
func (r *Recorder) leave(c *Conn) {
	id := c.Session()
	if id == 0 {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), recordTimeout)
	defer stop()
	e := events.SessionClosed{Reason: c.reason(r.conns.isClosing()), Finals: []events.Final{c.final()}}
	if e.Reason == events.ReasonAuthFailed {
		e.Description = revokedDescription
	}
	r.end(ctx, id, e)
	r.conns.ended(id)
}

// end records the end of a session.
func (r *Recorder) end(ctx context.Context, id uint64, e events.SessionClosed) {
	held, err := r.source.End(ctx, id, e)
	switch {
	case held:
		r.note(errHeld)
	case !endedOtherwise(err):
		r.note(err)
	}
}

// LoginFailed records a failed login, as a session that ended with it: at most one a minute,
// network and user, and a few a minute in all, with how many there were besides. c is nil
// when the request did not come through a listener; user is the name that was tried, "" with
// a token, and as describes the credentials.
func (r *Recorder) LoginFailed(ctx context.Context, client netip.Addr, c *Conn, user, as string) {
	if r.source == nil {
		return
	}
	counted, due := r.failed.count(client, user)
	if !due {
		return
	}
	ctx, stop := context.WithTimeout(ctx, recordTimeout)
	defer stop()
	e := events.SessionOpened{Service: ownService, Protocol: ownProtocol, Address: client.String()}
	if c != nil {
		e.Listener, e.Port = c.LocalAddr().String(), c.client().Port()
	}
	id, err := r.source.Open(ctx, e)
	if r.note(err); err != nil {
		return
	}
	description := "login " + as + " failed"
	if counted.more > 0 {
		description += fmt.Sprintf("; %d more from this address since the last record", counted.more)
	}
	if counted.others > 0 {
		description += fmt.Sprintf("; %d others failed that have no record", counted.others)
	}
	r.end(ctx, id, events.SessionClosed{Reason: events.ReasonAuthFailed, User: user, Description: description})
}

// errHeld stands for an end that the registry keeps in memory until the log takes records.
var errHeld = errors.New("the log takes no records")

// endedOtherwise reports whether a session could not be changed because it had ended
// before its connection, with its source.
func endedOtherwise(err error) bool {
	_, refused := errors.AsType[*gatebook.RefusedError](err)
	return refused || errors.Is(err, gatebook.ErrSourceStopped)
}

// note logs that recording has begun to fail, or works again: once per episode.
func (r *Recorder) note(err error) {
	if errors.Is(err, context.Canceled) {
		return // the client did not wait
	}
	switch before := r.failing.Swap(err != nil); {
	case err != nil && !before:
		r.log.Warn().Err(err).Msg("the API's clients cannot be recorded; they are answered all the same")
	case err == nil && before:
		r.log.Info().Msg("the API's clients are recorded again")
	}
}
