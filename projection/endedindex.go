package projection

import (
	"cmp"
	"math"
	"slices"

	"gatebook/events"
)

// endedOrders is how many orders ended sessions are kept in: [ByID] to [ByEndDescending].
const endedOrders = 4

// endedIndex finds the ended sessions of one block. It never changes.
type endedIndex struct {
	// sessions are the last values in the block, in each order. windows bound their times.
	sessions [endedOrders][]*Session
	windows  [endedOrders][]window
	// lists have the sessions with each term, and those with fieldAll all of them.
	lists map[term]*endedList
	// networks4 and networks6 are the terms that are networks.
	networks4, networks6 networkSet
	// returned are the ids of the sessions that were lost once, live ones included, ascending.
	returned []uint64
}

// endedList holds the positions of sessions in each order, ascending.
type endedList [endedOrders][]uint16

// window bounds when some sessions were live, windowSize of them in a row.
type window struct {
	opened, present events.Time // the first opening and the last presence
}

const windowSize = 64

// newEndedIndex returns the index of a block's changes.
func newEndedIndex(changes []*Session) *endedIndex {
	x := &endedIndex{lists: make(map[term]*endedList)}
	var all []*Session
	for _, v := range lastValues(changes) {
		if v.WasLost() {
			x.returned = append(x.returned, v.ID)
		}
		if v.Status != Live {
			all = append(all, v)
		}
	}
	slices.Sort(x.returned)
	listsOf := x.addTerms(all)
	for order := ByID; order < endedOrders; order++ {
		sorted := slices.Clone(all)
		slices.SortFunc(sorted, func(a, b *Session) int { return compareEnded(order, placeOf(a), placeOf(b)) })
		x.sessions[order], x.windows[order] = sorted, windowsOf(sorted)
		for at, v := range sorted {
			for _, l := range listsOf[v] {
				if n := len(l[order]); n == 0 || l[order][n-1] != uint16(at) { // it can have a term twice
					l[order] = append(l[order], uint16(at))
				}
			}
		}
	}
	return x
}

// lastValues returns the last value of each session, in no order.
func lastValues(changes []*Session) []*Session {
	last := make(map[uint64]*Session, len(changes))
	for _, v := range changes {
		last[v.ID] = v
	}
	all := make([]*Session, 0, len(last))
	for _, v := range last {
		all = append(all, v)
	}
	return all
}

// placeOf returns the place of an ended session.
func placeOf(v *Session) EndedPlace { return EndedPlace{v.ID, int64(v.Ended())} }

// compareEnded compares two places in an order. Sessions of one end are in order of id.
func compareEnded(order Order, a, b EndedPlace) int {
	switch order {
	case ByIDDescending:
		return cmp.Compare(b.ID, a.ID)
	case ByEnd:
		return cmp.Or(cmp.Compare(a.End, b.End), cmp.Compare(a.ID, b.ID))
	case ByEndDescending:
		return cmp.Or(cmp.Compare(b.End, a.End), cmp.Compare(a.ID, b.ID))
	}
	return cmp.Compare(a.ID, b.ID)
}

// addTerms makes the lists of the sessions' terms, which are empty, and returns which of them
// each session belongs to.
func (x *endedIndex) addTerms(all []*Session) map[*Session][]*endedList {
	of := make(map[*Session][]*endedList, len(all))
	for _, v := range all {
		v.endedTerms(func(t term) {
			l := x.lists[t]
			if l == nil {
				l = new(endedList)
				x.lists[t] = l
				if t.field == fieldAddress {
					x.networksLike(t).add(t)
				}
			}
			of[v] = append(of[v], l)
		})
	}
	return of
}

// endedTerms calls do for the terms that an ended session in memory is found by, some possibly
// twice.
func (s *Session) endedTerms(do func(term)) {
	do(term{field: fieldAll})
	s.terms(do)
	s.presentTerms(do)
	end := s.Ending()
	do(term{fieldReason, end.Reason.String()})
	if end.By != "" {
		do(term{fieldBy, end.By})
	}
	if ip := s.IP(); ip.IsValid() {
		do(networkOf(ip))
	}
}

func (x *endedIndex) networksLike(t term) *networkSet {
	if isIPv4(t) {
		return &x.networks4
	}
	return &x.networks6
}

// windowsOf returns the windows of sessions in an order.
func windowsOf(sorted []*Session) []window {
	all := make([]window, 0, (len(sorted)+windowSize-1)/windowSize)
	for some := range slices.Chunk(sorted, windowSize) {
		w := window{opened: math.MaxInt64, present: math.MinInt64}
		for _, v := range some {
			w.opened, w.present = min(w.opened, v.Opened), max(w.present, v.Present())
		}
		all = append(all, w)
	}
	return all
}

// choose returns the lists of the field with the fewest sessions, of the groups of terms and
// the networks that a session has to have.
func (x *endedIndex) choose(groups [][]term, m *Matcher) (best []*endedList) {
	least := math.MaxInt
	consider := func(lists []*endedList) {
		n := 0
		for _, l := range lists {
			n += len(l[ByID])
		}
		if n < least {
			best, least = lists, n
		}
	}
	for _, group := range groups {
		var lists []*endedList
		for _, t := range group {
			if l := x.lists[t]; l != nil {
				lists = append(lists, l)
			}
		}
		consider(lists)
	}
	if m != nil && len(m.filter.Networks) > 0 {
		if lists, few := inNetworks(m.filter.Networks, x.lists, x.networksLike); few {
			consider(lists)
		}
	}
	return best
}

// endedGroups returns the groups of terms of which an ended session has to have one each to
// match. Terms are in a group once. former is set for the sessions that matched once.
func endedGroups(m *Matcher, former bool) [][]term {
	groups := [][]term{{{field: fieldAll}}}
	if m == nil {
		return groups
	}
	groups = append(groups, m.terms()...)
	if !former {
		groups = slices.Concat(groups, m.presentTerms(), m.endTerms())
	}
	for i, group := range groups {
		seen := make(map[term]bool, len(group))
		groups[i] = slices.DeleteFunc(group, func(t term) bool {
			was := seen[t]
			seen[t] = true
			return was
		})
	}
	return groups
}
