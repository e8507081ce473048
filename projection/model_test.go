package projection_test

import (
	"slices"

	"gatebook/events"
	"gatebook/projection"
)

// model is the fold in its simplest form, whatever it costs: it shares nothing, finds
// by looking at everything, and counts by counting.
type model struct {
	sequence uint64
	recorded events.Time
	sessions []*session // in the order of their ids
	services []projection.Service
	servers  []projection.Server
	sources  []projection.Source
	changed  projection.Change // of any session
	naming   string            // the source of the last record

	observations uint64
}

// session is everything that readers see of a session.
type session struct {
	ID, Version           uint64
	Modified              events.Time
	Opened, Ready, Active events.Time
	Origin                projection.Origin
	Login                 projection.Login
	Incarnation           string
	Address               string
	Port                  uint16
	Type                  events.SessionType
	Key, TLS, Subject     string
	Status                projection.Status
	Stage                 projection.Stage
	Kill                  projection.Kill
	Ending                projection.Ending
	Counters              events.Counters
	Connections           []connection
	Trail                 []uint64
}

type connection struct {
	Number         uint32
	Server         string
	ServerID       uint64
	Opened, Closed events.Time
	State          projection.ConnectionState
	Reason         events.Reason
	Cause          string
	Counters       events.Counters
}

// seen reads a session as readers do.
func seen(s *projection.Session) *session {
	v := &session{
		ID: s.ID, Version: s.Version, Modified: s.Modified, Opened: s.Opened, Ready: s.Ready, Active: s.Active,
		Origin: s.Origin(), Login: s.Login(), Incarnation: s.Incarnation(),
		Address: s.Address(), Port: s.Port, Type: s.Type(), Key: s.Key(), TLS: s.TLS(), Subject: s.Subject(),
		Status: s.Status, Stage: s.Stage, Kill: s.Kill(), Ending: s.Ending(), Counters: s.Counters(),
		Trail: slices.Collect(s.Trail()),
	}
	for i := range s.Connections {
		c := &s.Connections[i]
		v.Connections = append(v.Connections, connection{
			c.Number, c.Server(), c.ServerID, c.Opened, c.Closed(), c.State, c.Reason, c.Cause(), c.Counters(),
		})
	}
	return v
}

