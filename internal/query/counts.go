package query

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"

	"gatebook/events"
	"gatebook/events/wire"
	"gatebook/projection"
	"gatebook/storage"
	"gatebook/storage/index"
)

// GroupCount is how many sessions have a value of a group.
type GroupCount struct {
	// Text is the value; "" for those that have none. Hour is that of the group of hours.
	Text     string
	Hour     events.Time
	Sessions uint64
}

// Counts are the sessions that match a query, by a group.
type Counts struct {
	projection.Moment
	// Groups are the largest ones, the largest first; those of one size by their values.
	Groups []GroupCount
	// Total is how many groups there are.
	Total uint64
}

// Counts counts the sessions that match a query by a group, of which at most limit are listed;
// 0 is no limit. A session counts for each server that it reached. Ended sessions are counted in
// the indexes: it costs the groups, and where a filter is given what the indexes of the filter
// and of the group have near one another. Live sessions are visited. AsOf, After, Skip, Limit
// and the order of the query mean nothing. Errors: [ErrCrowded], that of ctx.
func (r *Reader) Counts(ctx context.Context, q projection.Query, by projection.Group, limit int) (*Counts, error) {
	runtime.Gosched()
	q = projection.Query{Live: q.Has(projection.Live), Closed: q.Closed, Lost: q.Lost, Filter: q.Filter}
	l := &Listing{reader: r, query: q, matcher: q.Filter.Compile(), pace: pace{ctx: ctx, turns: r.turns}}
	defer l.pace.rest()
	t := tally{Listing: l, by: by, counts: make(map[projection.GroupValue]uint64), texts: make(map[groupKey]string)}
	if err := (recentlyEnded{l}).wait(q.Closed || q.Lost); err != nil {
		return nil, err
	}
	var snapshot *storage.Snapshot
	memory, err := r.state.Copy(l.selection(true), func() (err error) {
		if q.Closed || q.Lost {
			snapshot, err = r.archive.Snapshot()
		}
		return err
	})
	if err == nil {
		l.Moment, l.ended = memory.Moment, memory.Ended
		for _, v := range memory.Living {
			t.addSession(v.Session)
		}
		err = recentlyEnded{l}.walk(projection.EndedWalk{}, func(v *projection.Session) bool {
			t.addSession(v)
			return true
		})
	}
	if snapshot != nil {
		if err == nil {
			err = t.countArchive(snapshot)
		}
		if err == nil && !l.inexact {
			err = t.choose(snapshot, limit)
		}
		err = errors.Join(err, snapshot.Close())
	} else if err == nil {
		err = t.choose(nil, limit)
	}
	if err == nil && l.inexact {
		l.pace.rest() // the list takes a turn of its own
		err = t.countList(ctx, limit)
	}
	if err != nil {
		return nil, err
	}
	return &Counts{Moment: l.Moment, Groups: t.groups, Total: t.total}, nil
}

// countList counts the sessions of a list, where the indexes alone do not tell which match.
func (t *tally) countList(ctx context.Context, limit int) error {
	l, err := t.reader.Sessions(ctx, t.query)
	if err != nil {
		return err
	}
	defer l.pace.rest()
	clear(t.counts)
	t.Moment, t.groups = l.Moment, nil
	for v, err := range l.All() {
		if err != nil {
			return err
		}
		t.addSession(v.Session)
	}
	return t.choose(nil, limit)
}

// groupKey is the key of the archive's indexes that the value of a group has.
type groupKey = [17]byte

// tally counts sessions by a group.
type tally struct {
	*Listing
	by projection.Group
	// counts are the numbers by value, without texts; texts has those that are known.
	counts map[projection.GroupValue]uint64
	texts  map[groupKey]string
	search index.Search // of the archived sessions that match

	groups []GroupCount
	total  uint64
}

// addSession counts a session.
func (t *tally) addSession(v *projection.Session) {
	values := t.by.Values(v)
	for _, value := range values {
		t.texts[value.Key], value.Text = value.Text, ""
		t.counts[value]++
	}
	if len(values) == 0 {
		t.counts[t.by.NoValue()]++
	}
}

// countArchive counts the archived sessions that match.
func (t *tally) countArchive(snapshot *storage.Snapshot) error {
	c := newArchiveCursor(&t.query, projection.ByID, nil)
	exact, err := c.open(snapshot, t.Listing, false)
	if err != nil {
		return err
	}
	c.search.Whole = t.isWhole
	t.search = c.search
	if !exact {
		t.inexact = true
		return nil
	}
	if t.by == projection.GroupHour {
		return snapshot.CountBy(c.search, hourOf, func(hour int64, n uint64) {
			t.counts[projection.GroupValue{Hour: events.Time(hour)}] += n
		})
	}
	total, err := snapshot.Count(c.search)
	if err != nil {
		return err
	}
	if total*t.reader.RowCost <= fewRows {
		return t.countRows(snapshot)
	}
	keys, err := t.keys(snapshot)
	if err != nil {
		return err
	}
	rows, err := t.rowsAreCheaper(snapshot, total, uint64(len(keys)))
	if err != nil {
		return err
	}
	if rows {
		return t.countRows(snapshot)
	}
	return t.countKeys(snapshot, keys, total)
}

