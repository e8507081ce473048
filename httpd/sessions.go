package httpd

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
	"gatebook/projection"
)

// sessionReader is what the API reads of sessions.
type sessionReader interface {
	Session(id uint64) (projection.View, projection.Moment, error)
	SessionsContext(ctx context.Context, q gatebook.Query) (*gatebook.Listing, error)
	SessionAsOf(id, sequence uint64) (projection.View, projection.Moment, error)
	Counts(ctx context.Context, q gatebook.Query, by gatebook.Group, limit int) (*gatebook.Counts, error)
}

// sessions answers for sessions and their connections.
type sessions struct {
	reader   sessionReader
	history  history
	catalog  catalog
	answers  *answers
	resource *render.Resource[projection.View]
	// connections describes a session's connections.
	connections *render.Resource[connection]
}

func newSessions(read sessionReader, past history, things catalog, to *answers) *sessions {
	return &sessions{
		reader: read, history: past, catalog: things, answers: to,
		resource: sessionResource(), connections: connectionResource(),
	}
}

// show answers with the session that the path names.
func (s *sessions) show(c *gin.Context) error {
	p, err := params.Parse(c.Request.URL.RawQuery, params.Fields, params.At, params.TZ)
	if err != nil {
		return err
	}
	if _, err = s.resource.Shape(p.Fields); err != nil { // before anything is read
		return err
	}
	then, err := resolve(c, s.history, p.At)
	if err != nil {
		return err
	}
	chosen, err := s.resource.Shape(p.Fields, then.members()...)
	if err != nil {
		return err
	}
	v, m, err := s.view(c, then)
	if err != nil {
		return err
	}
	if err := s.answers.validate(c, m, validatorsOf(v, showsObserved(&p))); err != nil {
		return err
	}
	a := s.answers.begin(c, m, p)
	defer a.Release()
	a.Rendering.Now, a.Rendering.Gap = then.now, then.gap
	return render.Object(a, http.StatusOK, chosen, v)
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
			err = &render.Failure{
				Status: http.StatusNotFound, Title: "Session not found",
				Description: "No session " + c.Param("id") + " was in the book by " + render.TimeText(then.now) + ".",
			}
		}
	}
	return v, then.of(m), err
}

// listConnections answers with the connections of the session that the path names.
func (s *sessions) listConnections(c *gin.Context) error {
	p, err := params.Parse(c.Request.URL.RawQuery, params.Fields, params.Range, params.Role, params.At, params.TZ)
	if err != nil {
		return err
	}
	if _, err = s.connections.Shape(p.Fields); err != nil { // before anything is read
		return err
	}
	then, err := resolve(c, s.history, p.At)
	if err != nil {
		return err
	}
	chosen, err := s.connections.Shape(p.Fields, then.members()...)
	if err != nil {
		return err
	}
	v, m, err := s.view(c, then)
	if err != nil {
		return err
	}
	if err := s.answers.validate(c, m, validatorsOf(v, true)); err != nil {
		return err
	}
	return listAll(s.answers, c, m, p, chosen, connectionsOf(v, p.ClientToo), then.gap)
}

// sessionID returns the id in the path. Text that is no number names no session.
func sessionID(c *gin.Context) (uint64, error) {
	text := c.Param("id")
	id, ok := params.Number(text, 64)
	if !ok || id == 0 { // each session has one address
		return 0, notFound("Session", text)
	}
	return id, nil
}

// showsObserved reports whether fields selects members that change with each observation.
func showsObserved(p *params.Parameters) bool {
	return p.Shows("statistics") || p.Shows("activity") || p.Shows("activity_since") || p.Shows("rates")
}

// validatorsOf returns the validators of a session. statistics is set when its counters
// are shown, which change more often than the session does. A session can be seen to be
// over before that is recorded.
func validatorsOf(v projection.View, statistics bool) render.Validators {
	state := render.Validators{Version: v.Version, Modified: v.Modified}
	if v.Over() || statistics && v.Observed != nil {
		state.Observed = v.Observed.Count
	}
	return state
}

