package query

import (
	"errors"
	"math"
	"net/netip"
	"slices"

	"gatebook/events/wire"
	"gatebook/projection"
	"gatebook/storage"
	"gatebook/storage/index"
)

const (
	// archivePage is how many archived sessions one read transaction gives at most, and
	// archiveLook how many it looks at for that.
	archivePage = 256
	archiveLook = 4096
	// networkKeys bounds how many indexes a search by networks looks into. Beyond it, looking
	// at the sessions of a wider network, or of all, is as good.
	networkKeys = 1024
)

// archiveCursor reads the archive, a page at a time.
type archiveCursor struct {
	selection
	search index.Search
	page   int // how many rows are read at a time
	rows   []*projection.Session
	end    bool
	// without are sessions that another part of the listing has.
	without map[uint64]bool
}

// selection is what a cursor selects, apart from its indexes.
type selection struct {
	closed, lost bool
	// earliest and latest bound the window of time.
	earliest, latest int64
	// since and until bound the sequences of the last records of the sessions.
	since, until uint64
	// asOf selects the sessions, whatever has become of them, whose first record is not later
	// and whose last one is; 0 selects by what they are now.
	asOf uint64
}

// match is [index.Search.Match].
func (c *selection) match(s *index.Summary) bool {
	if s.MinFrom > c.latest || s.MaxPresent < c.earliest || s.MaxLast <= c.since || s.MinLast > c.until {
		return false
	}
	if c.asOf != 0 {
		return s.MinFirst <= c.asOf && s.MaxLast > c.asOf
	}
	return c.closed && s.Closed > 0 || c.lost && s.Lost > 0
}

// number is [index.Search.Number].
func (c *selection) number(s *index.Summary) (n uint64, known bool) {
	if s.MaxFrom > c.latest || s.MinUntil < c.earliest || s.MinLast <= c.since || s.MaxLast > c.until || c.asOf != 0 {
		return 0, false
	}
	if c.closed {
		n += s.Closed
	}
	if c.lost {
		n += s.Lost
	}
	return n, true
}

// first returns the first row that is left.
func (c *archiveCursor) first() projection.View { return projection.View{Session: c.rows[0]} }

// newArchiveCursor returns a cursor over what the query asks for, in an order and after a
// place in it.
func newArchiveCursor(q *projection.Query, in projection.Order, after *index.Entry) *archiveCursor {
	order := [...]index.Order{
		projection.ByID: index.ByID, projection.ByIDDescending: index.ByIDDescending,
		projection.ByEnd: index.ByUntil, projection.ByEndDescending: index.ByUntilDescending,
	}
	c := &archiveCursor{page: archivePage}
	c.selection = selection{closed: q.Closed, lost: q.Lost, earliest: math.MinInt64, latest: math.MaxInt64, until: math.MaxUint64}
	if q.AsOf != 0 {
		c.until = q.AsOf
	}
	c.search = index.Search{Order: order[in], After: after, Match: c.match, Number: c.number}
	if q.Limit > 0 {
		c.page = min(min(q.Skip, archivePage)+min(q.Limit, archivePage), archivePage)
	}
	if q.Filter.Until != 0 {
		c.latest = int64(q.Filter.Until)
	}
	if q.Filter.Since != 0 {
		c.earliest = int64(q.Filter.Since)
	}
	return c
}

// newOpenCursor returns a cursor over the sessions that had been opened by the sequence that
// the query asks for, and had records after it.
func newOpenCursor(q *projection.Query, in projection.Order, after *index.Entry) *archiveCursor {
	c := newArchiveCursor(q, in, after)
	c.earliest, c.until, c.asOf = math.MinInt64, math.MaxUint64, q.AsOf
	c.search.Former = true
	return c
}

