package httpd

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"gatebook"
	"gatebook/events"
	"gatebook/projection"
)

// sessionReader is what the API reads of sessions.
type sessionReader interface {
	Session(id uint64) (projection.View, projection.Moment, error)
	Sessions(q gatebook.Query) (*gatebook.Listing, error)
	SessionAsOf(id, sequence uint64) (projection.View, projection.Moment, error)
}

// sessions answers for sessions and their connections.
type sessions struct {
	reader   sessionReader
	history  history
	catalog  catalog
	answers  *answers
	resource *resource[projection.View]
	// connections describes a session's connections.
	connections *resource[connection]
}

func newSessions(read sessionReader, past history, things catalog, to *answers) *sessions {
	return &sessions{
		reader: read, history: past, catalog: things, answers: to,
		resource: sessionResource(), connections: connectionResource(),
	}
}

// show answers with the session that the path names.
func (s *sessions) show(c *gin.Context) error {
	p, err := parse(c.Request.URL.RawQuery, paramFields, paramAt)
	if err != nil {
		return err
	}
	chosen, err := s.resource.shape(p.fields)
	if err != nil {
		return err
	}
	then, err := resolve(c, s.history, p.at)
	if err != nil {
		return err
	}
	v, m, err := s.view(c, then)
	if err != nil {
		return err
	}
	if err := s.answers.validate(c, m, validatorsOf(v, p.shows("statistics"))); err != nil {
		return err
	}
	a := s.answers.begin(c, m, p)
	defer a.release()
	a.now = then.now
	return object(a, http.StatusOK, chosen, v)
}

// view returns the session that the path names, as of a moment.
func (s *sessions) view(c *gin.Context, then asOf) (projection.View, projection.Moment, error) {
	id, err := sessionID(c)
	if err != nil {
		return projection.View{}, projection.Moment{}, err
	}
	var v projection.View
	var m projection.Moment
	switch {
	case then.before:
		err = gatebook.ErrNotFound
	case then.sequence != 0:
		v, m, err = s.reader.SessionAsOf(id, then.sequence)
	default:
		v, m, err = s.reader.Session(id)
	}
	if errors.Is(err, gatebook.ErrNotFound) {
		err = notFound("Session", c.Param("id"))
		if then.sequence != 0 || then.before {
			err = &failure{
				status: http.StatusNotFound, short: "Session not found",
				long: "No session " + c.Param("id") + " was in the book by " + timeText(then.now) + ".",
			}
		}
	}
	return v, then.of(m), err
}

// sessionID returns the id in the path. Text that is no number names no session.
func sessionID(c *gin.Context) (uint64, error) {
	text := c.Param("id")
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || text[0] == '0' { // each session has one address
		return 0, notFound("Session", text)
	}
	return id, nil
}

// validatorsOf returns the validators of a session. statistics is set when its counters
// are shown, which change more often than the session does. A session can be seen to be
// over before that is recorded.
func validatorsOf(v projection.View, statistics bool) validators {
	state := validators{version: v.Version, modified: v.Modified}
	if v.Over() || statistics && v.Observed != nil {
		state.observed = v.Observed.Count
	}
	return state
}

// sessionResource describes a session.
func sessionResource() *resource[projection.View] {
	type view = projection.View
	return newResource(members([]member[view]{
		{name: "id", value: number(func(v view) uint64 { return v.ID })},
		{name: "state", value: func(b []byte, _ *rendering, v view) []byte { return append(b, sessionState(v)...) }},
		{name: "user", value: func(b []byte, _ *rendering, v view) []byte { return appendString(b, v.Login().User) }},
		{name: "address", value: appendAddress},
		{name: "service", value: func(b []byte, r *rendering, v view) []byte {
			return r.service.append(b, servicesFolder, v.Origin().Service)
		}},
		{name: "connected", value: func(b []byte, r *rendering, v view) []byte { return r.dates.append(b, v.Opened) }},
		{name: "idle", value: appendIdle},
		{name: "closed", when: hasEnded, value: func(b []byte, r *rendering, v view) []byte { return r.dates.append(b, v.Ended()) }},
		{name: "reason", when: hasEnded, value: knownText(func(v view) string { return v.Ending().Reason.String() })},
	}, []member[view]{
		{name: "source", value: link(sourcesFolder, func(v view) string { return v.Origin().Source })},
		{name: "listener", value: knownText(func(v view) string { return v.Origin().Listener })},
		{name: "protocol", value: knownText(func(v view) string { return v.Origin().Protocol })},
		{name: "port", value: knownNumber(func(v view) uint64 { return uint64(v.Port) })},
		{name: "database", value: knownText(func(v view) string { return v.Login().Database })},
		{name: "program", value: knownText(func(v view) string { return v.Login().Program })},
		{name: "tls", value: knownText(func(v view) string { return v.TLS() })},
		{name: "subject", value: knownText(func(v view) string { return v.Subject() })},
		{name: "type", value: text(func(v view) string { return v.Type().String() })},
		{name: "opened", value: moment(func(v view) events.Time { return v.Opened })},
		{name: "ready", value: moment(func(v view) events.Time { return v.Ready })},
		{name: "ended", value: moment(func(v view) events.Time { return v.Ended() })},
		{name: "last_seen", value: moment(func(v view) events.Time { return v.Ending().LastSeen })},
		{name: "duration", value: func(b []byte, r *rendering, v view) []byte { return appendSeconds(b, until(v, r.now)-v.Opened) }},
		{name: "status", value: text(func(v view) string { return v.Status.String() })},
		{name: "by", value: knownText(func(v view) string { return v.Ending().By })},
		{name: "description", value: knownText(func(v view) string { return v.Ending().Description })},
		{name: "servers", value: links(serversFolder, func(v view) []string { return v.Servers() })},
		{name: "statistics", inner: statistics(func(v view) events.Counters {
			counters, _ := v.Current(0)
			return counters
		})},
		{name: "version", value: number(func(v view) uint64 { return v.Version })},
	}))
}

// sessionState is the draft's name for how far a session is, as JSON.
func sessionState(v projection.View) string {
	switch v.Status {
	case projection.Closed:
		return `"Session closed"`
	case projection.Lost:
		return `"Session lost"`
	}
	if v.Over() {
		return `"Stopping session"`
	}
	switch v.Stage {
	case projection.LoggingIn:
		return `"Session Ready"`
	case projection.Routing:
		return `"Session ready for routing"`
	case projection.Stopping:
		return `"Stopping session"`
	}
	return `"Session Allocated"`
}

func hasEnded(v projection.View) bool { return v.Status != projection.Live }

// until is the end of a session, or now while it lives.
func until(v projection.View, now events.Time) events.Time {
	if hasEnded(v) {
		return v.Ended()
	}
	return now
}

// appendIdle appends the whole seconds since the client was last read from, at the
// session's end if it has one. Few sessions were observed, so that most are spared
// what [projection.View.LastActive] looks at.
func appendIdle(b []byte, r *rendering, v projection.View) []byte {
	active := v.Active
	if v.Observed != nil {
		_, active = v.Current(0)
	}
	idle := until(v, r.now) - max(active, v.Opened)
	return strconv.AppendInt(b, int64(max(idle, 0)/second), 10)
}

// appendAddress appends the client's address, which mostly is one of IP.
func appendAddress(b []byte, _ *rendering, v projection.View) []byte {
	if ip := v.IP(); ip.IsValid() {
		return append(ip.AppendTo(append(b, '"')), '"')
	}
	return appendKnown(b, v.Address())
}
