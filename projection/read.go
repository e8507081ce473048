package projection

import (
	"cmp"
	"slices"

	"gatebook/events"
)

// Moment is what one reading saw of the state as a whole.
type Moment struct {
	// Sequence is that of the last record the answer reflects, Recorded its time.
	Sequence uint64
	Recorded events.Time
	// Live, and Totals, count the sessions.
	Live int
	Totals
	// Sessions is the last change of any session. Observations rises whenever
	// counters of live sessions are observed; it begins anew with the process.
	Sessions     Change
	Observations uint64
}

func (s *State) moment() Moment {
	return Moment{
		Sequence: s.sequence, Recorded: s.recorded, Live: s.live.count, Totals: s.totals,
		Sessions: s.changed, Observations: s.observations,
	}
}

// Moment is the state's current one.
func (s *State) Moment() Moment {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.moment()
}

// Session returns the session of that id if it is in memory: every live one, and
// those that ended since the last checkpoint. For the others there is the
// archive, which inside reads under the lock, so that it is of the same moment.
func (s *State) Session(id uint64, inside func() error) (View, Moment, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if v := s.live.get(id); v != nil {
		return View{v, s.observed[id]}, s.moment(), nil
	}
	if v := s.ended[id]; v != nil {
		return View{Session: v}, s.moment(), nil
	}
	return View{}, s.moment(), inside()
}

// Lookup returns the session of that id if it is in memory, nil otherwise. A live one
// it finds without a lock: it may be from inside a batch that is being applied.
func (s *State) Lookup(id uint64) *Session {
	if v := s.live.get(id); v != nil {
		return v
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if v := s.live.get(id); v != nil {
		return v
	}
	return s.ended[id]
}

// Selection says which sessions in memory to copy out.
type Selection struct {
	// Live, Closed and Lost are the statuses wanted.
	Live, Closed, Lost bool
	// Skip live sessions are passed over, and then at most Limit copied, 0 meaning
	// all. They are for Live alone: what memory has of ended sessions is no page.
	Skip, Limit int
}

// Has tells whether sessions of that status are selected.
func (s Selection) Has(status Status) bool {
	return status == Live && s.Live || status == Closed && s.Closed || status == Lost && s.Lost
}

// Copied is what [State.Copy] copied out.
type Copied struct {
	Moment
	// Views are the sessions wanted, in ascending order of id.
	Views []View
	// Superseded are the ids of which the archive of this moment may have an older
	// value, whether wanted or not: of those that ended and are in memory, and of
	// those that changed since the last checkpoint or are in the one being written.
	// It is nil where no ended sessions are wanted.
	Superseded map[uint64]struct{}
}

// Copy copies sessions out of memory. begin is called under the same lock, so
// that what it opens is of the same moment.
func (s *State) Copy(want Selection, begin func() error) (Copied, error) {
	// Memory for a long list is fetched before the lock is taken: it may have to wait
	// for the collector, and whoever applies for it.
	out := Copied{Views: make([]View, 0, s.room(want))}
	if err := s.copyInto(&out, want, begin); err != nil {
		return out, err
	}
	if want.Closed || want.Lost {
		slices.SortFunc(out.Views, func(a, b View) int { return cmp.Compare(a.ID, b.ID) })
	}
	return out, nil
}

// room is how many sessions a copy will have, about.
func (s *State) room(want Selection) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := 0
	if want.Live {
		n = max(s.live.count-want.Skip, 0)
		if want.Limit > 0 {
			return min(n, want.Limit)
		}
	}
	if want.Closed || want.Lost {
		n += len(s.ended)
	}
	return n + n/64
}

// copyInto is what of Copy has to happen under the lock.
func (s *State) copyInto(out *Copied, want Selection, begin func() error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out.Moment = s.moment()
	if err := begin(); err != nil {
		return err
	}
	if want.Live {
		s.live.from(0, want.Skip, func(v *Session) bool {
			out.Views = append(out.Views, View{v, s.observed[v.ID]})
			return want.Limit == 0 || len(out.Views) < want.Limit
		})
	}
	if want.Closed || want.Lost {
		s.copyEnded(want, out)
	}
	return nil
}

func (s *State) copyEnded(want Selection, out *Copied) {
	out.Superseded = make(map[uint64]struct{}, len(s.ended)+len(s.dirty)+len(s.saving))
	for id, v := range s.ended {
		out.Superseded[id] = struct{}{}
		if want.Has(v.Status) {
			out.Views = append(out.Views, View{Session: v})
		}
	}
	for _, ids := range [][]uint64{s.dirty, s.saving} {
		for _, id := range ids {
			out.Superseded[id] = struct{}{}
		}
	}
}

// Services returns all services, in the order in which they were first met.
func (s *State) Services() ([]*Service, Moment) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.services.list(), s.moment()
}

// Service returns the service of that name, nil when there is none.
func (s *State) Service(name string) (*Service, Moment) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.services.copy(name), s.moment()
}

// Servers returns all servers, in the order in which they were first met.
func (s *State) Servers() ([]*Server, Moment) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.servers.list(), s.moment()
}

// Server returns the server of that name, nil when there is none.
func (s *State) Server(name string) (*Server, Moment) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.servers.copy(name), s.moment()
}

// Sources returns all sources, in the order in which they were first met.
func (s *State) Sources() ([]*Source, Moment) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sources.list(), s.moment()
}

// Source returns the source of that name, nil when there is none.
func (s *State) Source(name string) (*Source, Moment) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sources.copy(name), s.moment()
}

// LiveOf returns the live sessions of a source, in ascending order of id.
func (s *State) LiveOf(source string) []*Session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	key := NameKey(source)
	var all []*Session
	s.live.from(0, 0, func(v *Session) bool {
		if NameKey(v.Origin().Source) == key {
			all = append(all, v)
		}
		return true
	})
	return all
}

// HasLive tells whether a source has live sessions.
func (s *State) HasLive(source string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	key, found := NameKey(source), false
	s.live.from(0, 0, func(v *Session) bool {
		found = NameKey(v.Origin().Source) == key
		return !found
	})
	return found
}
