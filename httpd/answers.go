package httpd

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"gatebook/events"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
	"gatebook/projection"
)

// The headers of answers that are not HTTP's.
const (
	headerSequence = "Gatebook-Sequence"
	headerTotal    = "X-Total-Count"
	headerGap      = "Gatebook-Gap"
)

// errNotModified is returned when the client has the answer already.
var errNotModified = errors.New("not modified")

// present is the registry's present moment, and its clock.
type present interface {
	Moment() projection.Moment
	Now() time.Time
}

// answers begins the answers of a server. Its methods are safe for concurrent use.
type answers struct {
	present present
	// process names this run of the server in entity tags.
	process string
	// restored is where the log was last restored.
	restored restoredLog
	// base is the base path, which the links to the API's own paths begin with.
	base string
	// contentType is the value of a header. It is never changed.
	contentType []string
	pool        render.Pool
	failures    *failureLog
}

func newAnswers(p present, base string, budget *render.Budget) *answers {
	return &answers{
		present:     p,
		base:        base,
		process:     strconv.FormatInt(p.Now().UnixMicro(), 36),
		contentType: []string{render.JSON},
		pool:        render.Pool{Budget: budget},
		failures:    new(failureLog),
	}
}

// begin begins a successful answer of that moment. The caller releases it.
func (s *answers) begin(c *gin.Context, m projection.Moment, p params.Parameters) *render.Answer {
	stamp(c, m.Sequence)
	form := representationOf(c)
	if form.Form == "" {
		c.Writer.Header()["Content-Type"] = s.contentType
	} else {
		c.Writer.Header()["Content-Type"] = []string{contentTypeOf(form.Form)}
	}
	return s.pool.Begin(c.Writer, render.Options{
		Representation: form, Pretty: p.Pretty, HeadOnly: c.Request.Method == http.MethodHead, Now: events.TimeOf(s.present.Now()),
	})
}

// empty answers with a status and no body.
func (s *answers) empty(c *gin.Context, status int) error {
	stamp(c, s.present.Moment().Sequence)
	c.Status(status)
	c.Writer.WriteHeaderNow()
	return nil
}

// validate writes the headers that identify the state that an answer shows. It returns an
// error when the request's conditions do not ask for that state, or the client has it. It
// is called before the answer begins.
func (s *answers) validate(c *gin.Context, m projection.Moment, v render.Validators) error {
	v = s.restored.of(v)
	asked := render.ConditionsOf(c.Request.Header)
	if asked != nil {
		stamp(c, m.Sequence)
		if err := asked.Allow(v); err != nil {
			return err
		}
	}
	now := s.present.Now()
	tags := v.Tags(s.process, representationOf(c))
	header := c.Writer.Header()
	if asked != nil {
		if tag := asked.NotModified(tags, v, now); tag != "" {
			header["Etag"] = []string{tag}
			return errNotModified
		}
	}
	header["Etag"] = tags[:1]
	if v.Modified != 0 && v.Observed == 0 {
		header["Last-Modified"] = []string{httpDate(min(v.Modified, events.TimeOf(now)))}
	}
	return nil
}

// stamp writes the header that names the moment of an answer.
func stamp(c *gin.Context, sequence uint64) {
	c.Writer.Header()[headerSequence] = []string{strconv.FormatUint(sequence, 10)}
}

// setTotal writes the header that holds the length of the whole list.
func setTotal(c *gin.Context, n uint64) {
	c.Writer.Header()[headerTotal] = []string{strconv.FormatUint(n, 10)}
}

// httpDate returns a time as HTTP's headers have it.
func httpDate(t events.Time) string { return t.Time().UTC().Format(http.TimeFormat) }

// representationKey is the key of the context for a representation that is not the usual
// one: JSON, not compressed.
const representationKey = "representation"

// representationOf returns the representation that represent has negotiated.
func representationOf(c *gin.Context) render.Representation {
	if r, ok := c.Get(representationKey); ok {
		return r.(render.Representation)
	}
	return render.Representation{Plain: true}
}

// represent negotiates the representation of an answer, and keeps it in the context.
func represent(c *gin.Context, forms []string) error {
	r, err := render.Negotiate(c.Request.Header, forms)
	if err == nil && r != (render.Representation{Plain: true}) {
		c.Set(representationKey, r)
	}
	return err
}

// contentMetrics is the text format of Prometheus.
const contentMetrics = "text/plain"

// contentTypeOf returns the value of Content-Type for a media type.
func contentTypeOf(form string) string {
	if form == contentMetrics {
		return contentMetrics + "; version=0.0.4; charset=utf-8"
	}
	return render.ContentType(form)
}
