package httpd

import (
	"errors"
	"iter"
	"slices"

	"github.com/gin-gonic/gin"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd/access"
	"gatebook/httpd/accounts"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
	"gatebook/httpd/reports"
	"gatebook/projection"
)

// contentEvents is the media type of a feed that goes on.
const contentEvents = "text/event-stream"

// feedForms are the media types of the feed, best first.
var feedForms = []string{render.JSON, render.NDJSON, contentEvents}

// trailForms are those of a session's trail.
var trailForms = []string{render.JSON, render.NDJSON}

// feedParameters are what the feed is asked for.
type feedParameters struct {
	gatebook.EventFilter
	after        uint64
	resumed      bool // after is given
	limit        uint64
	observations bool
}

// eventReader is what the API reads of the log.
type eventReader interface {
	Feed(after uint64, only gatebook.EventFilter) *gatebook.Feed
	present
}

// feeds answers with records of the log, and sends them to those who follow it.
type feeds struct {
	reader    eventReader
	sessions  sessionReader
	answers   *answers
	followers *followers
	records   render.Shape[events.Record]
	// rendered is shared by all followers.
	rendered renderings
}

func newFeeds(read eventReader, sessions sessionReader, to *answers, f *followers) *feeds {
	return &feeds{reader: read, sessions: sessions, answers: to, followers: f, records: reports.RecordShape()}
}

// list answers with the records that the query selects, or follows the log.
func (f *feeds) list(c *gin.Context) error {
	p, err := params.Parse(c.Request.URL.RawQuery, params.After, params.Kind, params.Session, params.Source, params.Limit, params.Follow, params.Observations)
	if err != nil {
		return err
	}
	which := feedParameters{
		EventFilter: p.Events, after: p.Query.After, resumed: p.Resumed, limit: uint64(p.Query.Limit), observations: p.Observations,
	}
	which.Sources = p.Query.Filter.Sources
	if err := restrict(c, &which); err != nil {
		return err
	}
	m := f.reader.Moment()
	if p.Follow || representationOf(c).Form == contentEvents {
		return f.follow(c, which, p.Pretty, m)
	}
	if p.Observations {
		return params.Invalid("observations=true goes with follow=true only: observations are no records.")
	}
	if err := reached(which.after, m); err != nil {
		return err
	}
	if err := f.answers.validate(c, m, render.Validators{Version: m.Sequence, Modified: m.Recorded}); err != nil {
		return err
	}
	a := f.answers.begin(c, m, p)
	defer a.Release()
	return render.List(a, f.records, f.recorded(which, m.Sequence))
}

// recorded yields the records that are selected, up to a sequence.
func (f *feeds) recorded(p feedParameters, until uint64) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		feed := f.reader.Feed(p.after, p.EventFilter)
		for n := uint64(0); feed.Position() < until; {
			page, err := feed.Next(until)
			if err != nil {
				yield(events.Record{}, err)
				return
			}
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
				if n++; n == p.limit {
					return
				}
			}
		}
	}
}

// reached refuses to begin after the head of the log: that position is of another log, or
// of this one before it was restored.
func reached(after uint64, m projection.Moment) error {
	if after > m.Sequence {
		return beyond("after=", after, m)
	}
	return nil
}

func beyond(given string, after uint64, m projection.Moment) error {
	return params.Invalid("%s%d is beyond the log, which ends at %d.", given, after, m.Sequence)
}

// restrict limits an account of role source to the events of its own source.
func restrict(c *gin.Context, p *feedParameters) error {
	account, ok := access.AccountOf(c.Request)
	if !ok || account.Role != accounts.Source {
		return nil
	}
	own := projection.NameKey(account.Name)
	if slices.ContainsFunc(p.Sources, func(name string) bool { return projection.NameKey(name) != own }) {
		return access.Forbidden("The account " + account.Name + " has the role source, and may see the events of its own source alone.")
	}
	p.Sources = []string{account.Name}
	return nil
}

// trail answers with the records of the session that the path names, oldest first.
func (f *feeds) trail(c *gin.Context) error {
	p, err := params.Parse(c.Request.URL.RawQuery, params.Range)
	if err != nil {
		return err
	}
	id, err := sessionID(c)
	if err != nil {
		return err
	}
	v, m, err := f.sessions.Session(id)
	if errors.Is(err, gatebook.ErrNotFound) {
		return notFound("Session", c.Param("id"))
	}
	if err != nil {
		return err
	}
	if err := f.answers.validate(c, m, validatorsOf(v, false)); err != nil {
		return err
	}
	trail := slices.Collect(v.Trail())
	setTotal(c, uint64(len(trail)))
	a := f.answers.begin(c, m, p)
	defer a.Release()
	trail = params.Part(&p, trail)
	if len(trail) == 0 {
		return render.List(a, f.records, render.Each[events.Record](nil))
	}
	only := gatebook.EventFilter{Sessions: []uint64{v.ID}}
	return render.List(a, f.records, f.recorded(feedParameters{EventFilter: only, after: trail[0] - 1}, trail[len(trail)-1]))
}
