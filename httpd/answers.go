package httpd

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"gatebook/events"
	"gatebook/projection"
)

// The headers that an answer has besides those of HTTP.
const (
	headerSequence = "Gatebook-Sequence"
	headerTotal    = "X-Total-Count"
	headerGap      = "Gatebook-Gap"
)

// answers begins the answers of a server. Its methods are safe for concurrent use.
type answers struct {
	present present
	// process names this run of the server in entity tags.
	process string
	// These are values of headers; never changed.
	contentType, cacheControl []string
	buffers, zips             sync.Pool // of *[]byte, to render into, and of *gzip.Writer
}

func newAnswers(p present) *answers {
	return &answers{
		present:     p,
		process:     strconv.FormatInt(p.Now().UnixMicro(), 36),
		contentType: []string{contentJSON},
		// A client asks again whether an answer has changed; only the client itself keeps it.
		cacheControl: []string{"private, no-cache"},
	}
}

// begin begins a successful answer that is of that moment. The caller releases it.
func (s *answers) begin(c *gin.Context, m projection.Moment, p parameters) *answer {
	stamp(c, m.Sequence)
	buffer, ok := s.buffers.Get().(*[]byte)
	if !ok {
		buffer = new(make([]byte, 0, piece+piece/4))
	}
	a := &answer{
		pools: s, w: c.Writer, head: c.Request.Method == http.MethodHead,
		b: (*buffer)[:0], buffer: buffer, pretty: p.pretty, representation: representationOf(c),
		rendering: rendering{now: events.TimeOf(s.present.Now())},
	}
	if a.form == "" {
		c.Writer.Header()["Content-Type"] = s.contentType
	} else {
		c.Writer.Header()["Content-Type"] = []string{contentTypeOf(a.form)}
	}
	return a
}

// empty answers with a status and no body.
func (s *answers) empty(c *gin.Context, status int) error {
	stamp(c, s.present.Moment().Sequence)
	c.Status(status)
	c.Writer.WriteHeaderNow()
	return nil
}

// validate writes the headers that identify the state an answer shows, and returns an
// error when the request's conditions are such that there is nothing to send. It comes
// before the answer begins.
func (s *answers) validate(c *gin.Context, m projection.Moment, v validators) error {
	asked := conditionsOf(c.Request)
	if asked != nil {
		stamp(c, m.Sequence)
		if err := asked.allow(v); err != nil {
			return err
		}
	}
	now := s.present.Now()
	tags := s.tags(c, v)
	header := c.Writer.Header()
	header["Cache-Control"] = s.cacheControl
	if asked != nil {
		if tag := asked.known(tags, v, now); tag != "" {
			header["Etag"] = []string{tag}
			return errNotModified
		}
	}
	header["Etag"] = tags[:1]
	if v.modified != 0 && v.observed == 0 {
		header["Last-Modified"] = []string{httpDate(min(v.modified, events.TimeOf(now)))}
	}
	return nil
}

// tags returns the entity tags of the representations of a state that the client may be
// given: as it is, and compressed.
func (s *answers) tags(c *gin.Context, v validators) []string {
	r := representationOf(c)
	tag := string(append(append(v.tag(s.process), r.suffix()...), '"'))
	if r.gzip {
		return []string{tag, zippedTag(tag)}
	}
	return []string{tag}
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

// allowWrite gives the client a while to take what is written next.
func allowWrite(w http.ResponseWriter, d time.Duration) error {
	return http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d))
}
