package httpd

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"

	"gatebook"
	"gatebook/events"
	"gatebook/projection"
)

const (
	headerGap  = "Gatebook-Gap"
	headerLink = "Link"
)

func (s *Server) listSessions(c *gin.Context) error {
	return s.answerSessions(c, listParameters, nil)
}

// listServiceSessions lists the sessions of the service that the path names.
func (s *Server) listServiceSessions(c *gin.Context) error {
	return s.answerSessions(c, without(listParameters, paramService), func(name string, f *projection.Filter) error {
		if _, _, err := s.registry.Service(name); err != nil {
			return missing("Service", name, err)
		}
		f.Services = []string{name}
		return nil
	})
}

// listServerSessions lists the sessions that reached the server that the path names.
func (s *Server) listServerSessions(c *gin.Context) error {
	return s.answerSessions(c, without(listParameters, paramServer), func(name string, f *projection.Filter) error {
		if _, _, err := s.registry.Server(name); err != nil {
			return missing("Server", name, err)
		}
		f.Servers = []string{name}
		return nil
	})
}

func without(all []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == name })
}

// answerSessions answers with a list of sessions, which narrow narrows to those of what
// the path names.
func (s *Server) answerSessions(c *gin.Context, takes []string, narrow func(name string, f *projection.Filter) error) error {
	p, err := parse(c.Request.URL.RawQuery, takes...)
	if err != nil {
		return err
	}
	chosen, err := s.sessions.shape(p.fields)
	if err != nil {
		return err
	}
	if narrow != nil {
		name, err := pathName(c)
		if err != nil {
			return err
		}
		if err := narrow(name, &p.filter); err != nil {
			return err
		}
	}
	then, err := s.moment(c, p.at)
	if err != nil {
		return err
	}
	q, err := p.query(then.now, then.sequence)
	if err != nil {
		return err
	}
	if p.limited {
		q.Limit++ // to see whether there is a next page
	}
	found := &gatebook.Listing{Moment: s.registry.Moment(), Counted: true}
	if !then.before {
		if found, err = s.registry.Sessions(q); err != nil {
			return badAfter(err, p)
		}
	}
	m := then.of(found.Moment)
	// Who is in a window that moves with the clock changes without a record.
	if !p.since.moves() && !p.until.moves() || p.at.given {
		if err := s.validate(c, m, validatorsOfAll(m, p.live && !p.at.given && p.shows("statistics"))); err != nil {
			return err
		}
	}
	a := s.answer(c, m, p)
	defer a.release()
	a.now = then.now
	if found.Counted && (p.count || !p.limited && !p.at.given) {
		a.total(found.Total)
	}
	if !p.limited {
		return list(a, chosen, ahead(found.All()))
	}
	page, err := pageOf(c, found, p.span.limit)
	if err != nil {
		return err
	}
	return list(a, chosen, each(page))
}

// pageOf are the sessions of a page. When there are more the client is told where the
// next page is.
func pageOf(c *gin.Context, found *gatebook.Listing, limit int) ([]projection.View, error) {
	var page []projection.View
	for v, err := range found.All() {
		if err != nil {
			return nil, err
		}
		page = append(page, v)
	}
	if len(page) > limit {
		page = page[:limit]
		next := url.URL{Path: c.Request.URL.Path, RawPath: c.Request.URL.RawPath}
		values := c.Request.URL.Query()
		values.Set(paramAfter, strconv.FormatUint(page[limit-1].ID, 10))
		next.RawQuery = values.Encode()
		c.Header(headerLink, "<"+next.String()+`>; rel="next"`)
	}
	return page, nil
}

// badAfter says of what after= names that it is not there.
func badAfter(err error, p parameters) error {
	if p.after != 0 && errors.Is(err, gatebook.ErrNotFound) {
		return badParameter("after=%d names no session in the book.", p.after)
	}
	return err
}

// asked is the moment that an answer is of.
type asked struct {
	// sequence is that of the last record it reflects; 0 is now.
	sequence uint64
	recorded events.Time
	// now is what its times are told from.
	now events.Time
	// before: there was no record yet.
	before bool
}

// moment is what the parameter at asks for: now when it is not given. Where no
// registry ran then, the client is told.
func (s *Server) moment(c *gin.Context, at instant) (asked, error) {
	if !at.given {
		return asked{now: events.TimeOf(s.registry.Now())}, nil
	}
	if at.sequence != 0 {
		if head := s.registry.Moment().Sequence; at.sequence > head {
			return asked{}, badParameter("at=%d is a record still to come: the last one is %d.", at.sequence, head)
		}
		when, err := s.registry.RecordedAt(at.sequence)
		recorded := events.TimeOf(when)
		return asked{sequence: at.sequence, recorded: recorded, now: recorded}, err
	}
	if now := events.TimeOf(s.registry.Now()); at.time > now {
		return asked{}, badParameter("at=%s is still to come: it is %s now.", timeText(at.time), timeText(now))
	}
	gap, found, err := s.registry.GapAt(at.time.Time())
	if err != nil {
		return asked{}, err
	}
	if found {
		c.Header(headerGap, gapText(gap))
	}
	sequence, err := s.registry.SequenceAt(at.time.Time())
	if err != nil || sequence == 0 {
		return asked{now: at.time, before: true}, err
	}
	recorded, err := s.registry.RecordedAt(sequence)
	return asked{sequence: sequence, recorded: events.TimeOf(recorded), now: at.time}, err
}

// gapText is an interval of ISO 8601, whose beginning may be open.
func gapText(gap gatebook.Gap) string {
	from := ".."
	if !gap.From.IsZero() {
		from = timeText(events.TimeOf(gap.From))
	}
	return from + "/" + timeText(events.TimeOf(gap.To))
}

// timeText is a time as the API writes it.
func timeText(t events.Time) string {
	b := appendTime(nil, t)
	return string(b[1 : len(b)-1])
}

// of is the moment of an answer, seen from the present one.
func (a asked) of(present projection.Moment) projection.Moment {
	if a.sequence == 0 && !a.before {
		return present
	}
	return projection.Moment{Sequence: a.sequence, Recorded: a.recorded, Sessions: projection.Change{Sequence: a.sequence, Recorded: a.recorded}}
}

// view is a session as the moment asked for has it.
func (s *Server) view(c *gin.Context, then asked) (projection.View, projection.Moment, error) {
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
		v, m, err = s.registry.SessionAsOf(id, then.sequence)
	default:
		v, m, err = s.registry.Session(id)
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
