package httpd

import (
	"github.com/gin-gonic/gin"

	"gatebook"
)

// switchService makes the handler that stops or starts the service that the path
// names. It answers when that is on the record; its source hears of it at once.
func (s *Server) switchService(stopped bool) handler {
	return func(c *gin.Context) error {
		if _, err := parse(c.Request.URL.RawQuery); err != nil {
			return err
		}
		name, err := pathName(c)
		if err != nil {
			return err
		}
		err = s.registry.SwitchService(c.Request.Context(), gatebook.Switch{Service: name, Stopped: stopped},
			gatebook.Request{By: actor(c.Request), Only: only(c.Request)})
		if err != nil {
			return missing("Service", name, err)
		}
		return s.done(c)
	}
}