func (m *model) apply(r events.Record) {
	m.sequence, m.recorded = r.Sequence, r.Recorded
	m.naming = projection.SourceOfEvent(r.Event)
	if e, ok := r.Event.(*events.SessionOpened); ok {
		m.naming = e.Source
	} else if r.Session != 0 {
		m.naming = m.sessions[slices.IndexFunc(m.sessions, func(v *session) bool { return v.ID == r.Session })].Origin.Source
	}
	switch e := r.Event.(type) {
	case *events.SourceStarted:
		v, before := m.source(e.Source), *m.source(e.Source)
		*v = projection.Source{
			Name: v.Name, Incarnation: e.Incarnation, Version: e.Version, Host: e.Host, Lease: e.Lease, Account: e.Account,
			Started: r.At(), LastSeen: r.At(), Changed: r.Sequence, Modified: r.Recorded, First: m.lastID() + 1,
			Sessions: before.Sessions, Unrecorded: before.Unrecorded,
		}
		if before.Lease != 0 && before.Incarnation == e.Incarnation {
			v.Started, v.Number, v.First, v.Former = before.Started, before.Number, before.First, before.Former
		} else if before.Lease != 0 {
			v.Former = append(slices.Clone(before.Former), before.Incarnation)
			v.Former = v.Former[max(0, len(v.Former)-8):]
		}
		m.touchServicesOf(e.Source)
	case *events.SourceStopped:
		m.changeSource(e.Source, e.Incarnation, projection.SourceStopped, r.At())
	case *events.SourceSeen:
		m.changeSource(e.Source, e.Incarnation, projection.SourceRunning, r.At())
		if v := m.source(e.Source); v.Incarnation == e.Incarnation {
			v.Number = max(v.Number, e.Number)
		}
	case *events.SourceLost:
		m.changeSource(e.Source, e.Incarnation, projection.SourceLost, max(e.LastSeen, m.source(e.Source).LastSeen))
	case *events.RecordingGap:
		for i := range m.sources {
			if v := &m.sources[i]; projection.NameKey(v.Name) == projection.NameKey(e.Source) {
				v.Unrecorded = projection.Unrecorded{
					Sessions: v.Unrecorded.Sessions + e.Sessions, Events: v.Unrecorded.Events + e.Events, From: e.From, Until: e.Until,
				}
				v.Changed, v.Modified = r.Sequence, r.Recorded
			}
		}
	case *events.ServiceDeclared:
		v := m.service(e.Name)
		v.Source, v.Protocol, v.Router, v.Stopped = e.Source, e.Protocol, e.Router, e.Stopped
		v.Listeners, v.Servers = e.Listeners, e.Servers
		if v.Started == 0 {
			v.Started = r.At()
		}
		for _, server := range e.Servers {
			m.meet(server)
		}
	case *events.ServerDeclared:
		v := m.server(e.Name)
		v.Source, v.Address, v.Port, v.Protocol = e.Source, e.Address, e.Port, e.Protocol
	case *events.ServerChanged:
		v := m.server(e.Name)
		v.State, v.Since, v.Cause = e.State, e.Since, e.Cause
	case *events.SessionOpened:
		m.sessions = append(m.sessions, &session{
			ID: r.Session, Version: r.Sequence, Modified: r.Recorded, Opened: r.At(), Incarnation: e.Incarnation,
			Origin:  projection.Origin{Source: e.Source, Incarnation: e.Incarnation, Service: e.Service, Listener: e.Listener, Protocol: e.Protocol},
			Address: e.Address, Port: e.Port, Type: e.Type, Key: e.Key, TLS: e.TLS, Subject: e.Subject,
			Trail: []uint64{r.Sequence},
		})
		slices.SortFunc(m.sessions, func(a, b *session) int { return int(a.ID) - int(b.ID) })
		m.service(e.Service)
		m.changed = projection.Change{Sequence: r.Sequence, Recorded: r.Recorded}
	default:
		if v := m.find(r.Session); v != nil {
			v.Version, v.Modified = r.Sequence, r.Recorded
			m.changed = projection.Change{Sequence: r.Sequence, Recorded: r.Recorded}
			v.Trail = append(v.Trail, r.Sequence)
			m.change(v, r)
		}
	}
}

func (m *model) change(v *session, r events.Record) {
	switch e := r.Event.(type) {
	case *events.SessionReady:
		v.Login = projection.Login{User: e.User, Database: e.Database, Program: e.Program}
		v.Stage = max(v.Stage, projection.Routing)
		if v.Ready == 0 {
			v.Ready = when(r, v)
		}
	case *events.ConnectionOpened:
		v.Stage = max(v.Stage, projection.LoggingIn)
		if c := v.last(e.Connection); c != nil && c.State == projection.Open {
			if e.ServerID != 0 {
				c.ServerID = e.ServerID
			}
			return
		}
		v.Connections = append(v.Connections, connection{Number: e.Connection, Server: e.Server, ServerID: e.ServerID, Opened: when(r, v)})
		m.server(e.Server)
	case *events.ConnectionFailed:
		v.Connections = append(v.Connections, connection{
			Number: e.Connection, Server: e.Server, Opened: when(r, v), Closed: when(r, v),
			State: projection.Failed, Reason: events.ReasonConnectFailed, Cause: e.Cause,
		})
		m.meet(e.Server)
	case *events.ConnectionClosed:
		c := v.last(e.Final.Connection)
		c.State, c.Reason, c.Closed, c.Counters = projection.Ended, e.Reason, max(when(r, v), c.Opened), e.Final.Counters
		m.server(c.Server)
	case *events.StatisticsRecorded:
		v.count(e.Final, r)
	case *events.KillScheduled:
		v.Kill = projection.Kill{By: e.By, Why: e.Why, Due: e.Due}
	case *events.KillWithdrawn:
		v.Kill = projection.Kill{}
	case *events.KillRequested:
		v.Kill = projection.Kill{By: e.By, Why: e.Why, Due: v.Kill.Due, Requested: when(r, v)}
		v.Stage = projection.Stopping
	case *events.SessionClosed:
		for _, f := range e.Finals {
			v.count(f, r)
		}
		if v.Login.User == "" {
			v.Login.User = e.User
			if v.Login.Database == "" {
				v.Login.Database = e.Database
			}
			if v.Login.Program == "" {
				v.Login.Program = e.Program
			}
		}
		v.Ending = projection.Ending{Ended: when(r, v), Reason: e.Reason, By: e.By, Description: e.Description}
		m.move(v, projection.Closed)
	case *events.SessionLost:
		v.Ending = projection.Ending{Ended: when(r, v), Reason: e.Cause, LastSeen: max(min(e.LastSeen, r.Recorded), v.Opened)}
		m.move(v, projection.Lost)
	case *events.SessionRecovered:
		v.Ending = projection.Ending{}
		if e.Incarnation != "" {
			v.Incarnation = e.Incarnation
		}
		m.move(v, projection.Live)
	}
}

