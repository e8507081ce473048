package projection

import "gatebook/events"

// Change is the last change of something: the sequence of its record, and its time. Both
// are 0 while there was none.
type Change struct {
	Sequence uint64
	Recorded events.Time
}

// sessionChanged sets the last change of sessions: of all, and of those of the session's
// service, its source and the servers it has reached.
func (s *State) sessionChanged(v *Session) {
	s.changed = Change{v.Version, v.Modified}
	s.topology.sessionChanged(v, s.changed)
}

func (t *topology) sessionChanged(v *Session, now Change) {
	origin := v.Origin()
	if service := t.services.find(origin.Service); service != nil {
		service.Sessions = now
	}
	if source := t.sources.find(origin.Source); source != nil {
		source.Sessions = now
	}
	for i := range v.Connections {
		c := &v.Connections[i]
		if c.State == Failed {
			continue
		}
		if server := t.servers.find(c.Server()); server != nil {
			server.Sessions = now
		}
	}
}

// lastChange returns the last change of the sessions of the services, sources and servers
// that the filter names; where it names none of these, that of any session. All sessions
// that the filter can match are among them. A session keeps its service, its source and
// its servers, so that the set of matching sessions changes only with a change of one of
// them.
func (t *topology) lastChange(of Change, m *Matcher) Change {
	f := &m.filter
	narrow(&of, &t.services, f.Services, func(v *Service) Change { return v.Sessions })
	narrow(&of, &t.servers, f.Servers, func(v *Server) Change { return v.Sessions })
	narrow(&of, &t.sources, f.Sources, func(v *Source) Change { return v.Sessions })
	return of
}

// narrow sets last to the newest change of the sessions of the named entities, if that is
// earlier. An unknown name narrows nothing, because its sessions were counted nowhere.
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
