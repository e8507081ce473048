package query

import (
	"iter"

	"gatebook/projection"
)

// All yields the sessions. It can be walked once. An error ends it.
func (l *Listing) All() iter.Seq2[projection.View, error] {
	return func(yield func(projection.View, error) bool) {
		left := l.query.Limit
		if l.archives == nil && l.query.AsOf == 0 && l.query.Skip == 0 {
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
			if l.query.Skip > 0 {
				l.query.Skip--
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

// asOf returns a session as of the sequence that the query asks for, which takes a replay where
// it has changed since.
func (l *Listing) asOf(v projection.View) (projection.View, error) {
	if v.Version > l.query.AsOf {
		if err := l.pace.visit(replayCost); err != nil {
			return projection.View{}, err
		}
	}
	return l.reader.viewAsOf(v, l.query.AsOf)
}

// next takes the next session from memory or the archive.
func (l *Listing) next() (projection.View, error) {
	for {
		v, err := l.merge()
		if err != nil || v.Session == nil || l.query.AsOf == 0 {
			return v, err
		}
		if v, err = l.asOf(v); err != nil {
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
	if len(l.memory) > 0 && l.ordering.compare(l.memory[0], row) < 0 {
		return l.takeMemory(), nil
	}
	from.rows = from.rows[1:]
	return row, nil
}

func (l *Listing) takeMemory() projection.View {
	v := l.memory[0]
	l.memory = l.memory[1:]
	return v
}