// move gives a session another status. Its service and servers change when it ends or
// becomes live, and not when it ends in another way.
func (m *model) move(v *session, to projection.Status) {
	if v.Status != projection.Live && to != projection.Live {
		v.Status = to
		return
	}
	v.Status = to
	m.service(v.Origin.Service)
	for _, c := range v.Connections {
		if c.State == projection.Open {
			m.server(c.Server)
		}
	}
}

func (v *session) last(number uint32) *connection {
	for i := len(v.Connections) - 1; i >= 0; i-- {
		if v.Connections[i].Number == number {
			return &v.Connections[i]
		}
	}
	return nil
}

// when returns when a record about a session happened: not before the session opened
// or was ready.
func when(r events.Record, v *session) events.Time {
	return max(r.At(), v.Opened, v.Ready)
}

func (v *session) count(f events.Final, r events.Record) {
	if f.Connection == 0 {
		v.Counters, v.Active = f.Counters, max(v.Active, min(f.Active, r.Recorded))
	} else if c := v.last(f.Connection); c != nil {
		c.Counters = f.Counters
	}
}

func (m *model) find(id uint64) *session {
	for _, v := range m.sessions {
		if v.ID == id {
			return v
		}
	}
	return nil
}

// of returns the sessions with one of these statuses.
func (m *model) of(statuses ...projection.Status) []*session {
	var all []*session
	for _, v := range m.sessions {
		if slices.Contains(statuses, v.Status) {
			all = append(all, v)
		}
	}
	return all
}

func same(a, b string) bool { return projection.NameKey(a) == projection.NameKey(b) }

// service returns the service of that name to change now.
func (m *model) service(name string) *projection.Service {
	i := slices.IndexFunc(m.services, func(v projection.Service) bool { return same(v.Name, name) })
	if i < 0 {
		i = len(m.services)
		m.services = append(m.services, projection.Service{Name: name, NamedBy: m.naming})
	}
	m.services[i].Version, m.services[i].Modified = m.sequence, m.recorded
	return &m.services[i]
}

// server returns the server of that name to change now.
func (m *model) server(name string) *projection.Server {
	i := slices.IndexFunc(m.servers, func(v projection.Server) bool { return same(v.Name, name) })
	if i < 0 {
		i = len(m.servers)
		m.servers = append(m.servers, projection.Server{Name: name, NamedBy: m.naming})
	}
	m.servers[i].Version, m.servers[i].Modified = m.sequence, m.recorded
	return &m.servers[i]
}

// lastID returns the highest id that a session has had.
func (m *model) lastID() (highest uint64) {
	for _, v := range m.sessions {
		highest = max(highest, v.ID)
	}
	return highest
}

