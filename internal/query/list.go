package query

import (
	"cmp"
	"errors"
	"iter"
	"math"
	"runtime"
	"slices"

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
	matcher  *projection.Matcher // of the query's filter
	memory   []projection.View   // what is left of those in memory, in order
	replaced map[uint64]struct{}
	archive  *archiveCursor
}

// Sessions begins a listing. Its cost is the sessions that are listed; of a filter,
// those that have in common what the fewest have. The archive is read page by page
// as the listing is walked. Two things cost all that match: Count with a filter,
// and the order by end together with AsOf.
//
// Errors: [ErrNotFound] when there is no session After, [ErrInvalid] for an AsOf that
// the log has not reached.
func (r *Reader) Sessions(q projection.Query) (*Listing, error) {
	// Yield first, so that a tight loop of listings does not starve the writer: back from
	// its sync it would otherwise wait for the whole time slice of each reader.
	runtime.Gosched()
	q.Live = q.Has(projection.Live)
	filtered := !q.Filter.Empty() || q.AsOf != 0
	if q.Count && filtered || q.AsOf != 0 && q.Order.HasEnd() {
		return r.gather(q)
	}
	l := &Listing{reader: r, query: q, matcher: q.Filter.Compile(), Counted: !filtered}
	var after *index.Entry
	if q.After != 0 && q.Order.HasEnd() {
		v, _, err := r.Session(q.After)
		if err != nil {
			return nil, err
		}
		after = &index.Entry{ID: q.After, Interval: index.Interval{Until: endOf(v)}}
	} else if q.After != 0 {
		after = &index.Entry{ID: q.After}
	}
	if err := l.begin(after); err != nil {
		return nil, err
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
func (l *Listing) begin(after *index.Entry) error {
	q := &l.query
	want := projection.Selection{
		Live: q.Live, Closed: q.Closed, Lost: q.Lost, AsOf: q.AsOf,
		Descending: q.Order == projection.ByIDDescending, Limit: q.Limit,
	}
	if !q.Filter.Empty() {
		want.Filter = l.matcher
	}
	if !q.Order.HasEnd() {
		want.Beyond = q.After
	}
	archived := q.Closed || q.Lost || q.AsOf != 0
	switch {
	case q.AsOf != 0 || q.Order.HasEnd() && q.After != 0:
		want.Limit = 0 // not everybody who is copied will be listed
	case archived && q.Limit > 0:
		want.Limit = q.Skip + q.Limit // not more, whatever the archive has
	case !archived:
		want.Skip, q.Skip = q.Skip, 0
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
	l.Moment, l.replaced = memory.Moment, memory.Superseded
	if q.AsOf > l.Sequence {
		err = errBeyond(q.AsOf, l.Sequence)
	}
	l.memory = l.arrange(memory, after)
	if snapshot != nil {
		if l.archive = newArchiveCursor(q, after); err == nil {
			err = l.archive.open(snapshot, l.matcher, q.Filter.Networks)
		}
		if err == nil {
			err = l.fill(snapshot)
		}
		err = errors.Join(err, snapshot.Close())
	}
	return err
}

// arrange sorts the sessions in memory into the order of the listing.
func (l *Listing) arrange(memory projection.Copied, after *index.Entry) []projection.View {
	all := memory.Living
	if len(memory.Ended) > 0 || l.query.Order.HasEnd() {
		all = append(all, memory.Ended...)
		slices.SortFunc(all, func(a, b projection.View) int { return compare(l.query.Order, a, b) })
	}
	if after == nil {
		return all
	}
	last := projection.View{Session: &projection.Session{ID: after.ID}}
	return slices.DeleteFunc(all, func(v projection.View) bool {
		if l.query.Order.HasEnd() {
			return compareBounds(bound(l.query.Order, endOf(v)), v.ID, bound(l.query.Order, after.Until), after.ID) <= 0
		}
		return compare(l.query.Order, v, last) <= 0
	})
}

// endOf returns when a session ended: later than any time while it lives.
func endOf(v projection.View) int64 {
	if v.Status == projection.Live {
		return math.MaxInt64
	}
	return int64(v.Ended())
}

// bound returns where an end stands in an order by end.
func bound(o projection.Order, end int64) int64 {
	if o == projection.ByEndDescending {
		return -end
	}
	return end
}

func compareBounds(a int64, idA uint64, b int64, idB uint64) int {
	return cmp.Or(cmp.Compare(a, b), cmp.Compare(idA, idB))
}

// compare returns which of two sessions comes first.
func compare(o projection.Order, a, b projection.View) int {
	switch o {
	case projection.ByIDDescending:
		return cmp.Compare(b.ID, a.ID)
	case projection.ByEnd, projection.ByEndDescending:
		return compareBounds(bound(o, endOf(a)), a.ID, bound(o, endOf(b)), b.ID)
	}
	return cmp.Compare(a.ID, b.ID)
}

// All yields the sessions. It can be walked once. An error ends it.
func (l *Listing) All() iter.Seq2[projection.View, error] {
	return func(yield func(projection.View, error) bool) {
		skip, left := l.query.Skip, l.query.Limit
		if l.archive == nil && l.query.AsOf == 0 && skip == 0 {
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
			if !yield(v, nil) {
				return
			}
			if left--; left == 0 {
				return
			}
		}
	}
}

// next takes the next session from memory or the archive.
func (l *Listing) next() (projection.View, error) {
	for {
		v, err := l.merge()
		if err != nil || v.Session == nil || l.query.AsOf == 0 {
			return v, err
		}
		if v, err = l.reader.viewAsOf(v, l.query.AsOf); err != nil {
			return v, err
		}
		if v.Session != nil && l.query.Has(v.Status) && l.matcher.Match(v.Session) {
			return v, nil
		}
	}
}

func (l *Listing) merge() (projection.View, error) {
	if l.archive != nil {
		if err := l.more(); err != nil {
			return projection.View{}, err
		}
	}
	if l.archive == nil || len(l.archive.rows) == 0 {
		if len(l.memory) == 0 {
			return projection.View{}, nil
		}
		v := l.memory[0]
		l.memory = l.memory[1:]
		return v, nil
	}
	row := projection.View{Session: l.archive.rows[0]}
	if len(l.memory) > 0 && compare(l.query.Order, l.memory[0], row) <= 0 {
		v := l.memory[0]
		l.memory = l.memory[1:]
		if v.ID == row.ID { // it was archived after the listing had begun
			l.archive.rows = l.archive.rows[1:]
		}
		return v, nil
	}
	l.archive.rows = l.archive.rows[1:]
	return row, nil
}

// gather makes the whole answer, for a query that has to visit every session that matches.
func (r *Reader) gather(q projection.Query) (*Listing, error) {
	all := q
	all.Count, all.After, all.Skip, all.Limit = false, 0, 0, 0
	if q.AsOf != 0 && q.Order.HasEnd() {
		all.Order = projection.ByID
	}
	l, err := r.Sessions(all)
	if err != nil {
		return nil, err
	}
	sorted := all.Order == q.Order
	found := q.After == 0
	var matching []projection.View
	total := uint64(0)
	for v, err := range l.All() {
		if err != nil {
			return nil, err
		}
		total++
		switch {
		case !sorted:
			matching = append(matching, v)
		case !comesAfter(&q, v, &found):
		case q.Limit == 0 || len(matching) < q.Skip+q.Limit:
			matching = append(matching, v)
		}
	}
	if !sorted {
		slices.SortFunc(matching, func(a, b projection.View) int { return compare(q.Order, a, b) })
		matching = slices.DeleteFunc(matching, func(v projection.View) bool { return !comesAfter(&q, v, &found) })
	}
	matching = matching[min(q.Skip, len(matching)):]
	if q.Limit > 0 {
		matching = matching[:min(q.Limit, len(matching))]
	}
	return &Listing{Moment: l.Moment, Total: total, Counted: true, memory: matching}, nil
}

// comesAfter reports whether a session comes after the one that the query names. Called
// in order, found remembers that this one went by.
func comesAfter(q *projection.Query, v projection.View, found *bool) bool {
	switch {
	case q.After == 0:
		return true
	case q.Order == projection.ByID:
		return v.ID > q.After
	case q.Order == projection.ByIDDescending:
		return v.ID < q.After
	case *found:
		return true
	}
	*found = v.ID == q.After
	return false
}
