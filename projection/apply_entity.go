package projection

import (
	"fmt"

	"gatebook/events"
)

func (s *State) applySource(r *events.Record) error {
	switch e := r.Event.(type) {
	case *events.SourceStarted:
		s.sources.put(e.Source, &Source{
			Name: firstSpelling(s.sources.get(e.Source), e.Source, func(v *Source) string { return v.Name }), Incarnation: e.Incarnation,
			Version: e.Version, Host: e.Host, Lease: e.Lease,
			Started: r.At(), LastSeen: r.At(), Changed: r.Sequence,
		})
		return nil
	case *events.SourceStopped:
		return s.changeSource(r, e.Source, func(v *Source) { v.State, v.LastSeen = SourceStopped, r.At() })
	case *events.SourceLost:
		return s.changeSource(r, e.Source, func(v *Source) { v.State, v.LastSeen = SourceLost, max(v.LastSeen, e.LastSeen) })
	case *events.SourceSeen:
		return s.changeSource(r, e.Source, func(v *Source) { v.State, v.LastSeen = SourceRunning, r.At() })
	}
	return nil
}

func (s *State) changeSource(r *events.Record, name string, change func(*Source)) error {
	old := s.sources.get(name)
	if old == nil {
		return fmt.Errorf("%w: source %q was never started", ErrImpossible, name)
	}
	v := *old
	v.Changed = r.Sequence
	change(&v)
	s.sources.put(name, &v)
	return nil
}

// firstSpelling keeps the spelling under which a name was first met.
func firstSpelling[T any](old *T, name string, of func(*T) string) string {
	if old == nil {
		return name
	}
	return of(old)
}

func (s *State) declareService(r *events.Record, e *events.ServiceDeclared) {
	v := s.service(e.Name)
	v.Source, v.Protocol, v.Router = e.Source, e.Protocol, e.Router
	v.Listeners, v.Servers = e.Listeners, e.Servers
	if v.Started == 0 {
		v.Started = r.At()
	}
	v.Version = r.Sequence
	s.services.put(e.Name, v)
}

// service returns a copy of the service of that name to change, new if need be.
func (s *State) service(name string) *Service {
	if old := s.services.get(name); old != nil {
		v := *old
		return &v
	}
	return &Service{Name: name}
}

func (s *State) countService(name string, sequence uint64, total, current int) {
	v := s.service(name)
	v.Total += uint64(total)
	v.Current += uint64(current)
	v.Version = sequence
	s.services.put(name, v)
}

func (s *State) applyServer(r *events.Record) {
	switch e := r.Event.(type) {
	case *events.ServerDeclared:
		v := s.server(e.Name)
		v.Source, v.Address, v.Port, v.Protocol, v.Version = e.Source, e.Address, e.Port, e.Protocol, r.Sequence
		s.servers.put(e.Name, v)
	case *events.ServerChanged:
		v := s.server(e.Name)
		v.State, v.Since, v.Cause, v.Version = e.State, e.Since, e.Cause, r.Sequence
		s.servers.put(e.Name, v)
	}
}

// server returns a copy of the server of that name to change, new if need be.
func (s *State) server(name string) *Server {
	if old := s.servers.get(name); old != nil {
		v := *old
		return &v
	}
	return &Server{Name: name}
}

func (s *State) countServer(name string, sequence uint64, total, current int) {
	v := s.server(name)
	v.Total += uint64(total)
	v.Current += uint64(current)
	v.Version = sequence
	s.servers.put(name, v)
}
