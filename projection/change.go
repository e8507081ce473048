package projection

import "gatebook/events"

// Change is the last one of something: its sequence, and when it was recorded. Both
// are 0 while there was none.
type Change struct {
	Sequence uint64
	Recorded events.Time
}

// noteChange notes that a session has just got this value: for all sessions together,
// and for those of its service, of its source and of the servers it has reached.
func (s *State) noteChange(v *Session) {
	now := Change{v.Version, v.Modified}
	s.changed = now
	origin := v.Origin()
	if service := s.services.find(origin.Service); service != nil {
		service.Sessions = now
	}
	if source := s.sources.find(origin.Source); source != nil {
		source.Sessions = now
	}
	for i := range v.Connections {
		c := &v.Connections[i]
		if c.State == Failed {
			continue
		}
		if server := s.servers.find(c.Server()); server != nil {
			server.Sessions = now
		}
	}
}

// lastChange returns the last change of the sessions of the services, sources and
// servers that the filter names. All sessions that it can match are among them: a session
// keeps its service, its source and its servers, so that none comes among them, or leaves
// them, without a change of theirs. Where the filter names none of the three it returns
// the last change of any session.
func (s *State) lastChange(m *Matcher) Change {
	last, f := s.changed, &m.filter
	narrow(&last, &s.services, f.Services, func(v *Service) Change { return v.Sessions })
	narrow(&last, &s.servers, f.Servers, func(v *Server) Change { return v.Sessions })
	narrow(&last, &s.sources, f.Sources, func(v *Source) Change { return v.Sessions })
	return last
}

// narrow makes last the newest change of things of these names, if that is earlier. Of
// a name that is not known there may be sessions that were counted nowhere.
func narrow[T any](last *Change, e *entities[T], names []string, of func(*T) Change) {
	var newest Change
	for _, name := range names {
		v := e.find(name)
		if v == nil {
			return
		}
		if c := of(v); c.Sequence > newest.Sequence {
			newest = c
		}
	}
	if len(names) > 0 && newest.Sequence < last.Sequence {
		*last = newest
	}
}
