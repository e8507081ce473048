package projection

import (
	"fmt"

	"gatebook/events"
)

func (s *State) applySource(r *events.Record) error {
	switch e := r.Event.(type) {
	case *events.SourceStarted:
		v := s.sources.own(e.Source, func() *Source { return &Source{Name: e.Source} })
		*v = Source{
			Name: v.Name, Incarnation: e.Incarnation, Version: e.Version, Host: e.Host, Lease: e.Lease,
			Started: r.At(), LastSeen: r.At(), Changed: r.Sequence,
		}
		return nil
	case *events.SourceStopped:
		return s.changeSource(r, e.Source, e.Incarnation, func(v *Source) { v.State, v.LastSeen = SourceStopped, r.At() })
	case *events.SourceLost:
		return s.changeSource(r, e.Source, e.Incarnation, func(v *Source) { v.State, v.LastSeen = SourceLost, max(v.LastSeen, e.LastSeen) })
	case *events.SourceSeen:
		return s.changeSource(r, e.Source, e.Incarnation, func(v *Source) { v.State, v.LastSeen = SourceRunning, r.At() })
	}
	return nil
}

// changeSource changes a source, unless what is told is of a former incarnation.
func (s *State) changeSource(r *events.Record, name, incarnation string, change func(*Source)) error {
	v := s.sources.find(name)
	if v == nil {
		return fmt.Errorf("%w: source %q was never started", ErrImpossible, name)
	}
	if v.Incarnation == incarnation {
		change(v)
		v.Changed = r.Sequence
	}
	return nil
}

func (s *State) declareService(r *events.Record, e *events.ServiceDeclared) {
	v := s.service(e.Name)
	v.Source, v.Protocol, v.Router = e.Source, e.Protocol, e.Router
	v.Listeners, v.Servers, v.Stopped = e.Listeners, e.Servers, e.Stopped
	if v.Started == 0 {
		v.Started = r.At()
	}
	v.Version = r.Sequence
	for _, server := range e.Servers {
		s.meetServer(server, r.Sequence)
	}
}

// service returns the service of that name to change, which is new if need be.
func (s *State) service(name string) *Service {
	return s.services.own(name, func() *Service { return &Service{Name: name} })
}

func (s *State) countService(name string, sequence uint64, total, current int) {
	v := s.service(name)
	v.Total += uint64(total)
	v.Current += uint64(current)
	v.Version = sequence
}

func (s *State) applyServer(r *events.Record) {
	switch e := r.Event.(type) {
	case *events.ServerDeclared:
		v := s.server(e.Name)
		v.Source, v.Address, v.Port, v.Protocol, v.Version = e.Source, e.Address, e.Port, e.Protocol, r.Sequence
	case *events.ServerChanged:
		v := s.server(e.Name)
		v.State, v.Since, v.Cause, v.Version = e.State, e.Since, e.Cause, r.Sequence
	}
}

// server returns the server of that name to change, which is new if need be.
func (s *State) server(name string) *Server {
	return s.servers.own(name, func() *Server { return &Server{Name: name} })
}

// meetServer makes a server that is first met known by its name, so that whatever
// names it can link to it.
func (s *State) meetServer(name string, sequence uint64) {
	if s.servers.find(name) == nil {
		s.server(name).Version = sequence
	}
}

func (s *State) countServer(name string, sequence uint64, total, current int) {
	v := s.server(name)
	v.Total += uint64(total)
	v.Current += uint64(current)
	v.Version = sequence
}
