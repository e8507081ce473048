package projection

import (
	"cmp"
	"math"
	"slices"
)

// Selection selects sessions in memory to copy.
type Selection struct {
	// Live, Closed and Lost are the statuses to select.
	Live, Closed, Lost bool
	// Filter narrows the selection; nil selects every session of the statuses.
	Filter *Matcher
	// AsOf selects the sessions that can match as of the record of that sequence: every one
	// that was opened by then and has terms that match. 0 selects by the current values.
	AsOf uint64
	// Descending orders live sessions from the highest id to the lowest.
	Descending bool
	// Beyond is the id after which, in that order, live sessions are selected; 0 selects
	// all.
	Beyond uint64
	// Skip live sessions are left out, and then at most Limit copied, 0 being no limit.
	// They do not apply to ended sessions, which are no page.
	Skip, Limit int
	// Pause, which may be nil, is called without the lock between the pieces of a long copy,
	// with how many sessions the last one visited. An error of it ends the copy.
	Pause func(visited int) error
}

// Has reports whether sessions of that status are selected.
func (s *Selection) Has(status Status) bool {
	return status == Live && s.Live || status == Closed && s.Closed || status == Lost && s.Lost
}

// matches reports whether a session in memory is selected.
func (s *Selection) matches(v View) bool {
	if s.AsOf != 0 {
		return v.First() <= s.AsOf
	}
	return s.Has(v.Status) && (s.Filter == nil || s.Filter.MatchView(v))
}

// every reports whether every live session is selected.
func (s *Selection) every() bool { return s.Filter == nil && s.AsOf == 0 }

// firstID returns the first id that can be selected; none is true if there is none.
func (s *Selection) firstID() (id uint64, none bool) {
	switch {
	case s.Descending && s.Beyond == 0:
		return math.MaxUint64, false
	case s.Descending:
		return s.Beyond - 1, false
	}
	return s.Beyond + 1, s.Beyond == math.MaxUint64
}

// Copied is the result of [State.Copy].
type Copied struct {
	Moment
	// Living are the selected live sessions in order of their ids.
	Living []View
	// Ended are the ended sessions in memory, whatever the filter, of the same moment. There
	// are none if no ended sessions are selected.
	Ended EndedSessions
}

// Copy copies sessions in memory, all as of one moment. It calls begin under the lock at
// that moment, so that what begin opens is of the same moment. It visits the live sessions
// it copies; with a filter, those on the shortest lists that the filter allows. It holds the
// lock for a piece at a time, which is about a page of work, and compares sessions with the
// filter without it. The ended sessions are a list that never changes, and cost nothing here.
func (s *State) Copy(want Selection, begin func() error) (Copied, error) {
	c := copying{state: s, want: &want}
	// Memory for a long list is allocated before the lock is taken: allocating can wait for
	// the garbage collector, and then the writer would too.
	c.out.Living = make([]View, 0, s.room(&want))
	if err := c.run(begin); err != nil {
		return Copied{Moment: c.out.Moment}, err
	}
	return c.out, nil
}