// sessionResource describes a session.
func sessionResource() *render.Resource[projection.View] {
	type view = projection.View
	return render.NewResource(render.Members([]render.Member[view]{
		{Name: "id", Value: render.Number(func(v view) uint64 { return v.ID })},
		{Name: "state", Value: func(b []byte, _ *render.Rendering, v view) []byte { return append(b, sessionState(v)...) }},
		{Name: "user", Value: func(b []byte, _ *render.Rendering, v view) []byte { return render.AppendString(b, v.Login().User) }},
		{Name: "address", Value: appendAddress},
		{Name: "service", Value: func(b []byte, r *render.Rendering, v view) []byte {
			return r.AppendLink(b, servicesFolder, v.Origin().Service)
		}},
		{Name: "connected", Value: func(b []byte, r *render.Rendering, v view) []byte { return r.AppendDate(b, v.Opened) }},
		{Name: "idle", Value: appendIdle},
		{Name: "closed", When: hasEnded, Value: func(b []byte, r *render.Rendering, v view) []byte { return r.AppendDate(b, v.Ended()) }},
		{Name: "reason", When: hasEnded, Value: render.TextOrNull(func(v view) string { return v.Ending().Reason.String() })},
	}, []render.Member[view]{
		{Name: "source", Value: render.Link(sourcesFolder, func(v view) string { return v.Origin().Source })},
		{Name: "listener", Value: render.TextOrNull(func(v view) string { return v.Origin().Listener })},
		{Name: "protocol", Value: render.TextOrNull(func(v view) string { return v.Origin().Protocol })},
		{Name: "port", Value: render.NumberOrNull(func(v view) uint64 { return uint64(v.Port) })},
		{Name: "database", Value: render.TextOrNull(func(v view) string { return v.Login().Database })},
		{Name: "program", Value: render.TextOrNull(func(v view) string { return v.Login().Program })},
		{Name: "tls", Value: render.TextOrNull(func(v view) string { return v.TLS() })},
		{Name: "subject", Value: render.TextOrNull(func(v view) string { return v.Subject() })},
		{Name: "type", Value: render.Text(func(v view) string { return v.Type().String() })},
		{Name: "opened", Value: render.Time(func(v view) events.Time { return v.Opened })},
		{Name: "ready", Value: render.Time(func(v view) events.Time { return v.Ready })},
		{Name: "ended", Value: render.Time(func(v view) events.Time { return v.Ended() })},
		{Name: "last_seen", Value: render.Time(func(v view) events.Time { return v.Ending().LastSeen })},
		{Name: "lost_at", Value: render.Time(lostAt)},
		{Name: "duration", Value: func(b []byte, r *render.Rendering, v view) []byte {
			return render.AppendSeconds(b, until(v, r.Now)-v.Opened)
		}},
		{Name: "status", Value: render.Text(func(v view) string { return v.Status.String() })},
		{Name: "by", Value: render.TextOrNull(func(v view) string { return v.Ending().By })},
		{Name: "description", Value: render.TextOrNull(func(v view) string { return v.Ending().Description })},
		{Name: "servers", Value: render.Links(serversFolder, func(v view) []string { return v.Servers() })},
		{Name: "statistics", Inner: statistics(func(v view) events.Counters {
			counters, _ := v.Current(0)
			return counters
		})},
		{Name: "activity", Value: render.TextOrNull(func(v view) string { return v.Activity().String() })},
		{Name: "activity_since", Value: render.Time(activitySince)},
		{Name: "rates", Null: func(r *render.Rendering, v view) bool { _, known := v.Rates(r.Now); return !known }, Inner: rates()},
		{Name: "version", Value: render.Number(func(v view) uint64 { return v.Version })},
		{Name: memberGap, Value: appendGap[view]},
	}))
}

// memberGap is the member that says in which time without a registry an answer lies.
const memberGap = "at_gap"

// appendGap appends the time without a registry that the answer lies in, null for none.
func appendGap[T any](b []byte, r *render.Rendering, _ T) []byte {
	return render.AppendStringOrNull(b, r.Gap)
}

// rates returns the members of the rates of a session's client connection.
func rates() []render.Member[projection.View] {
	rate := func(pick func(r projection.Rates) float64) render.Value[projection.View] {
		return render.Rate(func(r *render.Rendering, v projection.View) (float64, bool) {
			all, known := v.Rates(r.Now)
			return pick(all), known
		})
	}
	return []render.Member[projection.View]{
		{Name: "reads", Value: rate(func(r projection.Rates) float64 { return r.Reads })},
		{Name: "writes", Value: rate(func(r projection.Rates) float64 { return r.Writes })},
		{Name: "bytes_read", Value: rate(func(r projection.Rates) float64 { return r.BytesRead })},
		{Name: "bytes_written", Value: rate(func(r projection.Rates) float64 { return r.BytesWritten })},
	}
}

// activitySince returns since when a live session does what it is doing, 0 where that is not
// known.
func activitySince(v projection.View) events.Time {
	if v.Activity() == projection.ActivityUnknown {
		return 0
	}
	return v.Observed.ActivitySince
}

// lostAt returns when the loss of a lost session was recorded, 0 for others.
func lostAt(v projection.View) events.Time {
	if v.Status != projection.Lost {
		return 0
	}
	return v.Ending().Ended
}

// sessionState returns the API draft's name for the state of a session, as JSON.
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

// hasEnded reports whether the end of a session is recorded or inferred.
func hasEnded(v projection.View) bool { return v.Status != projection.Live }

// until returns the end of a session, now while it lives.
func until(v projection.View, now events.Time) events.Time {
	if hasEnded(v) {
		return v.Ended()
	}
	return now
}

// appendIdle appends the whole seconds from the last read from the client to the session's
// end, or to now while it lives. Few sessions are observed, and the others need no search
// of their observations.
func appendIdle(b []byte, r *render.Rendering, v projection.View) []byte {
	active := v.Active
	if v.Observed != nil {
		_, active = v.Current(0)
	}
	return render.AppendWholeSeconds(b, until(v, r.Now)-max(active, v.Opened))
}

// appendAddress appends the client's address, which is mostly an IP address.
func appendAddress(b []byte, _ *render.Rendering, v projection.View) []byte {
	if v.AddressIsIP() {
		return append(v.IP().AppendTo(append(b, '"')), '"')
	}
	return render.AppendStringOrNull(b, v.Address())
}
