package projection

import (
	"fmt"
	"slices"

	"gatebook/events"
)

func (s *State) applySource(r *events.Record) error {
	switch e := r.Event.(type) {
	case *events.SourceStarted:
		v := s.sources.own(e.Source, func() *Source { return &Source{Name: e.Source, Sessions: s.changed} })
		*v = v.start(r, e, s.lastID+1)
		s.touchServicesOf(v.Name, r)
		return nil
	case *events.SourceStopped:
		return s.changeSource(r, e.Source, e.Incarnation, func(v *Source) { v.State, v.LastSeen = SourceStopped, r.At() })
	case *events.SourceLost:
		return s.changeSource(r, e.Source, e.Incarnation, func(v *Source) { v.State, v.LastSeen = SourceLost, max(v.LastSeen, e.LastSeen) })
	case *events.SourceSeen:
		return s.changeSource(r, e.Source, e.Incarnation, func(v *Source) {
			v.State, v.LastSeen, v.Number = SourceRunning, r.At(), max(v.Number, e.Number)
		})
	}
	return nil
}

// formerKept is how many former incarnations of a source are remembered.
const formerKept = 8

// start is the source in the incarnation that begins, or of which more is told.
// Its first session will have at least the id first.
func (v *Source) start(r *events.Record, e *events.SourceStarted, first uint64) Source {
	now := Source{
		Name: v.Name, Incarnation: e.Incarnation, Version: e.Version, Host: e.Host, Lease: e.Lease,
		Started: r.At(), LastSeen: r.At(), Changed: r.Sequence, Modified: r.Recorded, First: first,
		Sessions: v.Sessions, Unrecorded: v.Unrecorded,
	}
	switch {
	case v.Changed == 0 || v.Lease == 0:
	case v.Incarnation == e.Incarnation:
		now.Started, now.Number, now.First, now.Former = v.Started, v.Number, v.First, v.Former
	default:
		kept := v.Former[max(0, len(v.Former)-formerKept+1):]
		now.Former = append(slices.Clone(kept), v.Incarnation)
	}
	return now
}

// changeSource changes a source, unless what is told is of a former incarnation.
func (s *State) changeSource(r *events.Record, name, incarnation string, change func(*Source)) error {
	v := s.sources.find(name)
	if v == nil {
		return fmt.Errorf("%w: source %q was never started", ErrImpossible, name)
	}
	if v.Incarnation == incarnation {
		before := v.State
		change(v)
		v.Changed, v.Modified = r.Sequence, r.Recorded
		if v.State != before {
			s.touchServicesOf(v.Name, r)
		}
	}
	return nil
}

// addGap adds what a source could not record.
func (s *State) addGap(r *events.Record, e *events.RecordingGap) {
	v := s.sources.find(e.Source)
	if v == nil {
		return
	}
	u := &v.Unrecorded
	u.Sessions, u.Events, u.From, u.Until = u.Sessions+e.Sessions, u.Events+e.Events, e.From, e.Until
	v.Changed, v.Modified = r.Sequence, r.Recorded
}

// touchServicesOf notes that the services of a source have changed, because it
// began or ended.
func (s *State) touchServicesOf(source string, r *events.Record) {
	for _, v := range s.services.byKey {
		if v.Source != "" && NameKey(v.Source) == NameKey(source) {
			v.Version, v.Modified = r.Sequence, r.Recorded
		}
	}
}

func (s *State) declareService(r *events.Record, e *events.ServiceDeclared) {
	v := s.service(e.Name)
	v.Source, v.Protocol, v.Router = e.Source, e.Protocol, e.Router
	v.Listeners, v.Servers, v.Stopped = e.Listeners, e.Servers, e.Stopped
	if v.Started == 0 {
		v.Started = r.At()
	}
	v.Version, v.Modified = r.Sequence, r.Recorded
	for _, server := range e.Servers {
		s.ensureServer(server, r)
	}
}

// service returns the service of that name to change, which is new if need be.
func (s *State) service(name string) *Service {
	return s.services.own(name, func() *Service { return &Service{Name: name} })
}

func (s *State) countService(name string, r *events.Record, total, current int) {
	v := s.service(name)
	v.Total += uint64(total)
	v.Current += uint64(current)
	v.Version, v.Modified = r.Sequence, r.Recorded
}

func (s *State) applyServer(r *events.Record) {
	switch e := r.Event.(type) {
	case *events.ServerDeclared:
		v := s.server(e.Name)
		v.Source, v.Address, v.Port, v.Protocol = e.Source, e.Address, e.Port, e.Protocol
		v.Version, v.Modified = r.Sequence, r.Recorded
	case *events.ServerChanged:
		v := s.server(e.Name)
		v.State, v.Since, v.Cause = e.State, e.Since, e.Cause
		v.Version, v.Modified = r.Sequence, r.Recorded
	}
}

// server returns the server of that name to change, which is new if need be.
func (s *State) server(name string) *Server {
	return s.servers.own(name, func() *Server { return &Server{Name: name} })
}

// ensureServer makes a server that is first met known by its name, so that whatever
// names it can link to it.
func (s *State) ensureServer(name string, r *events.Record) {
	if s.servers.find(name) == nil {
		v := s.server(name)
		v.Version, v.Modified = r.Sequence, r.Recorded
	}
}

func (s *State) countServer(name string, r *events.Record, total, current int) {
	v := s.server(name)
	v.Total += uint64(total)
	v.Current += uint64(current)
	v.Version, v.Modified = r.Sequence, r.Recorded
}