// room returns about how many live sessions a copy will have; 0 if that is unknown.
func (s *State) room(want *Selection) int {
	if !want.Live || !want.every() || want.Beyond != 0 {
		return 0
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := max(s.sessions.live.count-want.Skip, 0)
	if want.Limit > 0 {
		return min(n, want.Limit)
	}
	return n + n/64
}

const (
	// largestPiece is how many sessions are visited under the lock at a time, and
	// smallestPiece how many at least.
	largestPiece  = 1024
	smallestPiece = 64
	// mostListVisits bounds how many steps over posting lists a piece takes.
	mostListVisits = 32 << 10
	// mostRestarts is how often a copy begins anew because the writer was too far ahead. The
	// one after that keeps the lock.
	mostRestarts = 8
)

// copying is a copy in progress. Between two pieces the lock is free, and sessions change:
// each piece begins by copying those again that have changed since the one before, so that
// all that was copied is of the moment of the last piece.
type copying struct {
	state *State
	want  *Selection
	out   Copied

	begun bool
	// since is the sequence that everything copied so far is of.
	since uint64
	// next is the id from which the next piece goes on; finished is set when there is none.
	next     uint64
	finished bool
	piece    int    // how many sessions the next piece visits
	count    int    // how many the last one has visited
	visited  []View // those of the last piece, to be compared with the filter
	restarts int
}

// run copies the live sessions.
func (c *copying) run(begin func() error) error {
	c.reset()
	for {
		done, err := c.step(begin)
		if done || err != nil {
			return err
		}
		if pause := c.want.Pause; pause != nil {
			if err := pause(c.count); err != nil {
				return err
			}
		}
		c.compare()
	}
}

// compare copies those of the visited sessions that match.
func (c *copying) compare() {
	for _, v := range c.visited {
		if c.want.matches(v) {
			c.out.Living = append(c.out.Living, v)
		}
	}
	c.visited = c.visited[:0]
}

// reset begins the copy anew.
func (c *copying) reset() {
	var none bool
	c.next, none = c.want.firstID()
	c.finished = none || !c.want.Live && c.want.AsOf == 0 ||
		c.want.Filter != nil && c.want.AsOf == 0 && !c.want.Filter.ofLive()
	c.out.Living, c.begun = c.out.Living[:0], false
	c.piece = largestPiece
	if c.want.Limit > 0 {
		c.piece = min(max(c.want.Skip+c.want.Limit, smallestPiece), largestPiece)
	}
	if c.restarts > mostRestarts {
		c.piece = math.MaxInt
	}
}

// step does one piece of the copy under the lock, or ends it.
func (c *copying) step(begin func() error) (done bool, err error) {
	s := c.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	if c.begun && !c.catchUp() {
		c.restarts++
		c.reset()
	}
	if !c.begun {
		c.begun, c.out.Observations = true, s.observed.count
	}
	c.since = s.sequence
	if !c.enough() {
		c.visit()
		if c.restarts > mostRestarts {
			c.compare()
		}
		if len(c.visited) > 0 || !c.enough() {
			c.piece = max(c.piece, min(2*c.piece, largestPiece))
			return false, nil
		}
	}
	observations := c.out.Observations // what is shown is at least as new
	c.out.Moment = s.moment()
	c.out.Observations = observations
	if c.want.Filter != nil {
		c.out.Sessions = s.topology.lastChange(s.changed, c.want.Filter)
	}
	c.cut()
	if c.want.Closed || c.want.Lost || c.want.AsOf != 0 {
		c.out.Ended = s.unsaved.ended()
	}
	return true, begin()
}

// enough reports whether there is nothing more to visit.
func (c *copying) enough() bool {
	return c.finished || c.want.Limit > 0 && len(c.out.Living) >= c.want.Skip+c.want.Limit
}

// cut leaves out what is skipped, and what is beyond the limit.
func (c *copying) cut() {
	living := c.out.Living[min(c.want.Skip, len(c.out.Living)):]
	if c.want.Limit > 0 {
		living = living[:min(c.want.Limit, len(living))]
	}
	c.out.Living = living
}

// catchUp copies the sessions again that have changed since the last piece. It returns false
// if they are too many to know.
func (c *copying) catchUp() bool {
	changed, known := c.state.recent.since(c.since, c.state.sequence)
	if !known || len(changed) == 0 {
		return known
	}
	c.out.Living = slices.DeleteFunc(c.out.Living, func(v View) bool {
		_, old := changed[v.ID]
		return old
	})
	before := len(c.out.Living)
	for id := range changed {
		if v := c.state.sessions.live.get(id); v != nil && c.covered(id) {
			if view := c.view(v); c.want.matches(view) {
				c.out.Living = append(c.out.Living, view)
			}
		}
	}
	if len(c.out.Living) > before {
		slices.SortFunc(c.out.Living, func(a, b View) int {
			if c.want.Descending {
				return cmp.Compare(b.ID, a.ID)
			}
			return cmp.Compare(a.ID, b.ID)
		})
	}
	return true
}

// covered reports whether the pieces so far have visited an id.
func (c *copying) covered(id uint64) bool {
	first, none := c.want.firstID()
	if none || c.want.Descending && id > first || !c.want.Descending && id < first {
		return false
	}
	return c.finished || c.want.Descending && id > c.next || !c.want.Descending && id < c.next
}

// view returns a live session with its observation.
func (c *copying) view(v *Session) View { return View{v, c.state.observed.bySession[v.ID]} }

// visit visits the next sessions. Where every one is selected, it copies them.
func (c *copying) visit() {
	all, anyObserved := c.want.every(), len(c.state.observed.bySession) > 0
	left, skip := c.piece, 0
	if all && !c.want.Descending && c.want.Skip > 0 && c.want.Limit > 0 && c.want.Limit <= left && len(c.out.Living) == 0 {
		// One piece is the whole page, so that no session that is skipped need be copied.
		skip, c.want.Skip = c.want.Skip, 0
	}
	if all && c.want.Limit > 0 {
		left = min(left, c.want.Skip+c.want.Limit-len(c.out.Living))
	}
	last, stopped := uint64(0), false
	c.count = 0
	take := func(v *Session) bool {
		view := View{Session: v}
		if anyObserved {
			view.Observed = c.state.observed.bySession[v.ID]
		}
		if all {
			c.out.Living = append(c.out.Living, view)
		} else {
			c.visited = append(c.visited, view)
		}
		left--
		c.count++
		last, stopped = v.ID, left == 0
		return !stopped
	}
	c.walk(skip, take, &left)
	switch {
	case !stopped, c.want.Descending && last == 1, !c.want.Descending && last == math.MaxUint64:
		c.finished = true
	case c.want.Descending:
		c.next = last - 1
	default:
		c.next = last + 1
	}
}

// walk calls take for the live sessions that can be selected, from the next id on, until it
// returns false. It lowers left where visiting a session takes long.
func (c *copying) walk(skip int, take func(*Session) bool, left *int) {
	from, until := &c.state.sessions, endOfTime
	if c.want.Filter != nil {
		until = cmp.Or(c.want.Filter.filter.Until, endOfTime)
		if lists, found := from.choose(c.want.Filter, c.want.AsOf == 0); found {
			if c.restarts <= mostRestarts {
				*left = min(*left, max(mostListVisits/(len(lists)+1), smallestPiece))
			}
			union(lists, c.next, c.want.Descending, func(id uint64) bool { return take(from.live.get(id)) })
			return
		}
	}
	if c.want.Descending {
		from.live.descend(c.next, until, take)
		return
	}
	from.live.ascend(c.next, skip, until, take)
}
