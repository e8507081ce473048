package httpd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"gatebook"
	"gatebook/events"
	"gatebook/events/wire"
	"gatebook/httpd/access"
	"gatebook/httpd/clients"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
	"gatebook/projection"
)

// killer ends sessions.
type killer interface {
	Kill(ctx context.Context, id uint64, q gatebook.Request) (projection.View, error)
	ScheduleKill(ctx context.Context, id uint64, due time.Time, q gatebook.Request) error
	WithdrawKill(ctx context.Context, id uint64, q gatebook.Request) error
	KillAll(ctx context.Context, ids []uint64, q gatebook.Request) (gatebook.Killed, error)
}

// kills ends sessions, one or all of a service.
type kills struct {
	killer  killer
	reader  sessionReader
	catalog catalog
	answers *answers
	// wait is how long a request waits for sessions to be closed.
	wait     time.Duration
	resource *render.Resource[gatebook.Killed]
	session  render.Shape[projection.View] // of a session that has not ended yet
}

func newKills(k killer, read sessionReader, things catalog, to *answers, wait time.Duration) *kills {
	return &kills{
		killer: k, reader: read, catalog: things, answers: to, wait: wait,
		resource: killedResource(), session: sessionResource().Usual,
	}
}

// one ends the session that the path names, now or later, or withdraws that it is to end.
// It answers that the session is closed only when that is recorded, and otherwise shows
// the session as it is.
func (k *kills) one(c *gin.Context) error {
	p, err := params.Parse(c.Request.URL.RawQuery, params.Reason, params.TTL, params.Cancel)
	if err != nil {
		return err
	}
	id, err := sessionID(c)
	if err != nil {
		return err
	}
	why, err := reasonOf(p)
	if err != nil {
		return err
	}
	q, own := gatebook.Request{By: access.Actor(c.Request), Why: why, Only: k.answers.preconditions(c.Request)}, clients.Of(c.Request)
	ctx, stop := context.WithTimeout(c.Request.Context(), k.wait)
	defer stop()
	switch {
	case p.Cancel:
		err = k.killer.WithdrawKill(ctx, id, q)
	case p.Timed && p.TTL > 0:
		err = k.killer.ScheduleKill(ctx, id, k.answers.present.Now().Add(p.TTL), q)
	case own != nil && own.Session() == id:
		if err = k.own(ctx, c, own, q); err == nil {
			return k.answers.empty(c, http.StatusNoContent)
		}
	default:
		_, err = k.killer.Kill(ctx, id, q)
	}
	if errors.Is(err, gatebook.ErrNotFound) {
		return notFound("Session", c.Param("id"))
	}
	if err != nil {
		return err
	}
	return k.answer(c, id, p)
}

// reasonOf returns the reason that a request gives, cut to what is kept of it.
func reasonOf(p params.Parameters) (string, error) {
	why, err := p.Why()
	return wire.CleanText(why, wire.TextLimit), err
}

// answer answers with nothing for a session whose end is recorded, or was withdrawn, and with
// the session otherwise: it is live, or it was lost and nobody has closed it.
func (k *kills) answer(c *gin.Context, id uint64, p params.Parameters) error {
	v, m, err := k.reader.Session(id)
	if err != nil {
		return err
	}
	if v.Status == projection.Closed || p.Cancel {
		if left, ok := gatebook.LeftWorkOf(v.Session); ok {
			c.Header("Gatebook-Left-Running", fmt.Sprintf("%s %d", url.PathEscape(projection.NameKey(left.Server)), left.Connection))
		}
		return k.answers.empty(c, http.StatusNoContent)
	}
	a := k.answers.begin(c, m, p)
	defer a.Release()
	return render.Object(a, http.StatusAccepted, k.session, v)
}

// own ends the session of the connection that carries the request. The connection is
// closed after the answer.
func (k *kills) own(ctx context.Context, c *gin.Context, own *clients.Conn, q gatebook.Request) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	own.Hold(stop)
	if _, err := k.killer.Kill(ctx, own.Session(), q); err != nil {
		own.Release()
		return err
	}
	own.CloseAfterAnswer()
	c.Header("Connection", "close")
	return nil
}

