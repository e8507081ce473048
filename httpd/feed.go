package httpd

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd/access"
	"gatebook/httpd/accounts"
	"gatebook/httpd/follow"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
	"gatebook/httpd/reports"
	"gatebook/projection"
)

// freePages is how many pages of the log a request reads without finding anything before it
// ends with its client. One that has closed its sending half alone still reads the answer.
const freePages = 16

// contentEvents is the media type of a feed that is followed.
const contentEvents = "text/event-stream"

// feedForms returns the media types of the feed, best first.
func feedForms() []string { return []string{render.JSON, render.NDJSON, contentEvents} }

// trailForms returns the media types of a session's trail, best first.
func trailForms() []string { return []string{render.JSON, render.NDJSON} }

// eventReader is what the API reads of the log.
type eventReader interface {
	Feed(after uint64, only gatebook.EventFilter) *gatebook.Feed
	LogID() [16]byte
	present
}

// feeds answers with records of the log, and sends them to clients that follow it.
type feeds struct {
	reader    eventReader
	sessions  sessionReader
	answers   *answers
	followers *follow.Set
	records   render.Shape[events.Record]
}

func newFeeds(read eventReader, sessions sessionReader, to *answers, f *follow.Set) *feeds {
	return &feeds{reader: read, sessions: sessions, answers: to, followers: f, records: reports.RecordShape(keyOf(sessions))}
}

// keyOf returns the function that reads the key of a session.
func keyOf(read sessionReader) reports.KeyOf {
	return func(id uint64) string {
		v, _, err := read.Session(id)
		if err != nil {
			return ""
		}
		return v.Key()
	}
}

// list answers with the records that the query selects, or follows the log.
func (f *feeds) list(c *gin.Context) error {
	p, err := params.Parse(c.Request.URL.RawQuery, params.After, params.Kind, params.Session, params.Source, params.Limit, params.Follow, params.Observations)
	if err != nil {
		return err
	}
	if p.Query.Position.Given {
		return params.Invalid("after is the sequence of a record here, not a place in a list of sessions.")
	}
	only := p.Events
	if only.Sources, err = visibleSources(c.Request, p.Query.Filter.Sources); err != nil {
		return err
	}
	m := f.reader.Moment()
	if p.Follow || representationOf(c).Form == contentEvents {
		return f.follow(c, p, only, m)
	}
	if p.Observations {
		return params.Invalid("observations=true goes with follow=true only: observations are no records.")
	}
	if err := f.reached("after=", p.Query.After, p.Mark, m); err != nil {
		return err
	}
	if err := f.answers.validate(c, m, render.Validators{Version: m.Sequence, Modified: m.Recorded}); err != nil {
		return err
	}
	a := f.answers.begin(c, m, p)
	defer a.Release()
	return render.List(a, f.records, f.recorded(c.Request.Context(), only, p.Query.After, m.Sequence, p.Query.Limit))
}

// follow sends records as they are made.
func (f *feeds) follow(c *gin.Context, p params.Parameters, only gatebook.EventFilter, m projection.Moment) error {
	if p.Pretty {
		return params.Invalid("pretty=true does not go with a feed that is followed: an event is one line.")
	}
	after, resumed, err := f.resumeAfter(c.Request, p, m)
	if err != nil {
		return err
	}
	stamp(c, m.Sequence)
	header := c.Writer.Header()
	header["Content-Type"] = []string{contentEvents}
	header["X-Accel-Buffering"] = []string{"no"} // a proxy passes each event on at once
	if c.Request.Method == http.MethodHead {
		c.Writer.WriteHeaderNow()
		return nil
	}
	return f.followers.Serve(c.Request.Context(), c.Writer, follow.Options{
		Only: only, After: after, Pending: !resumed, Limit: uint64(p.Query.Limit), Observations: p.Observations,
	})
}

// resumeAfter returns the sequence after which a follower begins, and whether the client has
// named it, in the header Last-Event-ID or the parameter after.
func (f *feeds) resumeAfter(r *http.Request, p params.Parameters, m projection.Moment) (after uint64, resumed bool, err error) {
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		text, mark, _ := strings.Cut(last, params.PlaceMark)
		sequence, ok := params.Number(text, 64)
		if !ok {
			return 0, false, params.Invalid("Last-Event-ID: %s is no place in the log: it is the id of the last event that was received.", last)
		}
		return sequence, true, f.reached("Last-Event-ID: ", sequence, mark, m)
	}
	if !p.Resumed {
		return m.Sequence, false, nil
	}
	return p.Query.After, true, f.reached("after=", p.Query.After, p.Mark, m)
}

// recorded yields the selected records after a sequence and up to another, at most limit of
// them unless that is 0. It reads in turns with those that follow the log. Where it reads much
// and finds little, it ends with ctx.
func (f *feeds) recorded(ctx context.Context, only gatebook.EventFilter, after, until uint64, limit int) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		feed := f.reader.Feed(after, only)
		pages := 0 // since something was yielded
		for n := 0; feed.Position() < until; pages++ {
			var page []events.Record
			err := f.followers.InTurn(ctx, n > 0, func() (err error) {
				page, err = feed.Next(until)
				return err
			})
			if err == nil && pages > freePages {
				err = ctx.Err()
			}
			if err != nil {
				yield(events.Record{}, err)
				return
			}
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
				if n++; n == limit {
					return
				}
				pages = 0
			}
		}
	}
}

// reached refuses to begin after the head of the log, and at a place of another history: of
// another log, or of this one before it was restored. Without a mark a place is of any history.
// given is how the client has named it.
func (f *feeds) reached(given string, after uint64, mark string, m projection.Moment) error {
	if after > m.Sequence {
		return params.Invalid("%s%d is beyond the log, which ends at %d.", given, after, m.Sequence)
	}
	if mark == "" {
		return nil
	}
	place, err := f.followers.Place(after)
	if err != nil {
		return err
	}
	if was := strconv.FormatUint(after, 10) + params.PlaceMark + mark; was != place {
		return params.Invalid("%s%s is a place in another log, or in this one before it was restored from a copy: what came after it is not what comes here. Begin anew.", given, was)
	}
	return nil
}

// visibleSources returns the sources that a request asks for and may see the events of; an
// empty list stands for all sources. An account of role source sees the events of its own source alone.
func visibleSources(r *http.Request, asked []string) ([]string, error) {
	account, ok := access.AccountOf(r)
	if !ok || account.Role != accounts.Source {
		return asked, nil
	}
	own := projection.NameKey(account.Name)
	if slices.ContainsFunc(asked, func(name string) bool { return projection.NameKey(name) != own }) {
		return nil, access.Forbidden("The account " + account.Name + " has the role source, and may see the events of its own source alone.")
	}
	return []string{account.Name}, nil
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
	return render.List(a, f.records, f.recorded(c.Request.Context(), only, trail[0]-1, trail[len(trail)-1], 0))
}
