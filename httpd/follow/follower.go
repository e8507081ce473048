package follow

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd/render"
	"gatebook/httpd/reports"
	"gatebook/projection"
)

// Options says what a follower is sent.
type Options struct {
	// Only selects the records.
	Only gatebook.EventFilter
	// After is the sequence of the record after which the follower begins.
	After uint64
	// Pending sends the kill requests first that are pending.
	Pending bool
	// Limit is how many events are sent at most; 0 is no limit.
	Limit uint64
	// Observations sends observed counters too.
	Observations bool
}

// follower is a client that follows the log. It is for one goroutine.
type follower struct {
	Options
	set     *Set
	w       http.ResponseWriter
	control *http.ResponseController // of w
	feed    *gatebook.Feed
	b       []byte    // rendered and not sent
	sent    uint64    // how many events were rendered
	named   uint64    // the last sequence that was rendered as an id
	spoken  time.Time // when something was sent last
	// observed holds the observation of each session that was sent last, looked when they
	// were looked for last.
	observed map[uint64]*projection.Observation
	looked   time.Time
}

// run sends records until ctx ends or the limit is reached.
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
			pause = f.set.pause()
		}
		if err := f.wait(ctx, pause); err != nil {
			return err
		}
	}
}

// begin sends the pending kill requests, if they are asked for, and then an id without an
// event: the place from which the client goes on if it is cut off before the first event.
func (f *follower) begin() error {
	if f.Pending {
		pending, err := f.feed.Pending()
		if err != nil {
			return err
		}
		for i := range pending {
			if f.full() {
				break
			}
			// It has no id, so that a client that is cut off here gets all of them again.
			f.b = f.set.shared.appendData(f.b, &pending[i])
			f.sent++
		}
	}
	if err := f.place(); err != nil {
		return err
	}
	return f.flush()
}

// place renders an id without an event: the place up to which the follower has been sent
// everything.
func (f *follower) place() error {
	f.named = f.feed.Position()
	b, err := f.set.appendPlace(append(f.b, "id: "...), f.named)
	if err == nil {
		f.b = append(b, "\n\n"...)
	}
	return err
}

// full reports whether as many events were rendered as are asked for.
func (f *follower) full() bool { return f.Limit > 0 && f.sent >= f.Limit }

// catchUp renders the records up to the head of the log, and sends all but the last piece.
func (f *follower) catchUp(ctx context.Context) error {
	head := f.set.log.Moment().Sequence
	for f.feed.Position() < head && !f.full() {
		var page []events.Record
		err := f.set.InTurn(ctx, true, func() (err error) {
			page, err = f.feed.Next(head)
			page = f.render(page, head)
			return err
		})
		for err == nil && len(page) > 0 {
			if err = f.flush(); err == nil {
				err = f.set.InTurn(ctx, true, func() error { page = f.render(page, head); return nil })
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

// render renders records of a log that ends at head until there is a piece to send. It
// returns the records that are left.
func (f *follower) render(page []events.Record, head uint64) []events.Record {
	for i := range page {
		if f.full() {
			return nil
		}
		if len(f.b) >= render.PieceSize {
			return page[i:]
		}
		f.b = f.set.shared.append(f.b, &page[i], head)
		f.named = page[i].Sequence
		f.sent++
	}
	return nil
}

// flush sends the rendered events.
func (f *follower) flush() error {
	if len(f.b) == 0 {
		return nil
	}
	if err := f.set.allowWrite(f.control); err != nil {
		return err
	}
	if _, err := f.w.Write(f.b); err != nil {
		return errors.Join(render.ErrClientGone, err)
	}
	f.b, f.spoken = f.b[:0], time.Now()
	if err := f.control.Flush(); err != nil {
		return errors.Join(render.ErrClientGone, err)
	}
	return nil
}

// wait pauses, and then blocks until there are more records. When nothing was sent for long it
// sends a sign of life; it also sends observations.
func (f *follower) wait(ctx context.Context, pause time.Duration) error {
	if pause > 0 {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for {
		// Records that are not asked for are no sign of life to the client.
		beat := f.spoken.Add(f.set.Heartbeat)
		if !time.Now().Before(beat) {
			return f.beat()
		}
		until := beat
		if f.Observations {
			if err := f.observe(ctx); err != nil {
				return err
			}
			until = earlier(beat, f.looked.Add(time.Second))
		}
		waiting, stop := context.WithDeadline(ctx, until)
		err := f.feed.Wait(waiting)
		stop()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
}

// beat sends a sign of life: the place in the log, or a comment where it has not moved.
func (f *follower) beat() error {
	if f.feed.Position() == f.named {
		f.b = append(f.b, ":\n\n"...)
	} else if err := f.place(); err != nil {
		return err
	}
	return f.flush()
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// observe sends the counters of live connections that were observed since the last time. It
// does so at most once a second.
func (f *follower) observe(ctx context.Context) error {
	if time.Since(f.looked) < time.Second {
		return nil
	}
	f.looked = time.Now()
	live, err := f.set.log.SessionsContext(ctx, gatebook.Query{Live: true, Filter: projection.Filter{Sources: f.Only.Sources}})
	if errors.Is(err, gatebook.ErrCrowded) {
		return nil // the next time will do
	}
	if err != nil {
		return err
	}
	shown := make(map[uint64]*projection.Observation)
	for v, err := range live.All() {
		if err != nil {
			return err
		}
		if v.Observed == nil || len(f.Only.Sessions) > 0 && !slices.Contains(f.Only.Sessions, v.ID) {
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

// observation renders the counters of a session's connections that differ from those of
// before.
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
