package query

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"

	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
	"gatebook/storage/index"
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
	replaced map[uint64]struct{}
	archives []*archiveCursor
}

// Sessions begins a listing. Its cost is the sessions that are listed; of a filter,
// those that have in common what the fewest have. The archive is read page by page
// as the listing is walked. Three things cost all that match: Count with a filter,
// the order by end together with AsOf, and the orders of live sessions, which visit those
// in memory. The end of ctx ends the listing, and the walk over it.
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
	if q.Count && filtered && !q.Order.OfLive() || q.AsOf != 0 && q.Order.HasEnd() {
		return r.gather(ctx, q)
	}
	l := &Listing{reader: r, query: q, matcher: q.Filter.Compile(), Counted: !filtered || q.Order.OfLive()}
	l.pace = pace{ctx: ctx, turns: r.turns}
	defer l.pace.rest()
	l.ordering = ordering{order: q.Order, now: events.TimeOf(r.now())}
	if q.After != 0 && !q.Position.Given && (q.Order.HasEnd() || q.Order.OfLive()) {
		v, moment, err := r.Session(q.After)
		if err != nil {
			return nil, err
		}
		l.ordering.asOf = moment.Sequence
		l.query.Position.Place = l.ordering.place(v)
	}
	l.ordering.asOf = q.Position.Sequence // begin sets it to the present where it is 0
	if err := l.begin(); err != nil {
		return nil, err
	}
	if q.Order.OfLive() {
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
	l.Moment, l.replaced = memory.Moment, memory.Superseded
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
	l.memory = l.arrange(memory)
	if snapshot != nil {
		if err == nil {
			err = l.openArchive(snapshot)
		}
		err = errors.Join(err, snapshot.Close())
	}
	return err
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

// arrange sorts the sessions in memory into the order of the listing, without those that
// come before its beginning.
func (l *Listing) arrange(memory projection.Copied) []projection.View {
	all := memory.Living
	if len(memory.Ended) > 0 || l.query.Order.HasEnd() {
		all = append(all, memory.Ended...)
		slices.SortFunc(all, l.ordering.compare)
	}
	if l.query.After == 0 {
		return all
	}
	return slices.DeleteFunc(all, func(v projection.View) bool { return !l.isAfter(v) })
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
	return compareAt(l.ordering.place(v), v.ID, q.Position.Place, q.After) > 0
}

// Position returns where a session stood in the order when it was listed: a page begins after
// it at the same place, whatever has become of the session.
func (l *Listing) Position(v projection.View) projection.Position {
	if !l.query.Order.HasEnd() && !l.query.Order.OfLive() {
		return projection.Position{}
	}
	return projection.Position{Given: true, Place: l.ordering.place(v), Sequence: l.ordering.asOf}
}

// All yields the sessions. It can be walked once. An error ends it.
func (l *Listing) All() iter.Seq2[projection.View, error] {
	return func(yield func(projection.View, error) bool) {
		skip, left := l.query.Skip, l.query.Limit
		if l.archives == nil && l.query.AsOf == 0 && skip == 0 {
			if left > 0 {
				l.memory = l.memory[:min(left, len(l.memory))]
			}
			for _, v := range l.memory {
				if !yield(v, nil) {
					return
				}
			}
			return
		}
		for {
			v, err := l.next()
			l.pace.rest() // a slow client keeps no turn
			if err != nil {
				yield(projection.View{}, err)
				return
			}
			if v.Session == nil {
				return
			}
			if skip > 0 {
				skip--
				continue
			}
			l.pace.answered = true
			if !yield(v, nil) {
				return
			}
			if left--; left == 0 {
				return
			}
		}
	}
}

// replayCost is how many visits the replay of a session's trail counts as.
const replayCost = 32

// next takes the next session from memory or the archive.
func (l *Listing) next() (projection.View, error) {
	for {
		v, err := l.merge()
		if err != nil || v.Session == nil || l.query.AsOf == 0 {
			return v, err
		}
		if v.Version > l.query.AsOf {
			if err := l.pace.visit(replayCost); err != nil {
				return projection.View{}, err
			}
		}
		if v, err = l.reader.viewAsOf(v, l.query.AsOf); err != nil {
			return v, err
		}
		if v.Session != nil && l.query.Has(v.Status) && l.matcher.Match(v.Session) {
			return v, nil
		}
	}
}

// merge takes the first of what is left in memory and in the archive.
func (l *Listing) merge() (projection.View, error) {
	var from *archiveCursor
	for _, c := range l.archives {
		if err := l.more(c); err != nil {
			return projection.View{}, err
		}
		if len(c.rows) > 0 && (from == nil || l.ordering.compare(c.first(), from.first()) < 0) {
			from = c
		}
	}
	if from == nil {
		if len(l.memory) == 0 {
			return projection.View{}, nil
		}
		return l.takeMemory(), nil
	}
	row := from.first()
	if len(l.memory) > 0 && l.ordering.compare(l.memory[0], row) <= 0 {
		v := l.takeMemory()
		if v.ID == row.ID { // it was archived after the listing had begun
			from.rows = from.rows[1:]
		}
		return v, nil
	}
	from.rows = from.rows[1:]
	return row, nil
}

func (l *Listing) takeMemory() projection.View {
	v := l.memory[0]
	l.memory = l.memory[1:]
	return v
}

// gather makes the whole answer, for a query that has to visit every session that matches.
func (r *Reader) gather(ctx context.Context, q projection.Query) (*Listing, error) {
	all := q
	all.Count, all.After, all.Skip, all.Limit = false, 0, 0, 0
	all.Position = projection.Position{Sequence: q.Position.Sequence}
	if q.AsOf != 0 && q.Order.HasEnd() {
		all.Order = projection.ByID
	}
	l, err := r.Sessions(ctx, all)
	if err != nil {
		return nil, err
	}
	defer l.pace.rest()
	answer := &Listing{
		Moment: l.Moment, Counted: true, reader: r, query: q, ordering: l.ordering, matcher: l.matcher,
		pace: pace{ctx: ctx, turns: r.turns},
	}
	answer.ordering.order = q.Order
	if err := answer.findAfter(); err != nil {
		return nil, err
	}
	sorted := all.Order == q.Order
	for v, err := range l.All() {
		if err != nil {
			return nil, err
		}
		l.pace.answered = false // nothing is listed yet
		answer.Total++
		if answer.isAfter(v) && (!sorted || q.Limit == 0 || len(answer.memory) < q.Skip+q.Limit) {
			answer.memory = append(answer.memory, v)
		}
	}
	if !sorted {
		slices.SortFunc(answer.memory, answer.ordering.compare)
	}
	return answer, nil
}

// findAfter sets the place after which a listing by end begins, where the query names a
// session alone. Errors: [ErrNotFound].
func (l *Listing) findAfter() error {
	q := &l.query
	if q.After == 0 || q.Position.Given || !q.Order.HasEnd() {
		return nil
	}
	v, _, err := l.reader.Session(q.After)
	if err == nil && q.AsOf != 0 {
		if v, err = l.reader.viewAsOf(v, q.AsOf); err == nil && v.Session == nil {
			err = fmt.Errorf("session %d: %w", q.After, ErrNotFound)
		}
	}
	if err == nil {
		q.Position.Place = l.ordering.place(v)
	}
	return err
}

// openArchive opens the archive for the sessions that are not in memory, and reads the first
// page.
func (l *Listing) openArchive(snapshot *storage.Snapshot) error {
	for _, c := range l.cursors() {
		if err := c.open(snapshot, &l.query, l.matcher); err != nil {
			return err
		}
		if err := l.fill(c, snapshot); err != nil {
			return err
		}
		l.archives = append(l.archives, c)
	}
	return nil
}

// cursors returns the cursors over the archive that the listing merges. An order by end has
// one over the sessions that had ended when its first page was listed, and one over those
// that have ended since, which are listed where they stood then: among the live ones.
func (l *Listing) cursors() []*archiveCursor {
	q := &l.query
	if !q.Order.HasEnd() {
		var after *index.Entry
		if q.After != 0 {
			after = &index.Entry{ID: q.After}
		}
		return []*archiveCursor{newArchiveCursor(q, q.Order, after)}
	}
	before := q.After != 0 && q.Position.Place != l.ordering.livePlace() // the last page ended among those that have ended
	among := q.After != 0 && !before
	var all []*archiveCursor
	if !among || l.ordering.livesFirst() {
		var after *index.Entry
		if before {
			after = &index.Entry{ID: q.After, Interval: index.Interval{Until: l.ordering.endAt(q.Position.Place)}}
		}
		c := newArchiveCursor(q, q.Order, after)
		c.until = l.ordering.asOf
		all = append(all, c)
	}
	if q.Position.Sequence != 0 && (!before || !l.ordering.livesFirst()) {
		var after *index.Entry
		if among {
			after = &index.Entry{ID: q.After}
		}
		c := newArchiveCursor(q, projection.ByID, after)
		c.since = l.ordering.asOf
		all = append(all, c)
	}
	return all
}
