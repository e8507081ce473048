package httpd

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"

	"gatebook"
	"gatebook/events"
	"gatebook/projection"
)

// sessionResource describes a session.
func sessionResource() *resource[projection.View] {
	type view = projection.View
	return newResource(members([]member[view]{
		{name: "id", value: func(b []byte, _ *rendering, v view) []byte { return strconv.AppendUint(b, v.ID, 10) }},
		{name: "state", value: func(b []byte, _ *rendering, v view) []byte { return append(b, sessionState(v)...) }},
		{name: "user", value: func(b []byte, _ *rendering, v view) []byte { return appendString(b, v.Login().User) }},
		{name: "address", value: appendAddress},
		{name: "service", value: func(b []byte, r *rendering, v view) []byte {
			return r.service.append(b, services, v.Origin().Service)
		}},
		{name: "connected", value: func(b []byte, r *rendering, v view) []byte { return r.dates.append(b, v.Opened) }},
		{name: "idle", value: appendIdle},
		{name: "closed", when: hasEnded, value: func(b []byte, r *rendering, v view) []byte { return r.dates.append(b, endOf(v.Session)) }},
		{name: "reason", when: hasEnded, value: knownText(func(v view) string { return v.Ending().Reason.String() })},
	}, []member[view]{
		{name: "source", value: link(sources, func(v view) string { return v.Origin().Source })},
		{name: "listener", value: knownText(func(v view) string { return v.Origin().Listener })},
		{name: "protocol", value: knownText(func(v view) string { return v.Origin().Protocol })},
		{name: "port", value: knownNumber(func(v view) uint64 { return uint64(v.Port) })},
		{name: "database", value: knownText(func(v view) string { return v.Login().Database })},
		{name: "program", value: knownText(func(v view) string { return v.Login().Program })},
		{name: "tls", value: knownText(func(v view) string { return v.TLS() })},
		{name: "opened", value: moment(func(v view) events.Time { return v.Opened })},
		{name: "ready", value: moment(func(v view) events.Time { return v.Ready })},
		{name: "ended", value: moment(func(v view) events.Time { return endOf(v.Session) })},
		{name: "last_seen", value: moment(func(v view) events.Time { return v.Ending().LastSeen })},
		{name: "duration", value: func(b []byte, r *rendering, v view) []byte { return appendSeconds(b, until(v, r.now)-v.Opened) }},
		{name: "status", value: text(func(v view) string { return v.Status.String() })},
		{name: "by", value: knownText(func(v view) string { return v.Ending().By })},
		{name: "description", value: knownText(func(v view) string { return v.Ending().Description })},
		{name: "servers", value: links(servers, serversOf)},
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

// endOf is when a session ended, 0 while it lives. A lost one ended when it was
// last known to be alive.
func endOf(s *projection.Session) events.Time {
	switch s.Status {
	case projection.Live:
		return 0
	case projection.Lost:
		if seen := s.Ending().LastSeen; seen != 0 {
			return seen
		}
	}
	return s.Ending().Ended
}

// until is the end of a session, or now while it lives.
func until(v projection.View, now events.Time) events.Time {
	if hasEnded(v) {
		return endOf(v.Session)
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

// serversOf are the servers a session reached, each once, in that order.
func serversOf(v projection.View) []string {
	var all []string
	for i := range v.Connections {
		c := &v.Connections[i]
		if name := c.Server(); c.State != projection.Failed && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

func (s *Server) listSessions(c *gin.Context) error {
	p, err := parse(c.Request.URL.RawQuery, paramFields, paramRange, paramStatus)
	if err != nil {
		return err
	}
	chosen, err := s.sessions.shape(p.fields)
	if err != nil {
		return err
	}
	found, err := s.registry.Sessions(gatebook.Query{
		Live: p.live, Closed: p.closed, Lost: p.lost,
		Skip: p.span.skip, Limit: p.span.limit,
	})
	if err != nil {
		return err
	}
	if err := s.validate(c, found.Moment, validatorsOfAll(found.Moment, p.live && p.shows("statistics"))); err != nil {
		return err
	}
	a := s.answer(c, found.Moment, p)
	defer a.release()
	return list(a, found.Total, chosen, ahead(found.All()))
}

func (s *Server) showSession(c *gin.Context) error {
	p, err := parse(c.Request.URL.RawQuery, paramFields)
	if err != nil {
		return err
	}
	chosen, err := s.sessions.shape(p.fields)
	if err != nil {
		return err
	}
	v, m, err := s.session(c)
	if err != nil {
		return err
	}
	if err := s.validate(c, m, validatorsOf(v, p.shows("statistics"))); err != nil {
		return err
	}
	a := s.answer(c, m, p)
	defer a.release()
	return object(a, http.StatusOK, chosen, v)
}

// session is the one that the path names.
func (s *Server) session(c *gin.Context) (projection.View, projection.Moment, error) {
	id, err := sessionID(c)
	if err != nil {
		return projection.View{}, projection.Moment{}, err
	}
	v, m, err := s.registry.Session(id)
	if errors.Is(err, gatebook.ErrNotFound) {
		err = notFound("Session", c.Param("id"))
	}
	return v, m, err
}

// sessionID is the path's. One that is no number is not in the book either.
func sessionID(c *gin.Context) (uint64, error) {
	id, err := strconv.ParseUint(c.Param("id"), 10, 64)
	if err != nil {
		return 0, notFound("Session", c.Param("id"))
	}
	return id, nil
}
