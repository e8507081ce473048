package telemetry

import (
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"gatebook/httpd/params"
)

// These bound how many bytes of what a client sent a line of the log holds.
const (
	longestMethod = 16
	longestPath   = 256
	longestAgent  = 128
)

// AccessLog writes a line for each request when it is over. Nil writes none.
//
// The lines have no level, so that the switch alone decides whether they are written. A line
// has the names of the known parameters in the query, and neither their values nor headers
// but User-Agent: there may be users, reasons and credentials.
type AccessLog struct{ log zerolog.Logger }

// NewAccessLog returns an access log, nil when it is off.
func NewAccessLog(log zerolog.Logger, on bool) *AccessLog {
	if !on {
		return nil
	}
	return &AccessLog{log: log}
}

// Exchange is a request that is over.
type Exchange struct {
	Request *http.Request
	// Route is the path of the route, "" for none.
	Route string
	// Status and Bytes are those of the answer.
	Status, Bytes int
	Took          time.Duration
	// Actor names the account or the address of the client, Session the session of its
	// connection, 0 for none.
	Actor   string
	Session uint64
	// Cut is set when the answer did not reach its end.
	Cut bool
}

// Handled writes the line of a request that a handler has answered.
func (l *AccessLog) Handled(x Exchange) {
	r := x.Request
	line := l.log.Log().
		Str("method", bounded(r.Method, longestMethod)).Str("route", x.Route).
		Str("path", bounded(r.URL.EscapedPath(), longestPath)).Strs("parameters", namesIn(r.URL.RawQuery)).
		Int("status", x.Status).Int("bytes", max(x.Bytes, 0)).
		Float64("seconds", math.Round(x.Took.Seconds()*1e6)/1e6).
		Str("actor", x.Actor).Str("remote", r.RemoteAddr).Str("agent", bounded(r.UserAgent(), longestAgent))
	if x.Session != 0 {
		line.Uint64("session", x.Session)
	}
	if x.Cut {
		line.Bool("cut", true)
	}
	line.Msg("request")
}

// Unread writes the line of a request that no handler has seen: net/http has refused it, or
// it has not come whole. status is 0 when it is not known, session when there is none.
func (l *AccessLog) Unread(remote net.Addr, status int, session uint64) {
	if l == nil {
		return
	}
	line := l.log.Log().Str("remote", remote.String())
	if status != 0 {
		line.Int("status", status)
	}
	if session != 0 {
		line.Uint64("session", session)
	}
	line.Msg("request not read")
}

// TurnedAway writes the line of a connection for which there was no room. plain is set when
// the client was answered, which speaks no TLS then.
func (l *AccessLog) TurnedAway(remote net.Addr, plain bool) {
	if l == nil {
		return
	}
	line := l.log.Log().Str("remote", remote.String())
	if plain {
		line.Int("status", http.StatusServiceUnavailable)
	}
	line.Msg("connection turned away")
}

// Failure writes the line of a request that failed with that status. stack is that of a
// panic, nil without one.
func Failure(log zerolog.Logger, r *http.Request, status int, err error, stack []byte) {
	level := zerolog.WarnLevel
	if status == http.StatusInternalServerError {
		level = zerolog.ErrorLevel
	}
	line := log.WithLevel(level).Err(err).
		Str("method", bounded(r.Method, longestMethod)).Str("path", bounded(r.URL.EscapedPath(), longestPath)).
		Str("remote", r.RemoteAddr).Int("status", status)
	if stack != nil {
		line.Bytes("stack", stack)
	}
	line.Msg("request failed")
}

// bounded returns the beginning of a text that a client sent, as a log may show it. U+FFFD
// takes the place of invalid UTF-8 and of characters that are not printed: with those of the
// range C1 a client could control the terminal on which the log is read, with others reorder
// a line. The log itself escapes those of ASCII.
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

// namesIn returns the names of the known parameters in a query, in the order of
// [params.Names].
func namesIn(query string) []string {
	names := []string{}
	if query == "" {
		return names
	}
	given, _ := url.ParseQuery(query) // a malformed query yields the part that can be read
	for _, name := range params.Names() {
		if given.Has(name) {
			names = append(names, name)
		}
	}
	return names
}
