package httpd

import (
	"context"
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

// eventsPath is the path of the feed and of reports.
const eventsPath = "/events"

// handler answers a request, or returns the error that is the answer.
type handler func(c *gin.Context) error

// endpoint is a handler, with what the adapter has to know about its requests and answers.
type endpoint struct {
	handle handler
	access access.Level
	// allow is the value of the header Allow, nil when the path is not known or the router
	// has written it.
	allow []string
	// unrecorded requests do not have their connection recorded.
	unrecorded bool
	// forms are the media types that answers can have, best first; nil for JSON alone.
	forms []string
	// noBody is set when answers have no body, so that the header Accept does not matter.
	noBody bool
}

// gate lets requests in.
type gate interface {
	// admit returns an error unless the request is to be answered.
	admit(c *gin.Context, e endpoint) error
}

// adapter turns handlers into Gin's. It alone lets requests in, and answers and logs their
// errors, except those within a stream of reports. Its methods are safe for concurrent use.
type adapter struct {
	answers  *answers
	gate     gate
	metrics  *telemetry.Metrics
	accessed *telemetry.AccessLog // nil when it is off
	log      zerolog.Logger
	// bodyTime is how long a body may take to arrive.
	bodyTime time.Duration
	// vary and protection are headers of every answer. They are never changed.
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

// attempt lets the request in and handles it. It returns a panic as an error.
func (t *adapter) attempt(c *gin.Context, e endpoint) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{value: p, stack: debug.Stack()}
		}
	}()
	if own := clients.Of(c.Request); own != nil {
		defer own.Deactivate()
	}
	t.limitBody(c)
	if err := t.gate.admit(c, e); err != nil {
		return err
	}
	if err := access.CheckOverride(c.Request); err != nil {
		return err
	}
	if !e.noBody {
		if err := represent(c, e.forms); err != nil {
			return err
		}
	}
	return e.handle(c)
}

// fail answers with an error. When the answer has begun already, it cuts the connection, so
// that the client notices.
func (t *adapter) fail(c *gin.Context, err error) {
	switch {
	case errors.Is(err, render.ErrClientGone), c.Request.Context().Err() != nil && errors.Is(err, context.Canceled):
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
		t.answers.failures.write(t.log, c.Request, f, err)
	}
	if c.Writer.Written() {
		panic(http.ErrAbortHandler)
	}
	header := c.Writer.Header()
	for _, name := range []string{headerTotal, "Etag", "Last-Modified"} {
		delete(header, name) // which belongs to the answer that failed
	}
	if f.Status != http.StatusNotFound { // which is about the moment too
		delete(header, headerGap)
	}
	header["Content-Type"] = t.answers.contentType
	if header[headerSequence] == nil {
		stamp(c, t.answers.present.Moment().Sequence)
	}
	if f.Status == http.StatusUnauthorized {
		header["Www-Authenticate"] = access.Challenge(c.Request)
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

// limitBody bounds how long the body of a request may take to arrive.
func (t *adapter) limitBody(c *gin.Context) {
	if c.Request.ContentLength != 0 {
		// It fails where the connection has no deadlines, as in a test of a handler.
		_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Now().Add(t.bodyTime))
	}
}
