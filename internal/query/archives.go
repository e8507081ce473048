package query

import (
	"cmp"
	"slices"

	"gatebook/projection"
	"gatebook/storage"
	"gatebook/storage/index"
)

// openArchive opens the archive for the sessions that are not in memory, and reads the first
// page.
func (l *Listing) openArchive(snapshot *storage.Snapshot) error {
	if l.query.Count {
		if err := (counter{l}).indexed(snapshot); err != nil || l.inexact {
			return err
		}
		if l.query.AsOf == 0 {
			l.dropBefore()
		}
	}
	for _, c := range l.cursors() {
		// Without live sessions only those can have been wanted that were lost then.
		exact, err := c.open(snapshot, l, c.asOf != 0 && !l.query.Live)
		if err != nil {
			return err
		}
		if c.asOf == 0 && !exact {
			l.inexact = true
		}
	}
	if err := l.findReturned(snapshot); err != nil {
		return err
	}
	for _, c := range l.archives {
		c.without = l.returnedIDs()
		if l.mayPass() {
			c.search.Pass = l.passer()
			c.page = min(cmp.Or(l.query.Limit, archivePage), archivePage)
		}
		if err := l.fill(c, snapshot); err != nil {
			return err
		}
		c.search.Pass = nil
	}
	return nil
}

// cursors makes the cursors over the archive that the listing merges. An order by end has
// one over the sessions that had ended when its first page was listed, and one over those
// that have ended since, which are listed where they stood then: among the live ones.
func (l *Listing) cursors() []*archiveCursor {
	q := &l.query
	switch {
	case q.AsOf != 0:
		l.cursorsAsOf()
	case !q.Order.HasEnd():
		l.archives = append(l.archives, newArchiveCursor(q, q.Order, l.afterID(true)))
	default:
		before := l.amongEnded()
		among := q.After != 0 && !before
		if !among || l.ordering.livesFirst() {
			c := newArchiveCursor(q, q.Order, l.afterEnd(before))
			c.until = l.ordering.asOf
			l.archives = append(l.archives, c)
		}
		if q.Position.Sequence != 0 && (!before || !l.ordering.livesFirst()) {
			c := newArchiveCursor(q, projection.ByID, l.afterID(among))
			c.since = l.ordering.asOf
			l.archives = append(l.archives, c)
		}
	}
	return l.archives
}

// cursorsAsOf makes the cursors of a listing as of a sequence. One is over the sessions that
// had ended for good by then, which are what they were. Another is over those that had been
// opened and have later records: they were live then, or lost.
func (l *Listing) cursorsAsOf() {
	q := &l.query
	if !q.Order.HasEnd() {
		if q.Closed || q.Lost {
			l.archives = append(l.archives, newArchiveCursor(q, q.Order, l.afterID(true)))
		}
		l.archives = append(l.archives, newOpenCursor(q, q.Order, l.afterID(true)))
		return
	}
	before := l.amongEnded()
	among := q.After != 0 && !before
	if (q.Closed || q.Lost) && (!among || l.ordering.livesFirst()) {
		l.archives = append(l.archives, newArchiveCursor(q, q.Order, l.afterEnd(before)))
	}
	if q.Live && (!before || !l.ordering.livesFirst()) {
		l.archives = append(l.archives, newOpenCursor(q, projection.ByID, l.afterID(among)))
	}
}

// amongEnded reports whether the last page of an order by end ended among the sessions that
// have ended.
func (l *Listing) amongEnded() bool {
	return l.query.After != 0 && l.query.Position.Place != l.ordering.livePlace()
}

// afterID returns the place in an order by id after which the archive is read.
func (l *Listing) afterID(given bool) *index.Entry {
	if !given || l.query.After == 0 {
		return nil
	}
	return &index.Entry{ID: l.query.After}
}

// afterEnd returns the place in an order by end after which the archive is read.
func (l *Listing) afterEnd(given bool) *index.Entry {
	if !given {
		return nil
	}
	return &index.Entry{ID: l.query.After, Interval: index.Interval{Until: l.ordering.endAt(l.query.Position.Place)}}
}

// findReturned finds the archived sessions that were lost once, and have records after the
// sequence that the query asks for: in an order by end their place is that of what they were.
func (l *Listing) findReturned(snapshot *storage.Snapshot) error {
	q := &l.query
	if q.AsOf == 0 || !q.Order.HasEnd() {
		return nil
	}
	c := newOpenCursor(q, projection.ByID, nil)
	if _, err := c.open(snapshot, l, true); err != nil {
		return err
	}
	for c.page = archivePage; !c.end; {
		if err := l.fill(c, snapshot); err != nil {
			return err
		}
		for _, s := range c.rows {
			l.returned = append(l.returned, projection.View{Session: s})
		}
	}
	return nil
}

// returnedIDs returns the ids of the sessions that were found to be folded.
func (l *Listing) returnedIDs() map[uint64]bool {
	ids := make(map[uint64]bool, len(l.returned))
	for _, v := range l.returned {
		ids[v.ID] = true
	}
	return ids
}

// fold replays what has to be known before a listing as of a sequence begins. The archive is
// not open meanwhile.
func (l *Listing) fold() error {
	if err := (counter{l}).rest(); err != nil {
		return err
	}
	if len(l.returned) == 0 {
		return nil
	}
	if err := l.foldReturned(l.returned); err != nil {
		return err
	}
	for _, v := range l.returned {
		if v.Session != nil && l.isAfter(v) {
			l.memory = append(l.memory, v)
		}
	}
	l.returned = nil
	slices.SortFunc(l.memory, l.ordering.compare)
	return nil
}

// mayPass reports whether the archive's indexes alone tell which sessions are left out.
func (l *Listing) mayPass() bool {
	q := &l.query
	return q.Skip > 0 && !l.inexact && q.AsOf == 0 && !q.Order.HasEnd() && len(l.archives) == 1
}

// passer returns a function that passes over ranges of the archive, together with the
// sessions in memory up to the end of the range, while all of them are left out. A range with
// sessions of which memory has newer values is looked into.
func (l *Listing) passer() func(low, high, n uint64) bool {
	return func(low, high, n uint64) bool {
		passed := 0
		for passed < len(l.memory) && l.isUpTo(l.memory[passed].ID, low, high) && passed <= l.query.Skip {
			passed++
		}
		if uint64(passed)+n > uint64(l.query.Skip) || !l.isWhole(low, high) {
			return false
		}
		l.memory = l.memory[passed:]
		l.query.Skip -= passed + int(n)
		return true
	}
}

// isUpTo reports whether an id comes before the end of a range in the order by id.
func (l *Listing) isUpTo(id, low, high uint64) bool {
	if l.query.Order == projection.ByIDDescending {
		return id >= low
	}
	return id <= high
}
