package httpd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"gatebook/projection"

	"github.com/gin-gonic/gin"

	"gatebook"
)

// closeSession ends the session that the path names, now or later, or takes back
// that it is to end. It answers that it is closed only when that is on the record,
// and otherwise shows the session as it is.
func (s *Server) closeSession(c *gin.Context) error {
	p, err := parse(c.Request.URL.RawQuery, paramReason, paramTTL, paramCancel)
	if err != nil {
		return err
	}
	id, err := sessionID(c)
	if err != nil {
		return err
	}
	why, err := p.why()
	if err != nil {
		return err
	}
	q, own := gatebook.Request{By: actor(c.Request), Why: why, Only: only(c.Request)}, connOf(c.Request)
	ctx, stop := context.WithTimeout(c.Request.Context(), s.killWait)
	defer stop()
	switch {
	case p.cancel:
		err = s.registry.WithdrawKill(ctx, id, q)
	case p.timed && p.ttl > 0:
		err = s.registry.ScheduleKill(ctx, id, s.registry.Now().Add(p.ttl), q)
	case own != nil && own.session() == id:
		if err = s.closeOwn(ctx, c, own, q); err == nil {
			return s.done(c)
		}
	default:
		_, err = s.registry.Kill(ctx, id, q)
	}
	if errors.Is(err, gatebook.ErrNotFound) {
		return notFound("Session", c.Param("id"))
	}
	if err != nil {
		return err
	}
	return s.answerKill(c, id, p)
}

// answerKill tells how far a session is that was asked to end.
func (s *Server) answerKill(c *gin.Context, id uint64, p parameters) error {
	v, m, err := s.registry.Session(id)
	if err != nil {
		return err
	}
	if hasEnded(v) || p.cancel {
		return s.done(c)
	}
	a := s.answer(c, m, p)
	defer a.release()
	return object(a, http.StatusAccepted, s.sessions.usual, v)
}

// done answers that what was asked for is so, with nothing to add.
func (s *Server) done(c *gin.Context) error {
	stamp(c, s.registry.Moment().Sequence)
	c.Status(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
	return nil
}

// closeOwn ends the session of the connection that carries the request, once it
// has been answered.
func (s *Server) closeOwn(ctx context.Context, c *gin.Context, own *conn, q gatebook.Request) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	own.hold(stop)
	if _, err := s.registry.Kill(ctx, own.session(), q); err != nil {
		own.release()
		return err
	}
	own.closeAfterAnswer()
	c.Header("Connection", "close")
	return nil
}

// closeServiceSessions ends all sessions of the service that the path names but that
// of the connection that carries the request.
func (s *Server) closeServiceSessions(c *gin.Context) error {
	p, err := parse(c.Request.URL.RawQuery, paramReason, paramDryRun)
	if err != nil {
		return err
	}
	name, err := pathName(c)
	if err != nil {
		return err
	}
	why, err := p.why()
	if err != nil {
		return err
	}
	ids, m, err := s.liveSessions(name)
	if err != nil {
		return missing("Service", name, err)
	}
	if asked := conditionsOf(c.Request); asked != nil {
		if err := asked.allowChange(validatorsOfAll(m, false)); err != nil {
			return err
		}
	}
	if own := connOf(c.Request); own != nil {
		ids = slices.DeleteFunc(ids, func(id uint64) bool { return id == own.session() })
	}
	result := gatebook.Killed{Pending: len(ids)}
	if !p.dryRun {
		ctx, stop := context.WithTimeout(c.Request.Context(), s.killWait)
		defer stop()
		if result, err = s.registry.KillAll(ctx, ids, gatebook.Request{By: actor(c.Request), Why: why}); err != nil {
			return partlyKilled(err, result, len(ids))
		}
	}
	a := s.answer(c, s.registry.Moment(), p)
	defer a.release()
	return object(a, http.StatusOK, s.killed.usual, result)
}

// liveSessions returns the ids of the live sessions of a service, in ascending order, and
// the moment they are of. [gatebook.ErrNotFound] when there is no such service.
func (s *Server) liveSessions(service string) ([]uint64, projection.Moment, error) {
	if _, m, err := s.registry.Service(service); err != nil {
		return nil, m, err
	}
	found, err := s.registry.Sessions(gatebook.Query{Live: true, Filter: projection.Filter{Services: []string{service}}})
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

// partlyKilled returns the failure of a request for the end of many sessions, which says
// for how many the request is recorded all the same.
func partlyKilled(err error, result gatebook.Killed, all int) error {
	asked := result.Closed + result.Pending
	if asked == 0 {
		return err
	}
	f := *failureOf(err)
	f.long = fmt.Sprintf("%s Of %d sessions %d were asked to end before that, and will.", f.long, all, asked)
	return &f
}

// killedResource describes how far sessions are that were asked to end together.
func killedResource() *resource[gatebook.Killed] {
	return newResource([]member[gatebook.Killed]{
		{name: "closed", value: number(func(k gatebook.Killed) uint64 { return uint64(k.Closed) })},
		{name: "pending", value: number(func(k gatebook.Killed) uint64 { return uint64(k.Pending) })},
	})
}
