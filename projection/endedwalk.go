package projection

import (
	"cmp"
	"container/heap"
	"math"
	"slices"

	"gatebook/events"
)

// EndedWalk selects ended sessions in memory.
type EndedWalk struct {
	// Order is one of the orders by id and by end.
	Order Order
	// After is where the walk begins; nil is the beginning.
	After *EndedPlace
	// Since and Until bound the sequence of a session's last record: after Since, and not after
	// Until. 0 leaves Until open.
	Since, Until uint64
	// Filter, which may be nil, is what the sessions are to match. The walk has all that match,
	// and possibly others. Former is set for the sessions that matched it once.
	Filter *Matcher
	Former bool
	// Visited, which may be nil, is called now and then with how many sessions were visited
	// since the last call. An error of it ends the walk.
	Visited func(n int) error
}

// EndedPlace is the place of an ended session in an order.
type EndedPlace struct {
	ID  uint64
	End int64 // of no meaning in the orders by id
}

// Walk calls visit for ended sessions in memory, in an order, until it returns false. It costs
// a search in the index of each block, the sessions it visits, and those that have no index
// yet, which are less than a block.
func (e *EndedSessions) Walk(w EndedWalk, visit func(*Session) bool) error {
	m := merging{EndedWalk: w, ended: e, groups: endedGroups(w.Filter, w.Former), earliest: math.MinInt64, latest: math.MaxInt64}
	if m.Until == 0 {
		m.Until = math.MaxUint64
	}
	if f := w.Filter; f != nil && !w.Former {
		m.latest, m.earliest = cmp.Or(f.filter.Until, m.latest), cmp.Or(f.filter.Since, m.earliest)
	}
	for i, b := range e.blocks {
		if c := m.open(i, b); c != nil {
			m.cursors = append(m.cursors, c)
		}
	}
	heap.Init(&m)
	for len(m.cursors) > 0 {
		c := m.cursors[0]
		v := c.next
		if m.advance(c) {
			heap.Fix(&m, 0)
		} else {
			heap.Pop(&m)
		}
		if err := m.visited(1); err != nil {
			return err
		}
		if m.wants(c, v) && !visit(v) {
			break
		}
	}
	return m.report()
}

// merging is a walk in progress. Its cursors are a heap, the one with the first session on top.
type merging struct {
	EndedWalk
	ended            *EndedSessions
	groups           [][]term
	earliest, latest events.Time // of the filter's window
	cursors          []*endedCursor
	looked           int // visited, and not reported yet
}

// endedCursor is a place in a block.
type endedCursor struct {
	position int // of the block
	sessions []*Session
	windows  []window
	lists    [][]uint16 // what is left of them
	next     *Session
}

// open returns a cursor at the first session of a block that can be wanted; nil if it has none.
func (m *merging) open(position int, b *block) *endedCursor {
	if b.changes[0].Version > m.Until || b.changes[len(b.changes)-1].Version <= m.Since {
		return nil
	}
	c := &endedCursor{position: position}
	if x := b.index.Load(); x != nil {
		c.sessions, c.windows = x.sessions[m.Order], x.windows[m.Order]
		c.lists = x.inOrder(m.Order, m.groups, m.Filter)
	} else {
		m.scan(b, c)
	}
	from := 0
	if m.After != nil {
		from, _ = slices.BinarySearchFunc(c.sessions, *m.After, func(v *Session, after EndedPlace) int {
			if compareEnded(m.Order, placeOf(v), after) <= 0 {
				return -1
			}
			return 1
		})
	}
	c.skip(from)
	if !m.advance(c) {
		return nil
	}
	return c
}

// scan sets a cursor to what can be wanted of a block without an index.
func (m *merging) scan(b *block, c *endedCursor) {
	m.looked += len(b.changes)
	for _, v := range lastValues(b.changes) {
		if v.Status != Live && (m.Filter == nil || m.Former || m.Filter.Match(v)) {
			c.sessions = append(c.sessions, v)
		}
	}
	slices.SortFunc(c.sessions, func(a, b *Session) int { return compareEnded(m.Order, placeOf(a), placeOf(b)) })
	c.windows = windowsOf(c.sessions)
	c.lists = [][]uint16{positions(len(c.sessions))}
}

// skip leaves out the positions before one.
func (c *endedCursor) skip(to int) {
	for i, list := range c.lists {
		at, _ := slices.BinarySearchFunc(list, to, func(position uint16, to int) int { return int(position) - to })
		c.lists[i] = list[at:]
	}
}

// advance moves a cursor to its next session. It returns false where there is none.
func (m *merging) advance(c *endedCursor) bool {
	for {
		first := math.MaxInt
		for _, list := range c.lists {
			if len(list) > 0 {
				first = min(first, int(list[0]))
			}
		}
		if first == math.MaxInt {
			return false
		}
		if w := &c.windows[first/windowSize]; w.opened > m.latest || w.present < m.earliest {
			c.skip((first/windowSize + 1) * windowSize)
			continue
		}
		for i, list := range c.lists {
			if len(list) > 0 && int(list[0]) == first {
				c.lists[i] = list[1:]
			}
		}
		c.next = c.sessions[first]
		return true
	}
}

// wants reports whether a session is selected, filter aside: no later block has another value.
func (m *merging) wants(c *endedCursor, v *Session) bool {
	return v.Version > m.Since && v.Version <= m.Until &&
		!(v.WasLost() && m.ended.returned(v.ID, v.ID, c.position+1))
}

// visited accounts for sessions that are visited.
func (m *merging) visited(n int) error {
	if m.looked += n; m.looked < endedBlock {
		return nil
	}
	return m.report()
}

// report reports the sessions that were visited since it did so last.
func (m *merging) report() error {
	n := m.looked
	m.looked = 0
	if m.Visited == nil || n == 0 {
		return nil
	}
	return m.Visited(n)
}

// Len is [heap.Interface.Len].
func (m *merging) Len() int { return len(m.cursors) }

// Less is [heap.Interface.Less].
func (m *merging) Less(i, j int) bool {
	return compareEnded(m.Order, placeOf(m.cursors[i].next), placeOf(m.cursors[j].next)) < 0
}

// Swap is [heap.Interface.Swap].
func (m *merging) Swap(i, j int) { m.cursors[i], m.cursors[j] = m.cursors[j], m.cursors[i] }

// Push is [heap.Interface.Push]. It is never called.
func (m *merging) Push(c any) { m.cursors = append(m.cursors, c.(*endedCursor)) }

// Pop is [heap.Interface.Pop].
func (m *merging) Pop() any {
	last := len(m.cursors) - 1
	c := m.cursors[last]
	m.cursors = m.cursors[:last]
	return c
}
