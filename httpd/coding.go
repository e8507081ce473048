package httpd

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// worthwhile is from how many bytes on an answer is compressed: a smaller one fits
// into one packet as it is.
const worthwhile = 1400

// representation is the form of an answer that the client asked for.
type representation struct {
	form string // its media type; "" for JSON
	// gzip: it may be compressed. plain: it may be sent as it is.
	gzip, plain bool
}

// representationKey is where a request's context has it, unless it is the usual
// one: JSON, not compressed.
const representationKey = "representation"

func representationOf(c *gin.Context) representation {
	if r, ok := c.Get(representationKey); ok {
		return r.(representation)
	}
	return representation{plain: true}
}

// suffix is what tells the entity tags of the form from those of JSON.
func (r representation) suffix() string {
	switch r.form {
	case contentNDJSON:
		return ";ndjson"
	case contentCSV:
		return ";csv"
	}
	return ""
}

// represent negotiates the form of an answer, and notes it.
func represent(c *gin.Context, forms []string) error {
	form, err := negotiate(c.Request, forms)
	if err != nil {
		return err
	}
	r := representation{plain: true}
	if form != contentJSON {
		r.form = form
	}
	if encoding := c.Request.Header["Accept-Encoding"]; encoding != nil {
		if r.gzip, r.plain = codings(encoding); !r.gzip && !r.plain {
			return &failure{
				status: http.StatusNotAcceptable, short: "Not acceptable",
				long: "The answer comes as it is (identity) or compressed (gzip), and Accept-Encoding: " +
					strings.Join(encoding, ", ") + " rules out both.",
			}
		}
	}
	if r != (representation{plain: true}) {
		c.Set(representationKey, r)
	}
	return nil
}

// codings tells whether the values of Accept-Encoding allow gzip, and allow no
// coding. One that is liked less than the other is not used where there is a
// choice.
func codings(values []string) (gzip, plain bool) {
	zipped, identity, other := -1.0, -1.0, -1.0
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			name, parameters, _ := strings.Cut(item, ";")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "gzip", "x-gzip":
				zipped = weight(parameters)
			case "identity":
				identity = weight(parameters)
			case "*":
				other = weight(parameters)
			}
		}
	}
	if zipped < 0 {
		zipped = max(other, 0)
	}
	if identity < 0 && other == 0 {
		identity = 0
	}
	return zipped > 0 && zipped >= identity, identity != 0
}

// compress makes what is written from now on come compressed. It changes the
// header, and so comes before anything is sent.
func (a *answer) compress() {
	header := a.w.Header()
	header["Content-Encoding"] = []string{"gzip"}
	if tag := header["Etag"]; tag != nil {
		header["Etag"] = []string{zippedTag(tag[0])}
	}
	zip, ok := a.pools.zips.Get().(*gzip.Writer)
	if !ok {
		// The level is one that there is.
		zip, _ = gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	}
	zip.Reset(a.w)
	a.zip = zip
}

// zippedTag is the entity tag of the compressed form.
func zippedTag(tag string) string { return strings.TrimSuffix(tag, `"`) + `;gzip"` }
