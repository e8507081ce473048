package httpd

import (
	"errors"
	"maps"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/rs/zerolog"
)

// endpoint is a handler and what surrounds it.
type endpoint struct {
	handle handler
	access access
	// allow is the path's Allow header; nil when the path is not known, or the
	// router has set it.
	allow []string
	// quiet: the request opens no session in the book.
	quiet bool
	// forms are the media types that answers have, best first; nil for JSON alone.
	forms []string
	// anyType: the answer has no body, so that it does not matter what the client
	// accepts.
	anyType bool
}

// adapt makes an endpoint one of Gin's handlers. It is the one place where a
// request is let in, and where an error becomes an answer and is logged.
func (s *Server) adapt(e endpoint) gin.HandlerFunc {
	if e.forms == nil {
		e.forms = []string{contentJSON}
	}
	return func(c *gin.Context) {
		began, cut := time.Now(), true
		defer func() {
			took := time.Since(began)
			s.metrics.requested(c.FullPath(), c.Request.Method, c.Writer.Status(), took)
			s.accessed.handled(exchange{c: c, took: took, cut: cut})
		}()
		if own := connOf(c.Request); own != nil {
			own.unread.Store(false)
		}
		header := c.Writer.Header()
		if e.allow != nil {
			header["Allow"] = e.allow
		}
		header["Vary"] = s.vary
		maps.Copy(header, s.protection)
		if err := s.attempt(c, e); err != nil {
			s.fail(c, err)
		}
		cut = false
	}
}

// attempt lets the request in and handles it. A panic becomes an error.
func (s *Server) attempt(c *gin.Context, e endpoint) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{value: p, stack: debug.Stack()}
		}
	}()
	if own := connOf(c.Request); own != nil {
		defer own.active.Store(nil)
	}
	s.boundBody(c)
	if err := s.admit(c, e); err != nil {
		return err
	}
	if err := checkOverride(c.Request); err != nil {
		return err
	}
	if !e.anyType {
		if err := represent(c, e.forms); err != nil {
			return err
		}
	}
	return e.handle(c)
}

// fail answers with an error. When the answer has begun already nothing can be
// said any more, and the connection is cut so that the client notices.
func (s *Server) fail(c *gin.Context, err error) {
	switch {
	case errors.Is(err, errGone):
		panic(http.ErrAbortHandler)
	case errors.Is(err, errNotModified):
		c.Status(http.StatusNotModified)
		c.Writer.WriteHeaderNow()
		return
	}
	f := failureOf(err)
	s.metrics.failed(c, f.status)
	if f.status >= http.StatusInternalServerError || c.Writer.Written() {
		s.logFailure(c.Request, f, err)
	}
	if c.Writer.Written() {
		panic(http.ErrAbortHandler)
	}
	header := c.Writer.Header()
	for _, name := range []string{headerTotal, "Etag", "Last-Modified", "Cache-Control"} {
		delete(header, name) // they are of the answer that did not come about
	}
	header["Content-Type"] = s.contentType
	if header[headerSequence] == nil {
		stamp(c, s.registry.Moment().Sequence)
	}
	if f.status == http.StatusUnauthorized {
		header["Www-Authenticate"] = []string{`Basic realm="gatebook", charset="UTF-8"`, `Bearer realm="gatebook"`}
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
	level := zerolog.WarnLevel
	if f.status == http.StatusInternalServerError {
		level = zerolog.ErrorLevel
	}
	s.log.WithLevel(level).Err(err).
		Str("method", bounded(r.Method, loggedMethod)).Str("path", bounded(r.URL.EscapedPath(), loggedPath)).Str("remote", r.RemoteAddr).Int("status", f.status).
		Func(func(e *zerolog.Event) {
			if p, ok := errors.AsType[*panicError](err); ok {
				e.Bytes("stack", p.stack)
			}
		}).
		Msg("request failed")
}

// append appends the body of the failure's answer.
func (f *failure) append(b []byte) []byte {
	b = appendString(append(b, `{"error":`...), f.short)
	b = appendString(append(b, `,"description":`...), f.long)
	return append(b, "}\n"...)
}