// ofService ends all sessions of the service that the path names, except that of the
// connection that carries the request.
func (k *kills) ofService(c *gin.Context) error {
	p, err := params.Parse(c.Request.URL.RawQuery, params.Reason, params.DryRun)
	if err != nil {
		return err
	}
	name, err := pathName(c)
	if err != nil {
		return err
	}
	why, err := reasonOf(p)
	if err != nil {
		return err
	}
	ids, m, err := k.live(c.Request.Context(), name)
	if err != nil {
		return missing("Service", name, err)
	}
	if asked := render.ConditionsOf(c.Request.Header); asked != nil {
		if err := asked.AllowChange(k.answers.restored.of(validatorsOfAll(m, false))); err != nil {
			return err
		}
	}
	if own := clients.Of(c.Request); own != nil {
		ids = slices.DeleteFunc(ids, func(id uint64) bool { return id == own.Session() })
	}
	result := gatebook.Killed{Pending: len(ids)}
	if !p.DryRun {
		ctx, stop := context.WithTimeout(c.Request.Context(), k.wait)
		defer stop()
		if result, err = k.killer.KillAll(ctx, ids, gatebook.Request{By: access.Actor(c.Request), Why: why}); err != nil {
			return partlyKilled(err, result, len(ids))
		}
	}
	a := k.answers.begin(c, k.answers.present.Moment(), p)
	defer a.Release()
	return render.Object(a, http.StatusOK, k.resource.Usual, result)
}

// live returns the ids of the live sessions of a service, in ascending order, and the
// moment they are of. Errors: [gatebook.ErrNotFound] when there is no such service.
func (k *kills) live(ctx context.Context, service string) ([]uint64, projection.Moment, error) {
	if _, m, err := k.catalog.Service(service); err != nil {
		return nil, m, err
	}
	found, err := k.reader.SessionsContext(ctx, gatebook.Query{Live: true, Filter: projection.Filter{Services: []string{service}}})
	if err != nil {
		return nil, projection.Moment{}, err
	}
	var ids []uint64
	for v, err := range found.All() {
		if err != nil {
			return nil, found.Moment, err
		}
		ids = append(ids, v.ID)
	}
	return ids, found.Moment, nil
}

// partlyKilled returns the failure of a request that failed after the end of some sessions
// was requested. Its description has their number.
func partlyKilled(err error, result gatebook.Killed, all int) error {
	asked := result.Closed + result.Pending
	if asked == 0 {
		return err
	}
	f := *failureOf(err)
	f.Description = fmt.Sprintf("%s Of %d sessions %d were asked to end before that, and will.", f.Description, all, asked)
	return &f
}

// killedResource describes how many sessions of a request have ended, and what servers may still
// do for them.
func killedResource() *render.Resource[gatebook.Killed] {
	left := render.NewResource([]render.Member[gatebook.LeftWork]{
		{Name: "session", Value: render.Number(func(l gatebook.LeftWork) uint64 { return l.Session })},
		{Name: "server", Value: render.Link(serversFolder, func(l gatebook.LeftWork) string { return l.Server })},
		{Name: "connection_id", Value: render.Number(func(l gatebook.LeftWork) uint64 { return l.Connection })},
	})
	return render.NewResource([]render.Member[gatebook.Killed]{
		{Name: "closed", Value: render.Number(func(k gatebook.Killed) uint64 { return uint64(k.Closed) })},
		{Name: "pending", Value: render.Number(func(k gatebook.Killed) uint64 { return uint64(k.Pending) })},
		{Name: "left_running", Value: render.Objects(left.Usual, func(k gatebook.Killed) []gatebook.LeftWork { return k.LeftWork })},
	})
}

// preconditions returns the conditions of a request that changes something. The registry
// checks them when it decides.
func (s *answers) preconditions(r *http.Request) []gatebook.Condition {
	asked := render.ConditionsOf(r.Header)
	if asked == nil {
		return nil
	}
	return []gatebook.Condition{func(version uint64, modified time.Time) error {
		return asked.AllowChange(s.restored.of(render.Validators{Version: version, Modified: events.TimeOf(modified)}))
	}}
}
