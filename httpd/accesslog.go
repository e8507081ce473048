package httpd

import (
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/rs/zerolog"

	"gatebook/httpd/access"
	"gatebook/httpd/clients"
	"gatebook/httpd/params"
)

// These are how many bytes of what a client sent a line of the access log holds.
const (
	loggedMethod = 16
	loggedPath   = 256
	loggedAgent  = 128
)

// accessLog writes a line for each request when it is over, a stream's at its end. Nil
// writes none.
//
// A query is not in it, nor is a header but User-Agent: users, reasons and credentials
// that were put in the wrong place may be there. Of the parameters it has the names,
// of those that there are.
type accessLog struct{ log zerolog.Logger }

func newAccessLog(c Config) *accessLog {
	if !c.AccessLog {
		return nil
	}
	return &accessLog{log: c.Logger}
}

// exchange is a request that is over.
type exchange struct {
	c    *gin.Context
	took time.Duration
	// cut: the answer did not reach its end.
	cut bool
}

// handled writes the line of a request that had a handler. It has no level, so that
// the switch alone decides whether it is written.
func (l *accessLog) handled(x exchange) {
	if l == nil {
		return
	}
	r, w := x.c.Request, x.c.Writer
	line := l.log.Log().
		Str("method", bounded(r.Method, loggedMethod)).Str("route", x.c.FullPath()).
		Str("path", bounded(r.URL.EscapedPath(), loggedPath)).Strs("parameters", namesIn(r.URL.RawQuery)).
		Int("status", w.Status()).Int("bytes", max(w.Size(), 0)).
		Float64("seconds", math.Round(x.took.Seconds()*1e6)/1e6).
		Str("actor", access.Actor(r)).Str("remote", r.RemoteAddr).Str("agent", bounded(r.UserAgent(), loggedAgent))
	if own := clients.Of(r); own != nil && own.Session() != 0 {
		line.Uint64("session", own.Session())
	}
	if x.cut {
		line.Bool("cut", true)
	}
	line.Msg("request")
}

// unread writes the line of a request that no handler has seen: net/http has refused it,
// with a status that is known unless TLS hides it, or it has not come whole.
func (l *accessLog) unread(c *clients.Conn) {
	if l == nil {
		return
	}
	line := l.log.Log().Str("remote", c.RemoteAddr().String())
	if status := c.TransportStatus(); status != 0 {
		line.Int("status", status)
	}
	if id := c.Session(); id != 0 {
		line.Uint64("session", id)
	}
	line.Msg("request not read")
}

// turnedAway writes the line of a connection for which there was no room.
func (l *accessLog) turnedAway(remote net.Addr, plain bool) {
	if l == nil {
		return
	}
	line := l.log.Log().Str("remote", remote.String())
	if plain {
		line.Int("status", http.StatusServiceUnavailable)
	}
	line.Msg("connection turned away")
}

// bounded returns the beginning of what a client sent, as a log may show it. U+FFFD
// takes the place of invalid UTF-8 and of characters that nothing is printed for: with
// those of the range C1 a client could steer the terminal that the log is read on, and
// with others put a line in another order. Those of ASCII are escaped by the log.
func bounded(text string, most int) string {
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf && !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// namesIn are the names of the known parameters in a query, in the order in which they
// are listed.
func namesIn(query string) []string {
	names := []string{}
	if query == "" {
		return names
	}
	given, _ := url.ParseQuery(query) // of a malformed one, what can be read
	for _, name := range params.Names() {
		if given.Has(name) {
			names = append(names, name)
		}
	}
	return names
}
