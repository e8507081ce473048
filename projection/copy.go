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
}

// Has reports whether sessions of that status are selected.
func (s *Selection) Has(status Status) bool {
	return status == Live && s.Live || status == Closed && s.Closed || status == Lost && s.Lost
}

// matches reports whether a session in memory is selected.
func (s *Selection) matches(v *Session) bool {
	if s.AsOf != 0 {
		return v.First() <= s.AsOf
	}
	return s.Has(v.Status) && (s.Filter == nil || s.Filter.Match(v))
}

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
	// Living are the selected live sessions in order of their ids. Ended are the selected
	// ended sessions in memory, in no order.
	Living, Ended []View
	// Superseded are the ids, selected or not, of which the archive of this moment can have
	// an older value: those that ended, or became live again, since the last checkpoint or in
	// the one being written. It is nil if no ended sessions are selected.
	Superseded map[uint64]struct{}
}

// Copy copies sessions in memory. It calls begin under the same lock, so that what begin
// opens is of the same moment. It visits the live sessions it copies; with a filter, those
// on the shortest lists that the filter allows. For ended sessions it visits those that
// ended since the last checkpoint, without the lock.
func (s *State) Copy(want Selection, begin func() error) (Copied, error) {
	// Memory for a long list is allocated before the lock is taken: allocating can wait for
	// the garbage collector, and then the writer would too.
	out := Copied{Living: make([]View, 0, s.room(&want))}
	recent, saving, err := s.copyMoment(&want, begin, &out)
	if err == nil && (want.Closed || want.Lost || want.AsOf != 0) {
		out.copyEnded(&want, recent, saving)
	}
	return out, err
}

// copyMoment does the part of Copy under the lock. The lists it returns never change.
func (s *State) copyMoment(want *Selection, begin func() error, out *Copied) (recent, saving []*Session, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out.Moment = s.moment()
	if want.Filter != nil {
		out.Sessions = s.topology.lastChange(s.changed, want.Filter)
	}
	if err := begin(); err != nil {
		return nil, nil, err
	}
	if want.Live || want.AsOf != 0 {
		out.copyLive(want, &s.sessions, s.observed.bySession)
	}
	return s.unsaved.endedSince, s.unsaved.endedSaving, nil
}

// room returns about how many live sessions a copy will have; 0 if that is unknown.
func (s *State) room(want *Selection) int {
	if !want.Live || want.Filter != nil || want.AsOf != 0 || want.Beyond != 0 {
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

// copyLive copies the selected live sessions.
func (out *Copied) copyLive(want *Selection, from *sessions, observed map[uint64]*Observation) {
	lists, found, until := []*postingList(nil), false, endOfTime
	if want.Filter != nil {
		if len(want.Filter.filter.Reasons) > 0 && want.AsOf == 0 {
			return // a live session has not ended for a reason
		}
		lists, found = from.index.choose(want.Filter)
		until = cmp.Or(want.Filter.filter.Until, endOfTime)
	}
	skip := want.Skip
	// Without a filter no session is read: they are scattered over memory, and the lock is
	// held.
	all, anyObserved := want.Filter == nil && want.AsOf == 0, len(observed) > 0
	take := func(v *Session) bool {
		if !all && !want.matches(v) {
			return true
		}
		if skip > 0 {
			skip--
			return true
		}
		view := View{Session: v}
		if anyObserved {
			view.Observed = observed[v.ID]
		}
		out.Living = append(out.Living, view)
		return want.Limit == 0 || len(out.Living) < want.Limit
	}
	first, none := want.firstID()
	switch {
	case none:
	case found:
		union(lists, first, want.Descending, func(id uint64) bool { return take(from.live.get(id)) })
	case want.Descending:
		from.live.descend(first, until, take)
	case all:
		skipped := skip
		skip = 0
		from.live.ascend(first, skipped, until, take)
	default:
		from.live.ascend(first, 0, until, take)
	}
}

// copyEnded copies the selected ended sessions from lists of changes, the newest list
// first. Of each session the last change counts.
func (out *Copied) copyEnded(want *Selection, changes ...[]*Session) {
	n := 0
	for _, list := range changes {
		n += len(list)
	}
	out.Superseded = make(map[uint64]struct{}, n)
	for _, list := range changes {
		for _, v := range slices.Backward(list) {
			if _, older := out.Superseded[v.ID]; older {
				continue
			}
			out.Superseded[v.ID] = struct{}{}
			if v.Status != Live && want.matches(v) {
				out.Ended = append(out.Ended, View{Session: v})
			}
		}
	}
}
