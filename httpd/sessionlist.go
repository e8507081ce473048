package httpd

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"

	"gatebook"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
	"gatebook/projection"
)

// list answers with the sessions that the query selects.
func (s *sessions) list(c *gin.Context) error {
	return s.answerList(c, params.OfSessions(), nil)
}

// listOfService answers with the sessions of the service that the path names.
func (s *sessions) listOfService(c *gin.Context) error {
	return s.answerList(c, without(params.OfSessions(), params.Service), func(name string, f *projection.Filter) error {
		if _, _, err := s.catalog.Service(name); err != nil {
			return missing("Service", name, err)
		}
		f.Services = []string{name}
		return nil
	})
}

// listOfServer answers with the sessions that reached the server that the path names.
func (s *sessions) listOfServer(c *gin.Context) error {
	return s.answerList(c, without(params.OfSessions(), params.Server), func(name string, f *projection.Filter) error {
		if _, _, err := s.catalog.Server(name); err != nil {
			return missing("Server", name, err)
		}
		f.Servers = []string{name}
		return nil
	})
}

// without returns a list without a name.
func without(all []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == name })
}

// answerList answers with a list of sessions. narrow, which may be nil, narrows it to those
// of the thing that the path names.
func (s *sessions) answerList(c *gin.Context, takes []string, narrow func(name string, f *projection.Filter) error) error {
	p, err := params.Parse(c.Request.URL.RawQuery, takes...)
	if err != nil {
		return err
	}
	if _, err := s.resource.Shape(p.Fields); err != nil { // before anything is read
		return err
	}
	if narrow != nil {
		name, err := pathName(c)
		if err != nil {
			return err
		}
		if err := narrow(name, &p.Query.Filter); err != nil {
			return err
		}
	}
	then, err := resolve(c, s.history, p.At)
	if err != nil {
		return err
	}
	chosen, err := s.resource.Shape(p.Fields, then.members()...)
	if err != nil {
		return err
	}
	q, err := p.QueryAsOf(then.now, then.sequence)
	if err != nil {
		return err
	}
	if p.Limited {
		q.Limit++ // which shows whether there is a next page
	}
	found := &gatebook.Listing{Moment: s.history.Moment(), Counted: true}
	if !then.before {
		if found, err = s.reader.SessionsContext(c.Request.Context(), q); err != nil {
			return unknownAfter(err, p)
		}
	}
	m := then.of(found.Moment)
	// The clock changes the sessions in such a window without a record.
	if !p.Moves() || p.At.Given {
		if err := s.answers.validate(c, m, validatorsOfAll(m, p.Query.Live && !p.At.Given && isObserved(&p))); err != nil {
			return err
		}
	}
	// Its memory is held until the client has taken the list.
	if held := found.Held() - freeBytes; held > 0 {
		if !s.answers.pool.Budget.Take(held) {
			return errInFlight
		}
		defer s.answers.pool.Budget.Give(held)
	}
	if found.Counted && (p.Query.Count || !p.Limited && !p.At.Given) {
		setTotal(c, found.Total)
	}
	a := s.answers.begin(c, m, p)
	defer a.Release()
	a.Rendering.Now, a.Rendering.Gap = then.now, then.gap
	if !p.Limited {
		return render.List(a, chosen, prefetch(found.All()))
	}
	page, err := pageOf(c, s.answers.base, found, p.Query.Limit)
	if err != nil {
		return err
	}
	return render.List(a, chosen, render.Each(page))
}

// isObserved reports whether observations change the list.
func isObserved(p *params.Parameters) bool {
	return showsObserved(p) || p.Query.Order.OfLive() || len(p.Query.Filter.Activities) > 0
}

// freeBytes is how much memory of a list needs no budget.
const freeBytes = 64 << 10

// errInFlight is the failure of a request for which there is no memory now.
var errInFlight = &render.Failure{
	Status: http.StatusServiceUnavailable, Title: "Busy", RetryAfter: "1",
	Description: "Too many large reports and answers are in flight. Try again in a second, or ask for a page (limit).",
}

// pageOf returns the sessions of a page. When there are more, it writes the header that
// links to the next page, whose path begins with the base path.
func pageOf(c *gin.Context, base string, found *gatebook.Listing, limit int) ([]projection.View, error) {
	var page []projection.View
	for v, err := range found.All() {
		if err != nil {
			return nil, err
		}
		page = append(page, v)
	}
	if len(page) > limit {
		page = page[:limit]
		next := url.URL{Path: base + c.Request.URL.Path}
		if raw := c.Request.URL.RawPath; raw != "" {
			next.RawPath = base + raw
		}
		values := c.Request.URL.Query()
		last := page[limit-1]
		values.Set(params.After, params.Cursor(last.ID, found.Position(last)))
		next.RawQuery = values.Encode()
		c.Header("Link", "<"+next.String()+`>; rel="next"`)
	}
	return page, nil
}

// unknownAfter returns the error of a listing, as a failure when the parameter after names no
// session.
func unknownAfter(err error, p params.Parameters) error {
	if p.Query.After != 0 && errors.Is(err, gatebook.ErrNotFound) {
		return params.Invalid("after=%d names no session in the book.", p.Query.After)
	}
	return err
}

// validatorsOfAll returns the validators of a list of sessions, from the moment of its
// listing. A change of any session of the selected services, servers or sources changes
// them, also when other parameters leave that session out. They do not hold for a selection
// that depends on the clock.
func validatorsOfAll(m projection.Moment, statistics bool) render.Validators {
	state := render.Validators{Version: m.Sessions.Sequence, Modified: m.Sessions.Recorded}
	if statistics || m.Over > 0 {
		state.Observed = m.Observations
	}
	return state
}
