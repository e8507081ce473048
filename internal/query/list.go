package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// Listing is the answer to a query, of one moment. It is for one goroutine.
type Listing struct {
	projection.Moment
	// Total is how many sessions there are without After, Skip and Limit. It is known
	// where it costs nothing, or was asked for.
	Total   uint64
	Counted bool

	reader   *Reader
	query    projection.Query
	ordering ordering
	pace     pace
	matcher  *projection.Matcher // of the query's filter
	memory   []projection.View   // what is left of those in memory, in order
	ended    projection.EndedSessions
	archives []*archiveCursor
	// inexact is set if the archive's indexes alone do not tell which sessions match.
	inexact bool
	// returned are archived sessions that were lost once and have to be folded before the
	// listing begins, counted is over those that have to be folded to be counted. Both are of a
	// listing as of a sequence.
	returned []projection.View
	counted  *archiveCursor
}

// Sessions begins a listing. Its cost is the sessions that are listed; of several filters
// also the nodes of the indexes of which each has something. The archive is read page by page
// as the listing is walked. Skip in an order by id, and Count, cost the nodes of which they
// take a part; but in an order by end Skip costs what is left out, and with AsOf Count costs
// the sessions that were live then. The orders of live sessions visit those in memory. The
// end of ctx ends the listing, and the walk over it.
//
// Errors: [ErrNotFound] when there is no session After, [ErrInvalid] for an AsOf that
// the log has not reached and for a query that contradicts itself, [ErrCrowded].
func (r *Reader) Sessions(ctx context.Context, q projection.Query) (*Listing, error) {
	// Yield first, so that a tight loop of listings does not starve the writer: back from
	// its sync it would otherwise wait for the whole time slice of each reader.
	runtime.Gosched()
	q.Live = q.Has(projection.Live)
	if q.Order.OfLive() && (q.Closed || q.Lost || q.AsOf != 0) {
		return nil, fmt.Errorf("%w: this order is of live sessions alone, as they are now", ErrInvalid)
	}
	filtered := !q.Filter.Empty() || q.AsOf != 0
	q.Count = q.Count && filtered && !q.Order.OfLive()
	l := &Listing{reader: r, query: q, matcher: q.Filter.Compile(), Counted: !filtered || q.Count || q.Order.OfLive()}
	l.pace = pace{ctx: ctx, turns: r.turns}
	defer l.pace.rest()
	l.ordering = ordering{order: q.Order, now: events.TimeOf(r.now())}
	l.ordering.asOf = cmp.Or(q.AsOf, q.Position.Sequence) // begin sets it to the present where it is 0
	if err := l.findAfter(); err != nil {
		return nil, err
	}
	if err := l.begin(); err != nil {
		return nil, err
	}
	if q.Count && l.inexact {
		l.pace.rest() // the whole answer takes a turn of its own
		return r.gather(ctx, q)
	}
	if q.Order.OfLive() || q.Count {
		return l, nil
	}
	if q.Live {
		l.Total += uint64(l.Live)
	}
	if q.Closed {
		l.Total += l.Closed
	}
	if q.Lost {
		l.Total += l.Lost
	}
	return l, nil
}

// begin copies the sessions in memory, and opens the archive at the same moment.
func (l *Listing) begin() error {
	q := &l.query
	archived := q.Closed || q.Lost || q.AsOf != 0
	want := l.selection(archived)
	if err := (recentlyEnded{l}).wait(archived); err != nil {
		return err
	}
	var snapshot *storage.Snapshot
	memory, err := l.reader.state.Copy(want, func() (err error) {
		if archived {
			snapshot, err = l.reader.archive.Snapshot()
		}
		return err
	})
	if err != nil {
		return err
	}
	l.Moment, l.ended = memory.Moment, memory.Ended
	if l.ordering.asOf == 0 {
		l.ordering.asOf = l.Sequence
	}
	if q.AsOf > l.Sequence {
		err = errBeyond(q.AsOf, l.Sequence)
	}
	if q.Order.OfLive() {
		l.selectLive(memory.Living)
		return err
	}
	if err == nil {
		err = l.arrange(memory.Living)
	}
	if snapshot != nil {
		if err == nil {
			err = l.openArchive(snapshot)
		}
		err = errors.Join(err, snapshot.Close())
	}
	if err == nil && q.AsOf != 0 {
		err = l.fold()
	}
	if q.Count {
		l.dropBefore()
	}
	return err
}

// dropBefore removes the sessions in memory that come before the listing's beginning.
func (l *Listing) dropBefore() {
	if l.query.After != 0 {
		l.memory = slices.DeleteFunc(l.memory, func(v projection.View) bool { return !l.isAfter(v) })
	}
}