// keys returns the keys of the group that have an index.
func (t *tally) keys(snapshot *storage.Snapshot) (keys [][]byte, err error) {
	for _, r := range t.by.KeyRanges() {
		if err := snapshot.Keys(r[0], r[1], func(key []byte) bool { keys = append(keys, key); return true }); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// hourOf returns the hour in which the entries of a summary begin.
func hourOf(s *index.Summary) (int64, bool) {
	const hour = int64(projection.Hour)
	first, last := s.MinFrom-(s.MinFrom%hour+hour)%hour, s.MaxFrom-(s.MaxFrom%hour+hour)%hour
	return first, first == last
}

// countRows counts the archived sessions one by one.
func (t *tally) countRows(snapshot *storage.Snapshot) error {
	var texts wire.Strings
	return snapshot.Search(t.search, func(m index.Entry) (bool, error) {
		if t.ended.Supersedes(m.ID, m.Last) {
			return true, nil
		}
		s, err := rowOf(snapshot, m, &texts)
		if err == nil && t.query.Has(s.Status) && t.matcher.Match(s) {
			t.addSession(s)
		}
		return err == nil, err
	})
}

// countKeys counts the archived sessions, of which there are so many, in the indexes of the
// group's values.
func (t *tally) countKeys(snapshot *storage.Snapshot, keys [][]byte, total uint64) error {
	q := t.search
	if t.unfiltered() {
		q.Groups = nil
	}
	q.Groups = append(slices.Clip(q.Groups), index.Group{Keys: keys})
	counts, err := snapshot.CountEach(q, t.by.Complete())
	if err != nil {
		return err
	}
	with := uint64(0)
	for i, n := range counts {
		if with += n; n > 0 {
			t.counts[projection.GroupValue{Key: groupKey(keys[i])}] += n
		}
	}
	if t.by != projection.GroupServer && total > with { // those that reached no server have a key
		t.counts[t.by.NoValue()] += total - with
	}
	return nil
}

// unfiltered reports whether the search is for all archived sessions.
func (t *tally) unfiltered() bool {
	f := t.query.Filter
	f.Since, f.Until = 0, 0
	return f.Empty()
}

// choose sets the groups to list, and looks up the texts of their values.
func (t *tally) choose(snapshot *storage.Snapshot, limit int) error {
	type counted struct {
		value projection.GroupValue
		n     uint64
	}
	var all []counted
	for value, n := range t.counts {
		if n > 0 {
			all = append(all, counted{value, n})
		}
	}
	t.total = uint64(len(all))
	slices.SortFunc(all, func(a, b counted) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.value.Hour, b.value.Hour), slices.Compare(a.value.Key[:], b.value.Key[:]))
	})
	if limit > 0 {
		all = all[:min(limit, len(all))]
	}
	for _, c := range all {
		text, err := t.textOf(snapshot, c.value)
		if err != nil {
			return err
		}
		t.groups = append(t.groups, GroupCount{Text: text, Hour: c.value.Hour, Sessions: c.n})
	}
	slices.SortStableFunc(t.groups, func(a, b GroupCount) int {
		return cmp.Or(cmp.Compare(b.Sessions, a.Sessions), cmp.Compare(a.Hour, b.Hour), cmp.Compare(a.Text, b.Text))
	})
	return nil
}

// textOf returns the text of a value: that of a session that has it.
func (t *tally) textOf(snapshot *storage.Snapshot, value projection.GroupValue) (text string, err error) {
	if text, known := t.texts[value.Key]; known || value == t.by.NoValue() || t.by == projection.GroupHour {
		return text, nil
	}
	if text := t.by.TextOf(value.Key[:]); text != "" {
		return text, nil
	}
	q := index.Search{Groups: []index.Group{{Keys: [][]byte{value.Key[:]}}}, Match: func(*index.Summary) bool { return true }}
	err = snapshot.Search(q, func(m index.Entry) (bool, error) {
		s, err := rowOf(snapshot, m, nil)
		if err != nil {
			return false, err
		}
		for _, v := range t.by.Values(s) {
			if v.Key == value.Key {
				text = v.Text
			}
		}
		return text == "", nil
	})
	if err == nil && text == "" {
		err = snapshot.Damaged("no session has the %s with key %x, under which some are", t.by, value.Key)
	}
	return text, err
}
