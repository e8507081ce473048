package httpd

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"gatebook/events"
	"gatebook/projection"
)

// sessionResource describes a session.
func sessionResource() *resource[projection.View] {
	type view = projection.View
	return newResource(members([]member[view]{
		{name: "id", value: number(func(v view) uint64 { return v.ID })},
		{name: "state", value: func(b []byte, _ *rendering, v view) []byte { return append(b, sessionState(v)...) }},
		{name: "user", value: func(b []byte, _ *rendering, v view) []byte { return appendString(b, v.Login().User) }},
		{name: "address", value: appendAddress},
		{name: "service", value: func(b []byte, r *rendering, v view) []byte {
			return r.service.append(b, services, v.Origin().Service)
		}},
		{name: "connected", value: func(b []byte, r *rendering, v view) []byte { return r.dates.append(b, v.Opened) }},
		{name: "idle", value: appendIdle},
		{name: "closed", when: hasEnded, value: func(b []byte, r *rendering, v view) []byte { return r.dates.append(b, v.Ended()) }},
		{name: "reason", when: hasEnded, value: knownText(func(v view) string { return v.Ending().Reason.String() })},
	}, []member[view]{
		{name: "source", value: link(sources, func(v view) string { return v.Origin().Source })},
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
		{name: "servers", value: links(servers, func(v view) []string { return v.Servers() })},
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

func (s *Server) showSession(c *gin.Context) error {
	p, err := parse(c.Request.URL.RawQuery, paramFields, paramAt)
	if err != nil {
		return err
	}
	chosen, err := s.sessions.shape(p.fields)
	if err != nil {
		return err
	}
	then, err := s.moment(c, p.at)
	if err != nil {
		return err
	}
	v, m, err := s.view(c, then)
	if err != nil {
		return err
	}
	if err := s.validate(c, m, validatorsOf(v, p.shows("statistics"))); err != nil {
		return err
	}
	a := s.answer(c, m, p)
	defer a.release()
	a.now = then.now
	return object(a, http.StatusOK, chosen, v)
}

// sessionID is the path's. One that is no number is not in the book either.
func sessionID(c *gin.Context) (uint64, error) {
	text := c.Param("id")
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || text[0] == '0' { // each session has one address
		return 0, notFound("Session", text)
	}
	return id, nil
}
