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

	"gatebook/httpd/access"
	"gatebook/httpd/clients"
	"gatebook/httpd/render"
	"gatebook/httpd/telemetry"
)

// endpoint is a handler and what surrounds it.
type endpoint struct {
	handle handler
	access access.Level
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

// adapter lets requests in, and makes answers of errors. It is the one place where
// failures are answered and logged, but for those within a stream of reports.
type adapter struct {
	answers  *answers
	gate     *authenticator
	metrics  *telemetry.Metrics
	accessed *telemetry.AccessLog // nil when it is off
	log      zerolog.Logger
	// bodyTime is how long a body may take to come.
	bodyTime time.Duration
	// These are headers of every answer; never changed.
	vary       []string
	protection map[string][]string
}

// adapt returns the handler of an endpoint for Gin.
func (t *adapter) adapt(e endpoint) gin.HandlerFunc {
	if e.forms == nil {
		e.forms = []string{render.JSON}
	}
	return func(c *gin.Context) {
		began, cut := time.Now(), true
		defer func() {
			t.finished(c, time.Since(began), cut)
		}()
		if own := clients.Of(c.Request); own != nil {
			own.Handled()
		}
		header := c.Writer.Header()
		if e.allow != nil {
			header["Allow"] = e.allow
		}
		header["Vary"] = t.vary
		maps.Copy(header, t.protection)
		if err := t.attempt(c, e); err != nil {
			t.fail(c, err)
		}
		cut = false
	}
}

// attempt lets the request in and handles it. A panic becomes an error.
func (t *adapter) attempt(c *gin.Context, e endpoint) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{value: p, stack: debug.Stack()}
		}
	}()
	if own := clients.Of(c.Request); own != nil {
		defer own.Deactivate()
	}
	t.boundBody(c)
	if err := t.gate.admit(c, e); err != nil {
		return err
	}
	if err := access.CheckOverride(c.Request); err != nil {
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
func (t *adapter) fail(c *gin.Context, err error) {
	switch {
	case errors.Is(err, render.ErrClientGone):
		panic(http.ErrAbortHandler)
	case errors.Is(err, errNotModified):
		c.Status(http.StatusNotModified)
		c.Writer.WriteHeaderNow()
		return
	}
	f := failureOf(err)
	if c.Request.Method == http.MethodPost && c.FullPath() == eventsPath {
		t.metrics.ReportRefused(f.Status)
	}
	if f.Status >= http.StatusInternalServerError || c.Writer.Written() {
		logFailure(t.log, c.Request, f, err)
	}
	if c.Writer.Written() {
		panic(http.ErrAbortHandler)
	}
	header := c.Writer.Header()
	for _, name := range []string{headerTotal, "Etag", "Last-Modified", "Cache-Control"} {
		delete(header, name) // they are of the answer that did not come about
	}
	header["Content-Type"] = t.answers.contentType
	if header[headerSequence] == nil {
		stamp(c, t.answers.present.Moment().Sequence)
	}
	if f.Status == http.StatusUnauthorized {
		header["Www-Authenticate"] = []string{`Basic realm="gatebook", charset="UTF-8"`, `Bearer realm="gatebook"`}
	}
	if f.RetryAfter != "" {
		header.Set("Retry-After", f.RetryAfter)
	}
	b := f.AppendJSON(nil)
	header["Content-Length"] = []string{strconv.Itoa(len(b))}
	c.Status(f.Status)
	if _, err := c.Writer.Write(b); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// finished measures and logs a request that is over. cut is set when its answer did not
// reach its end.
func (t *adapter) finished(c *gin.Context, took time.Duration, cut bool) {
	t.metrics.Requested(c.FullPath(), c.Request.Method, c.Writer.Status(), took)
	if t.accessed == nil {
		return
	}
	x := telemetry.Exchange{
		Request: c.Request, Route: c.FullPath(), Status: c.Writer.Status(), Bytes: c.Writer.Size(), Took: took,
		Actor: access.Actor(c.Request), Cut: cut,
	}
	if own := clients.Of(c.Request); own != nil {
		x.Session = own.Session()
	}
	t.accessed.Handled(x)
}

// boundBody gives the client of a request with a body a time to send it in.
func (t *adapter) boundBody(c *gin.Context) {
	if c.Request.ContentLength != 0 {
		// It fails where there is no connection, as in a test of the handler alone.
		_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Now().Add(t.bodyTime))
	}
}
