package httpd

import (
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd/accounts"
	"gatebook/httpd/render"
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
	follow       bool
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
	// rendered is shared by all followers.
	rendered renderings
}

func newFeeds(read eventReader, sessions sessionReader, to *answers, f *followers) *feeds {
	return &feeds{reader: read, sessions: sessions, answers: to, followers: f}
}

// list answers with the records that the query selects, or follows the log.
func (f *feeds) list(c *gin.Context) error {
	p, err := parse(c.Request.URL.RawQuery, paramAfter, paramKind, paramSession, paramSource, paramLimit, paramFollow, paramObservations)
	if err != nil {
		return err
	}
	p.feed.Sources, p.feed.after, p.feed.resumed, p.feed.limit = p.filter.Sources, p.after, p.resumed, uint64(p.span.limit)
	if err := restrict(c, &p.feed); err != nil {
		return err
	}
	m := f.reader.Moment()
	if p.feed.follow || representationOf(c).Form == contentEvents {
		return f.follow(c, p, m)
	}
	if p.feed.observations {
		return badParameter("observations=true goes with follow=true only: observations are no records.")
	}
	if err := reached(p.feed.after, m); err != nil {
		return err
	}
	if err := f.answers.validate(c, m, render.Validators{Version: m.Sequence, Modified: m.Recorded}); err != nil {
		return err
	}
	a := f.answers.begin(c, m, p)
	defer a.Release()
	return render.List(a, eventShape, f.recorded(p.feed, m.Sequence))
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
	return badParameter("%s%d is beyond the log, which ends at %d.", given, after, m.Sequence)
}

// restrict limits an account of role source to the events of its own source.
func restrict(c *gin.Context, p *feedParameters) error {
	account, ok := accountOf(c.Request)
	if !ok || account.Role != accounts.Source {
		return nil
	}
	own := projection.NameKey(account.Name)
	if slices.ContainsFunc(p.Sources, func(name string) bool { return projection.NameKey(name) != own }) {
		return forbidden("The account " + account.Name + " has the role source, and may see the events of its own source alone.")
	}
	p.Sources = []string{account.Name}
	return nil
}

// trail answers with the records of the session that the path names, oldest first.
func (f *feeds) trail(c *gin.Context) error {
	p, err := parse(c.Request.URL.RawQuery, paramRange)
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
	trail = cut(trail, p.span)
	if len(trail) == 0 {
		return render.List(a, eventShape, render.Each[events.Record](nil))
	}
	only := gatebook.EventFilter{Sessions: []uint64{v.ID}}
	return render.List(a, eventShape, f.recorded(feedParameters{EventFilter: only, after: trail[0] - 1}, trail[len(trail)-1]))
}

// takeFeed reads a parameter of the feed that may be given several times; false when
// it is none.
func (p *parameters) takeFeed(name string, given []string) (bool, error) {
	switch name {
	case paramKind:
		return true, p.takeKinds(listed(given))
	case paramSession:
		for _, text := range listed(given) {
			id, err := strconv.ParseUint(text, 10, 64)
			if err != nil || id == 0 {
				return true, badParameter("session=%s is no session: it is a number, as in session=42.", text)
			}
			p.feed.Sessions = append(p.feed.Sessions, id)
		}
		return true, nil
	}
	return false, nil
}

func (p *parameters) takeKinds(wanted []string) error {
	var known []string
	byName := make(map[string]events.Kind)
	for _, kind := range events.Kinds() {
		known = append(known, kind.String())
		byName[kind.String()] = kind
	}
	for _, name := range wanted {
		kind, ok := byName[name]
		if !ok {
			like := ""
			if guess := render.Nearest(name, known); guess != "" {
				like = " Did you mean " + guess + "?"
			}
			return badParameter("kind=%s is not known.%s Known are: %s.", name, like, strings.Join(known, ", "))
		}
		p.feed.Kinds = append(p.feed.Kinds, kind)
	}
	return nil
}

// listed are the elements of a parameter that takes several, in whatever way they
// are given.
func listed(given []string) []string { return strings.Split(strings.Join(given, ","), ",") }
