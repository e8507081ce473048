package projection

import (
	"maps"

	"gatebook/events"
)

// Moment is the place in the log that an answer reflects, and the counts as of it. All
// values of one answer are of its moment.
type Moment struct {
	// Sequence is that of the last record the answer reflects, Recorded its time.
	Sequence uint64
	Recorded events.Time
	// Live and Totals count the live and the ended sessions.
	Live int
	Totals
	// Sessions is the last change of any session; in a filtered copy, of any session that
	// the filter can match. Observations rises with each observation of live sessions; it
	// starts at 0 with the process.
	Sessions     Change
	Observations uint64
	// Over counts the live sessions that are over and whose ends are not recorded yet.
	Over int
}

// moment returns the current moment. Its caller holds mu.
func (s *State) moment() Moment {
	return Moment{
		Sequence: s.sequence, Recorded: s.recorded, Live: s.sessions.live.count, Totals: s.totals,
		Sessions: s.changed, Observations: s.observed.count, Over: s.observed.over,
	}
}

// Moment returns the current moment.
func (s *State) Moment() Moment {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.moment()
}

// Session returns the session of that id if it is in memory: every live one, and those
// that ended since the last checkpoint. Otherwise it calls notInMemory under the lock, so
// that the caller can read the archive as of the same moment.
func (s *State) Session(id uint64, notInMemory func() error) (View, Moment, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if v := s.sessions.live.get(id); v != nil {
		return View{v, s.observed.bySession[id]}, s.moment(), nil
	}
	if v := s.sessions.ended[id]; v != nil {
		return View{Session: v}, s.moment(), nil
	}
	return View{}, s.moment(), notInMemory()
}

// Lookup returns the session of that id if it is in memory, nil otherwise. It finds a live
// session without a lock, possibly with a part of the batch that is being applied.
func (s *State) Lookup(id uint64) *Session {
	if v := s.sessions.live.get(id); v != nil {
		return v
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sessions.find(id)
}

// listAll returns copies of all entities, in the order in which they were first recorded.
// Under the lock it does nothing but copy: allocating can wait for the garbage collector, and
// then the writer would too.
func listAll[T any](s *State, e *entities[T]) ([]*T, Moment) {
	s.mu.RLock()
	n := len(e.values)
	s.mu.RUnlock()
	all, m := copyAll(s, e, make([]T, 0, n+n/64))
	list := make([]*T, len(all))
	for i := range all {
		list[i] = &all[i]
	}
	return list, m
}

// copyAll appends copies of all entities, all as of one moment.
func copyAll[T any](s *State, e *entities[T], all []T) ([]T, Moment) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return e.appendCopies(all), s.moment()
}

// Services returns all services, in the order in which they were first recorded.
func (s *State) Services() ([]*Service, Moment) {
	return listAll(s, &s.topology.services)
}

// Service returns the service of that name, nil if there is none.
func (s *State) Service(name string) (*Service, Moment) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.topology.services.copy(name), s.moment()
}

// ServiceName returns the name of a service as it was first spelled, "" where it has none.
func (s *State) ServiceName(name string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if v := s.topology.services.find(name); v != nil {
		return v.Name
	}
	return ""
}

// ServerName returns the name of a server as it was first spelled, "" where it has none.
func (s *State) ServerName(name string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if v := s.topology.servers.find(name); v != nil {
		return v.Name
	}
	return ""
}

// Named returns how many services and servers a source has named first, and how many there are
// of all sources.
func (s *State) Named(source string) (own, all Named) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := &s.topology
	return t.named[NameKey(source)], Named{Services: len(t.services.order), Servers: len(t.servers.order)}
}

// SourceCount returns how many sources there are.
func (s *State) SourceCount() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.topology.sources.order)
}

// Servers returns all servers, in the order in which they were first recorded.
func (s *State) Servers() ([]*Server, Moment) {
	return listAll(s, &s.topology.servers)
}

// Server returns the server of that name, nil if there is none.
func (s *State) Server(name string) (*Server, Moment) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.topology.servers.copy(name), s.moment()
}

// Sources returns all sources, in the order in which they were first recorded.
func (s *State) Sources() ([]*Source, Moment) {
	return listAll(s, &s.topology.sources)
}

// Source returns the source of that name, nil if there is none.
func (s *State) Source(name string) (*Source, Moment) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.topology.sources.copy(name), s.moment()
}

// LiveOf returns the live sessions of a source, in ascending order of id.
func (s *State) LiveOf(source string) []*Session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []*Session
	s.sessions.ofSource(source, func(v *Session) bool {
		all = append(all, v)
		return true
	})
	return all
}

// HasLive reports whether a source has live sessions.
func (s *State) HasLive(source string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := false
	s.sessions.ofSource(source, func(*Session) bool {
		found = true
		return false
	})
	return found
}

// LiveCounts returns the numbers of live sessions by service and stage. It costs the services
// that have any.
func (s *State) LiveCounts() map[string]LiveCounts {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.sessions.stages)
}
