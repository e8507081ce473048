package projection

import (
	"fmt"
	"slices"

	"gatebook/events"
)

// topology holds the services, servers and sources. It is guarded by the state's lock.
type topology struct {
	services entities[Service]
	servers  entities[Server]
	sources  entities[Source]
	// naming is the source of the record that is being applied: it is the one that names what
	// is new. named counts the names by the key of the source.
	naming string
	named  map[string]Named
}

func newTopology() topology {
	return topology{services: newEntities[Service](), servers: newEntities[Server](), sources: newEntities[Source](), named: make(map[string]Named)}
}

// startSource applies the start of an incarnation. Its first session will have at least
// the id first. A source that is new gets changed as the last change of its sessions.
func (t *topology) startSource(r *events.Record, e *events.SourceStarted, first uint64, changed Change) {
	v := t.sources.findOrAdd(e.Source, func() *Source { return &Source{Name: e.Source, Sessions: changed} })
	*v = v.start(r, e, first)
	t.touchServicesOf(v.Name, r)
}

// formerKept is the number of former incarnations that are remembered of a source.
const formerKept = 8

// start returns the source in the incarnation that starts, or with the changed details of
// its present one.
func (v *Source) start(r *events.Record, e *events.SourceStarted, first uint64) Source {
	now := Source{
		Name: v.Name, Incarnation: e.Incarnation, Version: e.Version, Host: e.Host, Lease: e.Lease, Account: e.Account,
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

// applySource applies a record about a source that was started before.
func (t *topology) applySource(r *events.Record) error {
	switch e := r.Event.(type) {
	case *events.SourceStopped:
		return t.changeSource(r, e.Source, e.Incarnation, func(v *Source) { v.State, v.LastSeen = SourceStopped, r.At() })
	case *events.SourceLost:
		return t.changeSource(r, e.Source, e.Incarnation, func(v *Source) { v.State, v.LastSeen = SourceLost, max(v.LastSeen, e.LastSeen) })
	case *events.SourceSeen:
		return t.changeSource(r, e.Source, e.Incarnation, func(v *Source) {
			v.State, v.LastSeen, v.Number = SourceRunning, r.At(), max(v.Number, e.Number)
		})
	}
	return nil
}

// changeSource changes a source, unless the record is about a former incarnation.
func (t *topology) changeSource(r *events.Record, name, incarnation string, change func(*Source)) error {
	v := t.sources.find(name)
	if v == nil {
		return fmt.Errorf("%w: source %q was never started", ErrImpossible, name)
	}
	if v.Incarnation == incarnation {
		before := v.State
		change(v)
		v.Changed, v.Modified = r.Sequence, r.Recorded
		if v.State != before {
			t.touchServicesOf(v.Name, r)
		}
	}
	return nil
}

// addGap adds to a source the sessions and events that it could not record.
func (t *topology) addGap(r *events.Record, e *events.RecordingGap) {
	v := t.sources.find(e.Source)
	if v == nil {
		return
	}
	u := &v.Unrecorded
	u.Sessions, u.Events, u.From, u.Until = u.Sessions+e.Sessions, u.Events+e.Events, e.From, e.Until
	v.Changed, v.Modified = r.Sequence, r.Recorded
}

// touchServicesOf changes the version of a source's services, because the source started
// or ended.
func (t *topology) touchServicesOf(source string, r *events.Record) {
	key := NameKey(source)
	for _, v := range t.services.values {
		if v.Source != "" && NameKey(v.Source) == key {
			v.Version, v.Modified = r.Sequence, r.Recorded
		}
	}
}

func (t *topology) declareService(r *events.Record, e *events.ServiceDeclared) {
	v := t.service(e.Name)
	v.Source, v.Protocol, v.Router = e.Source, e.Protocol, e.Router
	v.Listeners, v.Servers, v.Stopped = e.Listeners, e.Servers, e.Stopped
	if v.Started == 0 {
		v.Started = r.At()
	}
	v.Version, v.Modified = r.Sequence, r.Recorded
	for _, server := range e.Servers {
		t.ensureServer(server, r)
	}
}

// service returns the service of that name to change, and adds it if it is new.
func (t *topology) service(name string) *Service {
	return t.services.findOrAdd(name, func() *Service {
		t.countName(t.naming, name, Named{Services: 1})
		return &Service{Name: name, NamedBy: t.naming}
	})
}

// countName counts a name of a source. The empty name is not kept.
func (t *topology) countName(source, name string, n Named) {
	if NameKey(name) == "" {
		return
	}
	of := t.named[NameKey(source)]
	of.Services, of.Servers = of.Services+n.Services, of.Servers+n.Servers
	t.named[NameKey(source)] = of
}

// countService adds to the session counts of a service.
func (t *topology) countService(name string, r *events.Record, total, current int) {
	v := t.service(name)
	v.Total += uint64(total)
	v.Current += uint64(current)
	v.Version, v.Modified = r.Sequence, r.Recorded
}

// applyServer applies a record about a server.
func (t *topology) applyServer(r *events.Record) {
	switch e := r.Event.(type) {
	case *events.ServerDeclared:
		v := t.server(e.Name)
		v.Source, v.Address, v.Port, v.Protocol = e.Source, e.Address, e.Port, e.Protocol
		v.Version, v.Modified = r.Sequence, r.Recorded
	case *events.ServerChanged:
		v := t.server(e.Name)
		v.State, v.Since, v.Cause = e.State, e.Since, e.Cause
		v.Version, v.Modified = r.Sequence, r.Recorded
	}
}

// server returns the server of that name to change, and adds it if it is new.
func (t *topology) server(name string) *Server {
	return t.servers.findOrAdd(name, func() *Server {
		t.countName(t.naming, name, Named{Servers: 1})
		return &Server{Name: name, NamedBy: t.naming}
	})
}

// ensureServer adds a server that is new by its name, so that links to it lead somewhere.
func (t *topology) ensureServer(name string, r *events.Record) {
	if t.servers.find(name) == nil {
		v := t.server(name)
		v.Version, v.Modified = r.Sequence, r.Recorded
	}
}

// countServer adds to the connection counts of a server.
func (t *topology) countServer(name string, r *events.Record, total, current int) {
	v := t.server(name)
	v.Total += uint64(total)
	v.Current += uint64(current)
	v.Version, v.Modified = r.Sequence, r.Recorded
}

// countCurrent adds n to the current counts of a session's service and of its servers,
// once for each open connection.
func (t *topology) countCurrent(v *Session, r *events.Record, n int) {
	t.countService(v.Origin().Service, r, 0, n)
	for i := range v.Connections {
		if c := &v.Connections[i]; c.State == Open {
			t.countServer(c.Server(), r, 0, n)
		}
	}
}