// open chooses the indexes to search: those that each session that is wanted is in. exact
// reports whether no others are. returned narrows the search to sessions that were lost once.
// Sessions of which memory has the last value are left out.
func (c *archiveCursor) open(snapshot *storage.Snapshot, l *Listing, returned bool) (exact bool, err error) {
	q, matcher := &l.query, l.matcher
	c.until = min(c.until, l.ended.Base())
	var groups []projection.IndexGroup
	if c.asOf != 0 {
		groups, exact = matcher.IndexGroupsAsOf(), matcher.Lasting()
	} else {
		groups, exact = matcher.IndexGroups()
	}
	if len(q.Filter.Networks) > 0 {
		keys, ofThem, all, err := keysOf(snapshot, q.Filter.Networks)
		if err != nil {
			return false, err
		}
		if exact = exact && ofThem && !all; !all {
			groups = append(groups, projection.IndexGroup{Keys: keys, Disjoint: ofThem})
		}
	}
	if returned {
		groups = append(groups, projection.Returned())
	}
	if len(groups) == 0 {
		groups = append(groups, projection.All())
	}
	for _, g := range groups {
		c.search.Groups = append(c.search.Groups, index.Group(g))
	}
	return exact, nil
}

// keysOf returns keys of the indexes such that each session in one of some networks has one
// of them, each once. exact is false if others have
// too. all is set if the keys are too many to look into.
func keysOf(snapshot *storage.Snapshot, networks []netip.Prefix) (keys [][]byte, exact, all bool, err error) {
	exact = true
	for i, network := range networks {
		if slices.ContainsFunc(networks, func(o netip.Prefix) bool {
			return o != network && o.Bits() <= network.Bits() && o.Contains(network.Addr())
		}) ||
			slices.Contains(networks[:i], network) {
			continue // it is a part of another one
		}
		low, high := projection.NetworkRange(network)
		before := len(keys)
		err := snapshot.Keys(low, high, func(key []byte) bool {
			keys = append(keys, key)
			return len(keys) <= networkKeys
		})
		if err != nil {
			return nil, false, false, err
		}
		if len(keys) <= networkKeys {
			continue
		}
		around := projection.NetworkAround(network)
		if around == nil {
			return nil, false, true, nil
		}
		keys, exact = append(keys[:before], around), false
	}
	return keys, exact, false, nil
}

// more reads the next page of a cursor when the last one is used up.
func (l *Listing) more(c *archiveCursor) error {
	for len(c.rows) == 0 && !c.end {
		// It is no time to wait while the archive is open.
		if err := l.pace.visit(0); err != nil {
			return err
		}
		snapshot, err := l.reader.archive.Snapshot()
		if err != nil {
			return err
		}
		if err := errors.Join(l.fill(c, snapshot), snapshot.Close()); err != nil {
			return err
		}
	}
	return nil
}

// fill reads the cursor's next page. It leaves out rows of which memory has the last value, or
// that were written after the listing's moment.
func (l *Listing) fill(c *archiveCursor, snapshot *storage.Snapshot) error {
	c.rows = c.rows[:0]
	var texts wire.Strings // most rows have the same names, users and programs
	looked := 0
	err := snapshot.Search(c.search, func(m index.Entry) (bool, error) {
		c.search.After = &m
		looked++
		if !l.ended.Supersedes(m.ID, m.Last) && !c.without[m.ID] {
			s, err := rowOf(snapshot, m, &texts)
			if err != nil {
				return false, err
			}
			if l.wants(s) {
				c.rows = append(c.rows, s)
			}
		}
		return looked < archiveLook && len(c.rows) < c.page, nil
	})
	c.end = looked < archiveLook && len(c.rows) < c.page
	l.pace.visited += looked
	return err
}

// wants reports whether an archived session may be one to list.
func (l *Listing) wants(s *projection.Session) bool {
	if l.query.AsOf != 0 {
		return true // the fold of its records is compared
	}
	return s.Version <= l.Sequence && l.query.Has(s.Status) && l.matcher.Match(s)
}

// rowOf returns the archived session that an entry of an index stands for. It
// shares texts with the rows that were read before.
func rowOf(snapshot *storage.Snapshot, m index.Entry, texts *wire.Strings) (*projection.Session, error) {
	table := projection.TableClosed
	if m.Lost {
		table = projection.TableLost
	}
	row, err := snapshot.Get(table, projection.IDKey(m.ID))
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, snapshot.Damaged("an index names session %d, which is not in table %q", m.ID, table)
	}
	return projection.DecodeSession(row, texts)
}
