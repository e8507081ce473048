package httpd

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"gatebook"
)

// closeSession ends the session that the path names. It answers that it is closed
// only when that is on the record, and otherwise shows the session as it is.
func (s *Server) closeSession(c *gin.Context) error {
	p, err := parse(c.Request.URL.RawQuery, paramReason)
	if err != nil {
		return err
	}
	id, err := sessionID(c)
	if err != nil {
		return err
	}
	if own := connOf(c.Request); own != nil && own.session() == id {
		err = s.closeOwn(c, own, p.reason)
	} else {
		ctx, stop := context.WithTimeout(c.Request.Context(), s.killWait)
		defer stop()
		_, err = s.registry.Kill(ctx, id, actor(c.Request), p.reason, only(c.Request)...)
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
	if own := connOf(c.Request); hasEnded(v) || own != nil && own.session() == id {
		stamp(c, m.Sequence)
		c.Status(http.StatusNoContent)
		c.Writer.WriteHeaderNow()
		return nil
	}
	a := s.answer(c, m, p)
	defer a.release()
	return object(a, http.StatusAccepted, s.sessions.usual, v)
}

// closeOwn ends the session of the connection that carries the request, once it
// has been answered.
func (s *Server) closeOwn(c *gin.Context, own *conn, why string) error {
	ctx, stop := context.WithTimeout(c.Request.Context(), s.killWait)
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
