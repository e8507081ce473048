package query

import (
	"gatebook/projection"
)

// recentlyEnded are the ended sessions in memory, as a listing sees them.
type recentlyEnded struct{ *Listing }

// wait waits for a turn where the listing visits every ended session in memory that
// matches, and those are many. It is called before the archive is opened.
func (l recentlyEnded) wait(archived bool) error {
	if !archived || l.limit() > 0 {
		return nil
	}
	return l.pace.visit(l.reader.state.EndedInMemory())
}

// limit returns how many ended sessions in memory the page can have at most, 0 where all
// that match are visited.
func (l recentlyEnded) limit() int {
	if q := &l.query; q.Limit > 0 && !q.Count && q.AsOf == 0 {
		return q.Skip + q.Limit
	}
	return 0
}

// selected returns the ended sessions in memory that can be on the page, in no order.
func (l recentlyEnded) selected() (all []projection.View, err error) {
	if !l.query.Closed && !l.query.Lost && l.query.AsOf == 0 {
		return nil, nil
	}
	limit := l.limit()
	for _, w := range l.walks() {
		before := len(all)
		err := l.walk(w, func(v *projection.Session) bool {
			all = append(all, projection.View{Session: v})
			return limit == 0 || len(all) < before+limit
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// walks returns the walks over the ended sessions in memory that the listing merges: as
// many, and over the same ranges, as it has cursors over the archive.
func (l recentlyEnded) walks() (walks []projection.EndedWalk) {
	q := &l.query
	switch {
	case l.limit() == 0:
		return []projection.EndedWalk{{}}
	case !q.Order.HasEnd():
		return []projection.EndedWalk{{Order: q.Order, After: l.after(true)}}
	}
	before := l.amongEnded()
	among := q.After != 0 && !before
	if !among || l.ordering.livesFirst() {
		walks = append(walks, projection.EndedWalk{Order: q.Order, After: l.after(before), Until: l.ordering.asOf})
	}
	if q.Position.Sequence != 0 && (!before || !l.ordering.livesFirst()) {
		walks = append(walks, projection.EndedWalk{After: l.after(among), Since: l.ordering.asOf})
	}
	return walks
}

// after returns the place after which a walk begins.
func (l recentlyEnded) after(given bool) *projection.EndedPlace {
	if !given || l.query.After == 0 {
		return nil
	}
	return &projection.EndedPlace{ID: l.query.After, End: l.ordering.endAt(l.query.Position.Place)}
}

// walk calls visit for the ended sessions in memory that the query selects, in the order of
// the walk, until it returns false. As of a sequence these are all that can match.
func (l recentlyEnded) walk(w projection.EndedWalk, visit func(*projection.Session) bool) error {
	q := &l.query
	if !q.Filter.Empty() {
		w.Filter = l.matcher
	}
	w.Former, w.Visited = q.AsOf != 0, l.pace.note
	return l.ended.Walk(w, func(v *projection.Session) bool {
		if q.AsOf != 0 && v.First() > q.AsOf ||
			q.AsOf == 0 && (!q.Has(v.Status) || !l.matcher.MatchView(projection.View{Session: v})) {
			return true
		}
		return visit(v)
	})
}

// isWhole reports whether memory has a newer value of none of the sessions from low to high.
func (l *Listing) isWhole(low, high uint64) bool { return !l.ended.SupersedesAny(low, high) }