// selection returns what is copied of the sessions in memory. Where their order is by id it
// is no more than the page.
func (l *Listing) selection(archived bool) projection.Selection {
	q := &l.query
	want := projection.Selection{
		Live: q.Live, Closed: q.Closed, Lost: q.Lost, AsOf: q.AsOf,
		Descending: q.Order == projection.ByIDDescending, Limit: q.Limit,
		Pause: l.pace.visit,
	}
	if !q.Filter.Empty() {
		want.Filter = l.matcher
	}
	switch {
	case q.Order.OfLive():
		want.Limit = 0 // all of them are compared
		return want
	case q.Count:
		want.Limit = 0
		return want
	case !q.Order.HasEnd():
		want.Beyond = q.After
	case q.After != 0 && l.livesPassed():
		want.Live = false
	case q.After != 0 && q.Position.Place == l.ordering.livePlace():
		want.Beyond = q.After
	}
	switch {
	case q.AsOf != 0:
		want.Limit = 0 // not everybody who is copied will be listed
	case archived && q.Limit > 0:
		want.Limit = q.Skip + q.Limit // not more, whatever the archive has
	case !archived:
		want.Skip, q.Skip = q.Skip, 0
	}
	return want
}

// livesPassed reports whether the listing goes on after all live sessions.
func (l *Listing) livesPassed() bool {
	return l.ordering.livesFirst() && l.query.Position.Place != l.ordering.livePlace()
}

// selectLive chooses the page of an order of live sessions.
func (l *Listing) selectLive(living []projection.View) {
	q := &l.query
	l.Total = uint64(len(living))
	n := 0
	if q.Limit > 0 {
		n = q.Skip + q.Limit
	}
	l.memory = l.ordering.first(living, q.After, q.Position, n)
	l.memory, q.Skip = l.memory[min(q.Skip, len(l.memory)):], 0
}

// arrange puts the sessions in memory into the order of the listing, without those that come
// before its beginning, unless they are to be counted.
func (l *Listing) arrange(all []projection.View) error {
	q := &l.query
	ended, err := recentlyEnded{l}.selected()
	if err != nil {
		return err
	}
	if len(ended) > 0 || q.Order.HasEnd() {
		all = append(all, ended...)
		if q.AsOf != 0 && q.Order.HasEnd() {
			if err := l.foldReturned(all); err != nil {
				return err
			}
			all = slices.DeleteFunc(all, func(v projection.View) bool { return v.Session == nil })
		}
		slices.SortFunc(all, l.ordering.compare)
	}
	if q.Count && q.AsOf == 0 {
		l.Total = uint64(len(all))
	}
	if l.memory = all; !q.Count {
		l.dropBefore()
	}
	return nil
}

// foldReturned replaces the sessions that were lost once by what they were, because that may
// have been another status than live. The others were live before their last record.
func (l *Listing) foldReturned(all []projection.View) (err error) {
	for i, v := range all {
		if !v.WasLost() || v.Version <= l.query.AsOf {
			continue
		}
		if all[i], err = l.asOf(v); err != nil {
			return err
		}
	}
	return nil
}

// isAfter reports whether a session comes after the one that the query names.
func (l *Listing) isAfter(v projection.View) bool {
	q := &l.query
	switch {
	case q.After == 0:
		return true
	case q.Order == projection.ByID:
		return v.ID > q.After
	case q.Order == projection.ByIDDescending:
		return v.ID < q.After
	}
	return l.ordering.compareAt(l.ordering.place(v), l.ordering.name(v), v.ID, q.Position.Place, q.Position.Name, q.After) > 0
}

// Position returns where a session stood in the order when it was listed: a page begins after
// it at the same place, whatever has become of the session.
func (l *Listing) Position(v projection.View) projection.Position {
	if !l.query.Order.HasEnd() && !l.query.Order.OfLive() {
		return projection.Position{}
	}
	return projection.Position{Given: true, Place: l.ordering.place(v), Name: l.ordering.name(v), Sequence: l.ordering.asOf}
}

// Held returns how many bytes of memory the listing holds for sessions in memory.
func (l *Listing) Held() int {
	const viewBytes = 16 // two pointers
	return viewBytes * cap(l.memory)
}

// findAfter sets the place after which a listing begins, where the query names a session
// alone and the order is not by id. Errors: [ErrNotFound].
func (l *Listing) findAfter() error {
	q := &l.query
	if q.After == 0 || q.Position.Given || !q.Order.HasEnd() && !q.Order.OfLive() {
		return nil
	}
	v, moment, err := l.reader.Session(q.After)
	at := l.ordering
	at.asOf = cmp.Or(at.asOf, moment.Sequence)
	if err == nil && q.AsOf != 0 {
		if v, err = l.reader.viewAsOf(v, q.AsOf); err == nil && v.Session == nil {
			err = fmt.Errorf("session %d: %w", q.After, ErrNotFound)
		}
	}
	if err == nil {
		q.Position.Place, q.Position.Name = at.place(v), at.name(v)
	}
	return err
}
