package query

import (
	"context"

	"gatebook/projection"
	"gatebook/storage"
)

// counter finds the total of a listing.
type counter struct{ *Listing }

// indexed adds to the total how many archived sessions match, as the indexes tell, and prepares
// to fold the others. It sets inexact where the indexes do not tell.
func (l counter) indexed(snapshot *storage.Snapshot) error {
	q := &l.query
	if q.Closed || q.Lost {
		n, exact, err := l.countIn(snapshot, newArchiveCursor(q, projection.ByID, nil), false)
		if err != nil || !exact {
			l.inexact = true
			return err
		}
		l.Total += n
	}
	if q.AsOf == 0 {
		return nil
	}
	lost := l.matcher.Lasting() || !q.Live
	if l.matcher.Lasting() && q.Live {
		all, exact, err := l.countIn(snapshot, newOpenCursor(q, projection.ByID, nil), false)
		if err != nil || !exact {
			l.inexact = true
			return err
		}
		returned, _, err := l.countIn(snapshot, newOpenCursor(q, projection.ByID, nil), true)
		if err != nil {
			return err
		}
		l.Total += all - returned
	}
	l.counted = newOpenCursor(q, projection.ByID, nil)
	_, err := l.counted.open(snapshot, l.Listing, lost)
	return err
}

// countIn counts the sessions of a cursor in the indexes, without those of which memory has a
// newer value.
func (l counter) countIn(snapshot *storage.Snapshot, c *archiveCursor, returned bool) (n uint64, exact bool, err error) {
	if exact, err = c.open(snapshot, l.Listing, returned); err != nil {
		return 0, false, err
	}
	c.search.Whole = l.isWhole
	n, err = snapshot.Count(c.search)
	return n, exact, err
}

// rest adds to the total the sessions in memory, and those that are found by the cursor
// that indexed has prepared. It replays those that may have been something else.
func (l counter) rest() error {
	c := l.counted
	if c == nil {
		return nil
	}
	for _, v := range l.memory {
		if err := l.countAsOf(v); err != nil {
			return err
		}
	}
	for {
		if err := l.more(c); err != nil || len(c.rows) == 0 {
			l.counted = nil
			return err
		}
		for _, s := range c.rows {
			if err := l.countAsOf(projection.View{Session: s}); err != nil {
				return err
			}
		}
		c.rows = c.rows[:0]
	}
}

// countAsOf counts a session if it matches as of the sequence that the query asks for.
func (l counter) countAsOf(v projection.View) (err error) {
	q := &l.query
	if v.Version > q.AsOf && l.matcher.Lasting() && !v.WasLost() {
		if q.Live && l.matcher.Match(v.Session) {
			l.Total++
		}
		return nil
	}
	if v, err = l.asOf(v); err == nil && v.Session != nil && q.Has(v.Status) && l.matcher.Match(v.Session) {
		l.Total++
	}
	return err
}

// gather makes the whole answer, for a total that takes a look at every session.
func (r *Reader) gather(ctx context.Context, q projection.Query) (*Listing, error) {
	all := q
	all.Count, all.After, all.Skip, all.Limit = false, 0, 0, 0
	all.Position = projection.Position{Sequence: q.Position.Sequence}
	l, err := r.Sessions(ctx, all)
	if err != nil {
		return nil, err
	}
	defer l.pace.rest()
	answer := &Listing{
		Moment: l.Moment, Counted: true, reader: r, query: q, ordering: l.ordering, matcher: l.matcher,
		pace: pace{ctx: ctx, turns: r.turns},
	}
	if err := answer.findAfter(); err != nil {
		return nil, err
	}
	for v, err := range l.All() {
		if err != nil {
			return nil, err
		}
		l.pace.answered = false // nothing is listed yet
		answer.Total++
		if answer.isAfter(v) && (q.Limit == 0 || len(answer.memory) < q.Skip+q.Limit) {
			answer.memory = append(answer.memory, v)
		}
	}
	return answer, nil
}
