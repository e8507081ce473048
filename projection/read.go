package projection

import "gatebook/events"

// Moment is what one reading saw of the state as a whole.
type Moment struct {
	// Sequence is that of the last record the answer reflects, Recorded its time.
	Sequence uint64
	Recorded events.Time
	// Live, and Totals, count the sessions.
	Live int
	Totals
	// Sessions is the last change of any session; in what was copied by a filter it is
	// that of those which can match it. Observations rises whenever
	// counters of live sessions are observed; it begins anew with the process.
	Sessions     Change
	Observations uint64
	// Over counts the live sessions that are over, and whose ends are still to be recorded.
	Over int
}

func (s *State) moment() Moment {
	return Moment{
		Sequence: s.sequence, Recorded: s.recorded, Live: s.live.count, Totals: s.totals,
		Sessions: s.changed, Observations: s.observations, Over: s.over,
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
	p := s.ofSource(source)
	if p == nil {
		return nil
	}
	all := make([]*Session, 0, p.count)
	union([]*posting{p}, 0, false, func(id uint64) bool {
		all = append(all, s.live.get(id))
		return true
	})
	return all
}

// HasLive tells whether a source has live sessions.
func (s *State) HasLive(source string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.ofSource(source) != nil
}

func (s *State) ofSource(name string) *posting { return s.index[term{fieldSource, NameKey(name)}] }
