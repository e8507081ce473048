package projection

import (
	"cmp"
	"math"
	"slices"
)

// Selection says which sessions in memory to copy out.
type Selection struct {
	// Live, Closed and Lost are the statuses wanted.
	Live, Closed, Lost bool
	// Filter says which sessions of these statuses are wanted; nil wants all.
	Filter *Matcher
	// AsOf asks for the sessions that may have been wanted when this was the last
	// record: every one that was open by then, and whose terms do not rule it out.
	// 0 asks for who is wanted now.
	AsOf uint64
	// Descending lists live sessions from the highest id down.
	Descending bool
	// Beyond is the id beyond which, in that order, live sessions are wanted; 0 wants
	// all.
	Beyond uint64
	// Skip live sessions are passed over, and then at most Limit copied, 0 meaning
	// all. They are for live sessions alone: what memory has of ended ones is no
	// page.
	Skip, Limit int
}

// Has tells whether sessions of that status are selected.
func (s *Selection) Has(status Status) bool {
	return status == Live && s.Live || status == Closed && s.Closed || status == Lost && s.Lost
}

// wants reports whether a session in memory is selected.
func (s *Selection) wants(v *Session) bool {
	if s.AsOf != 0 {
		return v.first() <= s.AsOf
	}
	return s.Has(v.Status) && (s.Filter == nil || s.Filter.Match(v))
}

// Copied is what [State.Copy] copied out.
type Copied struct {
	Moment
	// Living are the live sessions wanted, in the order of their ids that was asked for,
	// Ended those that ended and are still in memory, in no order.
	Living, Ended []View
	// Superseded are the ids of which the archive of this moment may have an older
	// value, whether wanted or not: of those that ended, or live again, since the last
	// checkpoint or in the one being written.
	// It is nil where no ended sessions are wanted.
	Superseded map[uint64]struct{}
}

// Copy copies sessions out of memory. begin is called under the same lock, so
// that what it opens is of the same moment. It costs the live sessions that are
// copied, of a filter those that have in common what the fewest have. If ended ones
// are wanted, it costs those that ended since the last checkpoint as well, but without
// the lock.
func (s *State) Copy(want Selection, begin func() error) (Copied, error) {
	// Memory for a long list is fetched before the lock is taken: it may have to wait
	// for the collector, and whoever applies for it.
	out := Copied{Living: make([]View, 0, s.room(&want))}
	recent, saving, err := s.copyMoment(&want, begin, &out)
	if err == nil && (want.Closed || want.Lost || want.AsOf != 0) {
		out.copyEnded(&want, recent, saving)
	}
	return out, err
}

// copyMoment does what has to be done at one moment. What lies within the lists it
// returns never changes.
func (s *State) copyMoment(want *Selection, begin func() error, out *Copied) (recent, saving []*Session, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out.Moment = s.moment()
	if want.Filter != nil {
		out.Sessions = s.lastChange(want.Filter)
	}
	if err := begin(); err != nil {
		return nil, nil, err
	}
	if want.Live || want.AsOf != 0 {
		s.copyLive(want, out)
	}
	return s.endedSince, s.endedSaving, nil
}

// room is how many live sessions a copy will have, about; 0 where that is not known.
func (s *State) room(want *Selection) int {
	if !want.Live || want.Filter != nil || want.AsOf != 0 || want.Beyond != 0 {
		return 0
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := max(s.live.count-want.Skip, 0)
	if want.Limit > 0 {
		return min(n, want.Limit)
	}
	return n + n/64
}

func (s *State) copyLive(want *Selection, out *Copied) {
	postings, found, until := []*posting(nil), false, endOfTime
	if want.Filter != nil {
		if len(want.Filter.filter.Reasons) > 0 && want.AsOf == 0 {
			return // nobody who lives has ended for a reason
		}
		postings, found = s.index.choose(want.Filter)
		until = cmp.Or(want.Filter.filter.Until, endOfTime)
	}
	skip := want.Skip
	// Where all are wanted that live none is looked at: they lie all over memory, and
	// the lock is held.
	all, observed := want.Filter == nil && want.AsOf == 0, len(s.observed) > 0
	take := func(v *Session) bool {
		if !all && !want.wants(v) {
			return true
		}
		if skip > 0 {
			skip--
			return true
		}
		view := View{Session: v}
		if observed {
			view.Observed = s.observed[v.ID]
		}
		out.Living = append(out.Living, view)
		return want.Limit == 0 || len(out.Living) < want.Limit
	}
	first, none := want.start()
	switch {
	case none:
	case found:
		union(postings, first, want.Descending, func(id uint64) bool { return take(s.live.get(id)) })
	case want.Descending:
		s.live.down(first, until, take)
	case all:
		pages := skip
		skip = 0
		s.live.from(first, pages, until, take)
	default:
		s.live.from(first, 0, until, take)
	}
}

// start is the first id that may be wanted.
func (s *Selection) start() (id uint64, none bool) {
	switch {
	case s.Descending && s.Beyond == 0:
		return math.MaxUint64, false
	case s.Descending:
		return s.Beyond - 1, false
	}
	return s.Beyond + 1, s.Beyond == math.MaxUint64
}

// copyEnded takes from the changes around an end those that are wanted, newest first:
// of each session the last one counts. It needs no lock.
func (out *Copied) copyEnded(want *Selection, endedSince ...[]*Session) {
	n := 0
	for _, list := range endedSince {
		n += len(list)
	}
	out.Superseded = make(map[uint64]struct{}, n)
	for _, list := range endedSince {
		for _, v := range slices.Backward(list) {
			if _, older := out.Superseded[v.ID]; older {
				continue
			}
			out.Superseded[v.ID] = struct{}{}
			if v.Status != Live && want.wants(v) {
				out.Ended = append(out.Ended, View{Session: v})
			}
		}
	}
}
