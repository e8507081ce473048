package httpd

import (
	"context"
	"errors"

	"gatebook"
	"gatebook/events"
	"gatebook/projection"
)

// enter brings a connection into the book before its first request is answered,
// and shows its counters at the later ones. user is the account that asks, "" while
// there are none. When the log takes no records the request is answered all the
// same, and the next one tries again.
func (d *frontDoor) enter(ctx context.Context, c *conn, user string) {
	if d.source == nil {
		return
	}
	id := c.session()
	if id == 0 {
		c.entering.Lock()
		defer c.entering.Unlock()
		if id = c.session(); id == 0 {
			if id = d.open(ctx, c, user); id == 0 {
				return
			}
		}
	}
	if !c.isOf(user) {
		d.ready(ctx, c, id, user)
	}
	now := int64(events.TimeOf(d.now()))
	if now-c.observed.Load() < observeInterval {
		return
	}
	c.observed.Store(now)
	f := c.final()
	d.source.Observe([]gatebook.Sample{{Session: id, Counters: f.Counters, Active: f.Active}})
}

// open records that a connection came, and returns its session, 0 when that could
// not be recorded.
func (d *frontDoor) open(ctx context.Context, c *conn, user string) uint64 {
	ctx, stop := context.WithTimeout(ctx, recordLimit)
	defer stop()
	client := c.client()
	e := events.SessionOpened{
		Service: doorService, Protocol: doorProtocol, Listener: c.LocalAddr().String(),
		Address: client.Addr().String(), Port: client.Port(),
	}
	if version := c.tls.Load(); version != nil {
		e.TLS = *version
	}
	id, err := d.source.Open(ctx, e)
	if d.note(err); err != nil {
		return 0
	}
	d.mu.Lock()
	d.sessions[id] = c
	d.mu.Unlock()
	c.mu.Lock()
	c.id = id
	c.mu.Unlock()
	d.ready(ctx, c, id, user)
	// A kill that came before the connection was known here found nobody.
	if v, _, err := d.registry.Session(id); err == nil && v.Status == projection.Live && v.Stage == projection.Stopping {
		c.kill()
	}
	return id
}

// ready records whose a session is.
func (d *frontDoor) ready(ctx context.Context, c *conn, id uint64, user string) {
	err := d.source.Record(ctx, id, &events.SessionReady{User: user})
	if err == nil {
		c.belongsTo(user)
	}
	if !endedOtherwise(err) {
		d.note(err)
	}
}

// leave records that a connection is gone. It is called once for each.
func (d *frontDoor) leave(c *conn) {
	id := c.session()
	if id == 0 {
		return
	}
	d.mu.Lock()
	closing := d.closing
	d.mu.Unlock()
	ctx, stop := context.WithTimeout(context.Background(), recordLimit)
	defer stop()
	e := events.SessionClosed{Reason: c.reason(closing), Finals: []events.Final{c.final()}}
	if e.Reason == events.ReasonAuthFailed {
		e.Description = barred
	}
	held, err := d.source.End(ctx, id, e)
	switch {
	case held:
		d.note(errHeld)
	case !endedOtherwise(err):
		d.note(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.sessions, id)
	if len(d.sessions) == 0 && d.empty != nil {
		close(d.empty)
		d.empty = nil
	}
}

// errHeld: the log takes no records, and the registry keeps an end until it does.
var errHeld = errors.New("the log takes no records")

// endedOtherwise tells whether a session was ended in the book before its
// connection was: with its source.
func endedOtherwise(err error) bool {
	_, refused := errors.AsType[*gatebook.RefusedError](err)
	return refused || errors.Is(err, gatebook.ErrSourceStopped)
}

// note logs that recording has begun to fail, or works again: once per episode.
func (d *frontDoor) note(err error) {
	if errors.Is(err, context.Canceled) {
		return // the client did not wait
	}
	d.mu.Lock()
	before := d.failing
	d.failing = err != nil
	d.mu.Unlock()
	switch {
	case err != nil && !before:
		d.log.Warn().Err(err).Msg("the API's clients cannot be recorded; they are answered all the same")
	case err == nil && before:
		d.log.Info().Msg("the API's clients are recorded again")
	}
}
