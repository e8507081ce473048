package httpd

import (
	"errors"
	"net/http"
	"runtime/debug"
	"strconv"

	"github.com/gin-gonic/gin"
)

// adapt makes a handler one of Gin's. It is the one place where a request is let
// in, and where an error becomes an answer and is logged. json tells that the
// answer is JSON, which the client must take; allow is the path's Allow header,
// nil when the path is not known or the router has set it.
func (s *Server) adapt(allow []string, quiet, json bool, h handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		if allow != nil {
			c.Writer.Header()["Allow"] = allow
		}
		if err := s.attempt(c, quiet, json, h); err != nil {
			s.fail(c, err)
		}
	}
}

// attempt lets the request in and handles it. A panic becomes an error.
func (s *Server) attempt(c *gin.Context, quiet, json bool, h handler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{value: p, stack: debug.Stack()}
		}
	}()
	if own := connOf(c.Request); own != nil && !quiet {
		s.door.enter(c.Request.Context(), own)
	}
	if err := s.guard.check(c.Request); err != nil {
		return err
	}
	if json {
		if err := checkAccept(c.Request); err != nil {
			return err
		}
	}
	return h(c)
}

// fail answers with an error. When the answer has begun already nothing can be
// said any more, and the connection is cut so that the client notices.
func (s *Server) fail(c *gin.Context, err error) {
	if errors.Is(err, errGone) {
		panic(http.ErrAbortHandler)
	}
	f := failureOf(err)
	if f.status >= http.StatusInternalServerError || c.Writer.Written() {
		s.logFailure(c.Request, f, err)
	}
	if c.Writer.Written() {
		panic(http.ErrAbortHandler)
	}
	header := c.Writer.Header()
	header.Del(headerTotal)
	header["Content-Type"] = jsonType
	if header[headerSequence] == nil {
		stamp(c, s.registry.Moment().Sequence)
	}
	if f.retryAfter != "" {
		header.Set("Retry-After", f.retryAfter)
	}
	b := f.append(nil)
	header["Content-Length"] = []string{strconv.Itoa(len(b))}
	c.Status(f.status)
	if _, err := c.Writer.Write(b); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func (s *Server) logFailure(r *http.Request, f *failure, err error) {
	event := s.log.Warn()
	if f.status == http.StatusInternalServerError {
		event = s.log.Error()
	}
	if p, ok := errors.AsType[*panicError](err); ok {
		event = event.Bytes("stack", p.stack)
	}
	event.Err(err).Str("method", r.Method).Str("path", r.URL.Path).Str("remote", r.RemoteAddr).
		Int("status", f.status).Msg("request failed")
}

// append appends the body of the failure's answer.
func (f *failure) append(b []byte) []byte {
	b = appendString(append(b, `{"error":`...), f.short)
	b = appendString(append(b, `,"description":`...), f.long)
	return append(b, "}\n"...)
}