func (m *model) meet(name string) {
	if !slices.ContainsFunc(m.servers, func(v projection.Server) bool { return same(v.Name, name) }) {
		m.server(name)
	}
}

func (m *model) source(name string) *projection.Source {
	i := slices.IndexFunc(m.sources, func(v projection.Source) bool { return same(v.Name, name) })
	if i < 0 {
		i = len(m.sources)
		m.sources = append(m.sources, projection.Source{Name: name, Sessions: m.changed})
	}
	return &m.sources[i]
}

// changeSource changes a source unless it has another incarnation by now.
func (m *model) changeSource(name, incarnation string, to projection.SourceState, seen events.Time) {
	v := m.source(name)
	if v.Incarnation != incarnation {
		return
	}
	if v.State != to {
		m.touchServicesOf(name)
	}
	v.State, v.LastSeen, v.Changed, v.Modified = to, seen, m.sequence, m.recorded
}

// touchServicesOf changes the services that a source has declared.
func (m *model) touchServicesOf(source string) {
	for _, v := range m.services {
		if v.Source != "" && same(v.Source, source) {
			m.service(v.Name)
		}
	}
}

// counted returns the services, servers and sources with the counts of their sessions.
func (m *model) counted() ([]projection.Service, []projection.Server, []projection.Source) {
	services, servers, sources := slices.Clone(m.services), slices.Clone(m.servers), slices.Clone(m.sources)
	for _, s := range m.sessions {
		for i := range sources {
			if v := &sources[i]; same(v.Name, s.Origin.Source) {
				s.changes(&v.Sessions)
			}
		}
		for i := range services {
			if v := &services[i]; same(v.Name, s.Origin.Service) {
				s.changes(&v.Sessions)
				v.Total++
				if s.Status == projection.Live {
					v.Current++
				}
			}
		}
		for _, c := range s.Connections {
			for i := range servers {
				if v := &servers[i]; same(v.Name, c.Server) && c.State != projection.Failed {
					s.changes(&v.Sessions)
					v.Total++
					if s.Status == projection.Live && c.State == projection.Open {
						v.Current++
					}
				}
			}
		}
	}
	return services, servers, sources
}

// changes sets last to the last change of the session, if that is later.
func (v *session) changes(last *projection.Change) {
	if v.Version > last.Sequence {
		*last = projection.Change{Sequence: v.Version, Recorded: v.Modified}
	}
}

// lastChange returns the last change of the sessions that can match the filter: of the
// services, of the sources and of the servers the newest change each, and of these the
// earliest. An unknown name makes it the last change of any session.
func (m *model) lastChange(f *projection.Filter) projection.Change {
	services, servers, sources := m.counted()
	last := m.changed
	narrow := func(names []string, of func(string) *projection.Change) {
		var newest projection.Change
		for _, name := range names {
			c := of(name)
			if c == nil {
				return
			}
			if c.Sequence > newest.Sequence {
				newest = *c
			}
		}
		if len(names) > 0 && newest.Sequence < last.Sequence {
			last = newest
		}
	}
	narrow(f.Services, func(name string) *projection.Change {
		if v := named(services, name, func(v *projection.Service) string { return v.Name }); v != nil {
			return &v.Sessions
		}
		return nil
	})
	narrow(f.Servers, func(name string) *projection.Change {
		if v := named(servers, name, func(v *projection.Server) string { return v.Name }); v != nil {
			return &v.Sessions
		}
		return nil
	})
	narrow(f.Sources, func(name string) *projection.Change {
		if v := named(sources, name, func(v *projection.Source) string { return v.Name }); v != nil {
			return &v.Sessions
		}
		return nil
	})
	return last
}

func (m *model) moment() projection.Moment {
	return projection.Moment{
		Sequence: m.sequence, Recorded: m.recorded, Live: len(m.of(projection.Live)),
		Totals:   projection.Totals{Closed: uint64(len(m.of(projection.Closed))), Lost: uint64(len(m.of(projection.Lost)))},
		Sessions: m.changed, Observations: m.observations,
	}
}
