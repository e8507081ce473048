package httpd

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// statusResource describes how the process is.
func statusResource() *resource[string] {
	return newResource(members([]member[string]{
		{name: "status", value: text(func(v string) string { return v })},
	}, nil))
}

// health tells that the process answers.
func (s *Server) health(c *gin.Context) error { return s.tell(c, "ok") }

// ready tells whether events can be recorded.
func (s *Server) ready(c *gin.Context) error {
	if err := s.registry.Err(); err != nil {
		f := notRecording(err)
		if f == nil {
			return err
		}
		return &failure{status: http.StatusServiceUnavailable, short: "Not ready", long: f.long}
	}
	return s.tell(c, "ready")
}

func (s *Server) tell(c *gin.Context, status string) error {
	p, err := parse(c.Request.URL.RawQuery)
	if err != nil {
		return err
	}
	a := s.answer(c, s.registry.Moment(), p)
	defer a.release()
	return object(a, http.StatusOK, s.status.usual, status)
}

// root tells that there is an API here.
func (s *Server) root(c *gin.Context) error {
	if err := parseNone(c.Request.URL.RawQuery); err != nil {
		return err
	}
	stamp(c, s.registry.Moment().Sequence)
	c.Writer.Header()["Content-Length"] = []string{"0"}
	c.Status(http.StatusOK)
	c.Writer.WriteHeaderNow()
	return nil
}
