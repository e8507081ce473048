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
	// ranks are the positions in each order of the sessions in the order by id.
	ranks [endedOrders][]uint16
	// lists have the sessions with each term, as their positions in the order by id.
	lists map[term]*[]uint16
	// networks4 and networks6 are the terms that are networks.
	networks4, networks6 networkSet
	// returned are the ids of the sessions that were lost once, live ones included, ascending.
	returned []uint64
}

// window bounds when some sessions were live, windowSize of them in a row.
type window struct {
	opened, present events.Time // the first opening and the last presence
}

const windowSize = 64

// newEndedIndex returns the index of a block's changes.
func newEndedIndex(changes []*Session) *endedIndex {
	x := &endedIndex{lists: make(map[term]*[]uint16)}
	all := make([]*Session, 0, len(changes))
	for _, v := range lastValues(changes) {
		if v.WasLost() {
			x.returned = append(x.returned, v.ID)
		}
		if v.Status != Live {
			all = append(all, v)
		}
	}
	slices.Sort(x.returned)
	slices.SortFunc(all, byID)
	x.arrange(all)
	for at, v := range all {
		v.endedTerms(func(t term) { x.add(t, uint16(at)) })
	}
	return x
}

// arrange sets the orders of sessions, which are given in the order by id.
func (x *endedIndex) arrange(all []*Session) {
	ends, windows := make([]events.Time, len(all)), make([]window, len(all))
	var orders [endedOrders][]uint16
	for order := range orders {
		orders[order] = make([]uint16, len(all))
	}
	for at, v := range all {
		ends[at], windows[at] = v.Ended(), window{v.Opened, v.Present()}
		orders[ByID][at], orders[ByIDDescending][len(all)-1-at] = uint16(at), uint16(at)
		orders[ByEnd][at], orders[ByEndDescending][at] = uint16(at), uint16(at)
	}
	// Positions of one end are in the order by id, which is that of the positions themselves.
	slices.SortFunc(orders[ByEnd], func(a, b uint16) int { return cmp.Or(cmp.Compare(ends[a], ends[b]), cmp.Compare(a, b)) })
	slices.SortFunc(orders[ByEndDescending], func(a, b uint16) int { return cmp.Or(cmp.Compare(ends[b], ends[a]), cmp.Compare(a, b)) })
	for order, positions := range orders {
		sorted, ranks := make([]*Session, len(all)), make([]uint16, len(all))
		bounds := make([]window, (len(all)+windowSize-1)/windowSize)
		for rank, at := range positions {
			sorted[rank], ranks[at] = all[at], uint16(rank)
			w := &bounds[rank/windowSize]
			if rank%windowSize == 0 {
				*w = windows[at]
			}
			w.opened, w.present = min(w.opened, windows[at].opened), max(w.present, windows[at].present)
		}
		x.sessions[order], x.ranks[order], x.windows[order] = sorted, ranks, bounds
	}
}

// add adds a session to the list of a term.
func (x *endedIndex) add(t term, at uint16) {
	list := x.lists[t]
	if list == nil {
		list = new([]uint16)
		x.lists[t] = list
		if t.field == fieldAddress {
			x.networksLike(t).add(t)
		}
	}
	if n := len(*list); n == 0 || (*list)[n-1] != at { // a session can have a term twice
		*list = append(*list, at)
	}
}

// in returns a list as positions in an order, ascending.
func (x *endedIndex) in(order Order, list []uint16) []uint16 {
	if order == ByID {
		return list
	}
	ranks := make([]uint16, len(list))
	for i, at := range list {
		ranks[i] = x.ranks[order][at]
	}
	slices.Sort(ranks)
	return ranks
}

// lastValues returns the last value of each session, in no order.
func lastValues(changes []*Session) []*Session {
	if !slices.ContainsFunc(changes, (*Session).WasLost) {
		return changes // a session that was never lost ends once, and changes no more
	}
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

// endedTerms calls do for the terms that an ended session in memory is found by, some possibly
// twice.
func (s *Session) endedTerms(do func(term)) {
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
// the networks that a session has to have. It returns false where none are asked for: then it
// can be every session.
func (x *endedIndex) choose(groups [][]term, m *Matcher) (best []*[]uint16, some bool) {
	least := math.MaxInt
	consider := func(lists []*[]uint16) {
		n := 0
		for _, l := range lists {
			n += len(*l)
		}
		if n < least {
			best, least, some = lists, n, true
		}
	}
	for _, group := range groups {
		var lists []*[]uint16
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
	return best, some
}

// inOrder returns the positions in an order of the sessions that can match, as lists.
func (x *endedIndex) inOrder(order Order, groups [][]term, m *Matcher) (all [][]uint16) {
	lists, some := x.choose(groups, m)
	if !some {
		return [][]uint16{positions(len(x.sessions[order]))}
	}
	for _, l := range lists {
		all = append(all, x.in(order, *l))
	}
	return all
}

// positions returns the numbers from 0 to n-1.
func positions(n int) []uint16 {
	all := make([]uint16, n)
	for at := range all {
		all[at] = uint16(at)
	}
	return all
}

// endedGroups returns the groups of terms of which an ended session has to have one each to
// match. Terms are in a group once. former is set for the sessions that matched once.
func endedGroups(m *Matcher, former bool) [][]term {
	if m == nil {
		return nil
	}
	groups := slices.Clone(m.terms())
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
