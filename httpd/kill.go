package httpd

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

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
	by, conditions, own := actor(c.Request), only(c.Request), connOf(c.Request)
	ctx, stop := context.WithTimeout(c.Request.Context(), s.killWait)
	defer stop()
	switch {
	case p.cancel:
		err = s.registry.WithdrawKill(ctx, id, by, why, conditions...)
	case p.timed && p.ttl > 0:
		err = s.registry.ScheduleKill(ctx, id, s.registry.Now().Add(p.ttl), by, why, conditions...)
	case own != nil && own.session() == id:
		if err = s.closeOwn(ctx, c, own, why); err == nil {
			return s.done(c)
		}
	default:
		_, err = s.registry.Kill(ctx, id, by, why, conditions...)
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
func (s *Server) closeOwn(ctx context.Context, c *gin.Context, own *conn, why string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	own.hold(stop)
	if _, err := s.registry.Kill(ctx, own.session(), actor(c.Request), why, only(c.Request)...); err != nil {
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
	ids, m, err := s.registry.LiveSessions(name)
	if errors.Is(err, gatebook.ErrNotFound) {
		return notFound("Service", strconv.Quote(name))
	}
	if err != nil {
		return err
	}
	if asked := conditionsOf(c.Request); asked != nil {
		if err := asked.allowChange(validatorsOfAll(m, false)); err != nil {
			return err
		}
	}
	if own := connOf(c.Request); own != nil {
		ids = slices.DeleteFunc(ids, func(id uint64) bool { return id == own.session() })
	}
	result := killed{pending: len(ids)}
	if !p.dryRun {
		ctx, stop := context.WithTimeout(c.Request.Context(), s.killWait)
		defer stop()
		if result.closed, result.pending, err = s.registry.KillAll(ctx, ids, actor(c.Request), why); err != nil {
			return err
		}
	}
	a := s.answer(c, s.registry.Moment(), p)
	defer a.release()
	return object(a, http.StatusOK, s.killed.usual, result)
}

// killed tells how far sessions are that were asked to end together.
type killed struct{ closed, pending int }

// killedResource describes that.
func killedResource() *resource[killed] {
	return newResource([]member[killed]{
		{name: "closed", value: number(func(k killed) uint64 { return uint64(k.closed) })},
		{name: "pending", value: number(func(k killed) uint64 { return uint64(k.pending) })},
	})
}
