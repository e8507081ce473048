package httpd

import (
	"github.com/gin-gonic/gin"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
)

// groupCount is how many sessions have a value of a group.
type groupCount struct {
	text     string
	sessions uint64
}

// groupResource describes how many sessions have a value of a group.
func groupResource() *render.Resource[groupCount] {
	return render.NewResource([]render.Member[groupCount]{
		{Name: "group", Value: render.TextOrNull(func(v groupCount) string { return v.text })},
		{Name: "sessions", Value: render.Number(func(v groupCount) uint64 { return v.sessions })},
	})
}

// count answers with how many sessions the query selects, by a group.
func (s *sessions) count(c *gin.Context) error {
	p, err := params.Parse(c.Request.URL.RawQuery, params.OfCounts()...)
	if err != nil {
		return err
	}
	chosen, err := groupResource().Shape(p.Fields)
	if err == nil {
		err = p.NeedGroup()
	}
	if err != nil {
		return err
	}
	q, err := p.QueryAsOf(events.TimeOf(s.history.Now()), 0)
	if err != nil {
		return err
	}
	found, err := s.reader.Counts(c.Request.Context(), q, p.Group, q.Limit)
	if err != nil {
		return err
	}
	// The clock changes the sessions in such a window without a record.
	if !p.Moves() {
		if err := s.answers.validate(c, found.Moment, validatorsOfAll(found.Moment, q.Live && isObserved(&p))); err != nil {
			return err
		}
	}
	all := make([]groupCount, len(found.Groups))
	for i, g := range found.Groups {
		all[i] = groupCount{text: g.Text, sessions: g.Sessions}
		if p.Group == gatebook.GroupHour {
			all[i].text = hourText(g.Hour)
		}
	}
	setTotal(c, found.Total)
	a := s.answers.begin(c, found.Moment, p)
	defer a.Release()
	return render.List(a, chosen, render.Each(all))
}

// hourText returns an hour in the form of RFC 3339.
func hourText(t events.Time) string { return t.Time().UTC().Format("2006-01-02T15:04:05Z") }
