package httpd

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
	"gatebook/httpd/reports"
	"gatebook/projection"
	"gatebook/storage"
)

const (
	// heartbeat is how often a follower that there is nothing for gets a comment.
	heartbeat = 15 * time.Second
	// followerWriteTimeout is how long a follower may take nothing before it is cut off. It
	// costs nothing until then, and when the client comes back it goes on where it was.
	followerWriteTimeout = 10 * time.Minute
	// lastWriteTimeout is how long a follower may take for what is being sent when the
	// server shuts down.
	lastWriteTimeout = time.Second
)

// follower is a client that follows the log.
type follower struct {
	c        *gin.Context
	feeds    *feeds
	feed     *gatebook.Feed
	p        feedParameters
	b        []byte
	sent     uint64                             // events
	observed map[uint64]*projection.Observation // what was shown last, by session
	looked   time.Time
}

// follow sends records as server-sent events, until the client goes, the server shuts
// down, or as many were sent as were asked for.
func (f *feeds) follow(c *gin.Context, p feedParameters, pretty bool, m projection.Moment) error {
	if pretty {
		return params.Invalid("pretty=true does not go with a feed that is followed: an event is one line.")
	}
	if err := p.resume(c.Request, m); err != nil {
		return err
	}
	own := &follower{c: c, feeds: f, p: p, feed: f.reader.Feed(p.after, p.EventFilter)}
	stamp(c, m.Sequence)
	header := c.Writer.Header()
	header["Content-Type"] = []string{contentEvents}
	header["Cache-Control"] = f.answers.cacheControl
	if c.Request.Method == http.MethodHead {
		c.Writer.WriteHeaderNow()
		return nil
	}
	ctx, stop := context.WithCancel(c.Request.Context())
	defer stop()
	defer f.followers.enter(func() {
		stop()
		// A connection that knows no deadline is one whose client reads.
		_ = render.AllowWrite(c.Writer, lastWriteTimeout)
	})()
	err := own.run(ctx)
	if ctx.Err() != nil && !errors.Is(err, render.ErrClientGone) || errors.Is(err, storage.ErrClosed) {
		return nil
	}
	return err
}

// resume finds out where a follower begins.
func (p *feedParameters) resume(r *http.Request, m projection.Moment) error {
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		sequence, err := strconv.ParseUint(last, 10, 64)
		if err != nil {
			return params.Invalid("Last-Event-ID: %s is no place in the log: it is the id of the last event that was received.", last)
		}
		if sequence > m.Sequence {
			return beyond("Last-Event-ID: ", sequence, m)
		}
		p.after, p.resumed = sequence, true
	}
	if !p.resumed {
		p.after = m.Sequence
	}
	return reached(p.after, m)
}

func (f *follower) run(ctx context.Context) error {
	if err := f.begin(); err != nil || f.full() {
		return err
	}
	for {
		before := f.feed.Position()
		if err := f.catchUp(ctx); err != nil {
			return err
		}
		if err := f.flush(); err != nil || f.full() {
			return err
		}
		pause := time.Duration(0)
		if f.feed.Position() > before {
			pause = f.feeds.followers.pause()
		}
		if err := f.wait(ctx, pause); err != nil {
			return err
		}
	}
}

// begin tells the place from which the client goes on if it is cut off before the
// first event, and before that the kills that are pending, if those are wanted.
func (f *follower) begin() error {
	if !f.p.resumed {
		pending, err := f.feed.Pending()
		if err != nil {
			return err
		}
		for i := range pending {
			if f.full() {
				break
			}
			// Without an id: who comes back after one of them goes on from the beginning.
			f.b = appendData(f.b, &pending[i])
			f.sent++
		}
	}
	f.b = append(strconv.AppendUint(append(f.b, "id: "...), f.feed.Position(), 10), "\n\n"...)
	return f.flush()
}

func (f *follower) full() bool { return f.p.limit > 0 && f.sent >= f.p.limit }

// catchUp renders what there is, and sends all but the rest of it.
func (f *follower) catchUp(ctx context.Context) error {
	head := f.feeds.reader.Moment().Sequence
	for f.feed.Position() < head && !f.full() {
		var page []events.Record
		err := f.feeds.followers.inTurn(ctx, func() (err error) {
			page, err = f.feed.Next(head)
			page = f.render(page, head)
			return err
		})
		for err == nil && len(page) > 0 {
			if err = f.flush(); err == nil {
				err = f.feeds.followers.inTurn(ctx, func() error { page = f.render(page, head); return nil })
			}
		}
		if err == nil && len(f.b) >= render.PieceSize {
			err = f.flush()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// render renders records of a log that ends at head until there is a piece to send, and
// returns those that are left.
func (f *follower) render(page []events.Record, head uint64) []events.Record {
	for i := range page {
		if f.full() {
			return nil
		}
		if len(f.b) >= render.PieceSize {
			return page[i:]
		}
		f.b = f.feeds.rendered.append(f.b, &page[i], head)
		f.sent++
	}
	return nil
}

// flush sends what is rendered.
func (f *follower) flush() error {
	if len(f.b) == 0 {
		return nil
	}
	err := f.feeds.followers.unlessLeaving(func() error { return render.AllowWrite(f.c.Writer, f.feeds.followers.writeTimeout) })
	if err != nil {
		return err
	}
	if _, err := f.c.Writer.Write(f.b); err != nil {
		return errors.Join(render.ErrClientGone, err)
	}
	f.b = f.b[:0]
	f.c.Writer.Flush()
	return nil
}

// wait returns when there is more, after a pause.
func (f *follower) wait(ctx context.Context, pause time.Duration) error {
	beat := time.Now().Add(heartbeat)
	if pause > 0 {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for {
		until := beat
		if f.p.observations {
			if err := f.observe(); err != nil {
				return err
			}
			until = earlier(beat, f.looked.Add(time.Second))
		}
		waiting, stop := context.WithDeadline(ctx, until)
		err := f.feed.Wait(waiting)
		stop()
		switch {
		case err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
			return err
		case !time.Now().Before(beat):
			f.b = append(f.b, ":\n\n"...)
			return f.flush()
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// observe shows the newest observed counters of live connections, of each that has
// some it has not shown, at most once a second.
func (f *follower) observe() error {
	if time.Since(f.looked) < time.Second {
		return nil
	}
	f.looked = time.Now()
	live, err := f.feeds.sessions.Sessions(gatebook.Query{Live: true, Filter: projection.Filter{Sources: f.p.Sources}})
	if err != nil {
		return err
	}
	shown := make(map[uint64]*projection.Observation)
	for v, err := range live.All() {
		if err != nil {
			return err
		}
		if v.Observed == nil || len(f.p.Sessions) > 0 && !slices.Contains(f.p.Sessions, v.ID) {
			continue
		}
		shown[v.ID] = v.Observed
		if f.observed[v.ID] != v.Observed {
			f.observation(v, f.observed[v.ID])
		}
	}
	f.observed = shown
	return f.flush()
}

// observation renders what was observed of the connections of a session since.
func (f *follower) observation(v projection.View, before *projection.Observation) {
	for i := range v.Observed.Finals {
		final := v.Observed.Finals[i]
		if before != nil && slices.Contains(before.Finals, final) {
			continue
		}
		f.b = append(f.b, "event: observation\ndata: "...)
		f.b = append(reports.AppendObservation(f.b, v.ID, final), "\n\n"...)
	}
}
