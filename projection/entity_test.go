package projection_test

import (
	"testing"

	"gatebook/events"
	"gatebook/projection"
)

// TestFormerIncarnation applies records of a former incarnation, which do not change
// the present one.
func TestFormerIncarnation(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.record(0, &events.SourceStarted{Source: "edge", Incarnation: "1"}, &events.SourceStarted{Source: "Edge", Incarnation: "2", Version: "1.1", Host: "gate", Lease: 5})
	want := projection.Source{Name: "edge", Incarnation: "2", Version: "1.1", Host: "gate", Lease: 5, First: 1, Started: at(2), LastSeen: at(2), Changed: 2, Modified: at(2)}
	s.record(0, &events.SourceStopped{Source: "edge", Incarnation: "1"}, &events.SourceSeen{Source: "edge", Incarnation: "1"},
		&events.SourceLost{Source: "edge", Incarnation: "1", LastSeen: at(9)})
	got, _ := s.Source("EDGE")
	equal(t, "source", *got, want)
	s.record(0, &events.SourceStopped{Source: "edge", Incarnation: "2"})
	want.State, want.LastSeen, want.Changed, want.Modified = projection.SourceStopped, at(6), 6, at(6)
	got, _ = s.Source("edge")
	equal(t, "source", *got, want)
}

// TestIncarnations starts a source outside several times. Its former incarnations and
// the number of its last report are remembered, and new details of an incarnation do
// not start it again.
func TestIncarnations(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.record(0, &events.SourceStarted{Source: "edge", Incarnation: "0", Lease: 5})
	s.record(9, &events.SessionOpened{Source: "edge", Incarnation: "0", Service: "orders", Key: "c-1"})
	s.record(0, &events.SourceStarted{Source: "edge", Incarnation: "1", Lease: 5},
		&events.SourceSeen{Source: "edge", Incarnation: "1", Number: 7},
		&events.SourceSeen{Source: "edge", Incarnation: "1"},
		&events.SourceStarted{Source: "edge", Incarnation: "1", Lease: 6, Host: "gate"})
	got, _ := s.Source("edge")
	equal(t, "source", *got, projection.Source{
		Name: "edge", Incarnation: "1", Host: "gate", Started: at(3), LastSeen: at(6), Lease: 6,
		Number: 7, First: 10, Former: []string{"0"}, Changed: 6, Modified: at(6),
		Sessions: projection.Change{Sequence: 2, Recorded: at(2)},
	})
	for _, next := range []string{"2", "3", "4", "5", "6", "7", "8", "9", "10"} {
		s.record(0, &events.SourceStarted{Source: "edge", Incarnation: next, Lease: 6})
	}
	got, _ = s.Source("edge")
	equal(t, "former incarnations", got.Former, []string{"2", "3", "4", "5", "6", "7", "8", "9"})
	equal(t, "number", got.Number, 0)
}

// TestSourceIsSeenAgain has a lost source report again. It is running again, and
// LastSeen never goes back.
func TestSourceIsSeenAgain(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	step := func(state projection.SourceState, seen events.Time, e events.Event) {
		t.Helper()
		s.record(0, e)
		if v, _ := s.Source("edge"); v.State != state || v.LastSeen != seen {
			t.Errorf("after %s it is %s, seen %d; want %s, %d", e.Kind(), v.State, v.LastSeen, state, seen)
		}
	}
	step(projection.SourceRunning, at(1), &events.SourceStarted{Source: "edge"})
	step(projection.SourceRunning, at(2), &events.SourceSeen{Source: "edge"})
	step(projection.SourceLost, at(2), &events.SourceLost{Source: "edge", LastSeen: at(1)})
	step(projection.SourceRunning, at(4), &events.SourceSeen{Source: "edge"})
	step(projection.SourceLost, at(9), &events.SourceLost{Source: "edge", LastSeen: at(9)})
}

// TestDeclaredAgain declares a service and a server again, which keeps their counts and
// states.
func TestDeclaredAgain(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.record(1, opened(), &events.ConnectionOpened{Connection: 1, Server: "db-1"})
	if v, _ := s.Service("orders"); v.Started != 0 {
		t.Errorf("a service that is known by name only is declared at %d", v.Started)
	}
	s.record(0,
		&events.ServerChanged{Name: "db-1", State: events.ServerDown, Since: 7, Cause: "refused"},
		&events.ServerDeclared{Name: "DB-1", Source: "gateway", Address: "192.0.2.1", Port: 3306, Protocol: "mysql"},
		&events.ServiceDeclared{Name: "Orders", Source: "gateway", Servers: []string{"db-1"}, Stopped: true},
		&events.ServiceDeclared{Name: "orders", Source: "edge", Protocol: "mysql", Router: "priority", Listeners: []string{"[::]:4006"}})
	server, _ := s.Server("Db 1")
	equal(t, "server", *server, projection.Server{
		Name: "db-1", Source: "gateway", Address: "192.0.2.1", Port: 3306, Protocol: "mysql",
		State: events.ServerDown, Since: 7, Cause: "refused", Total: 1, Current: 1, Version: 4, Modified: at(4),
		Sessions: projection.Change{Sequence: 2, Recorded: at(2)}, NamedBy: "gateway",
	})
	service, _ := s.Service("ORDERS")
	equal(t, "service", *service, projection.Service{
		Name: "orders", Source: "edge", Protocol: "mysql", Router: "priority", Listeners: []string{"[::]:4006"},
		Started: at(5), Total: 1, Current: 1, Version: 6, Modified: at(6),
		Sessions: projection.Change{Sequence: 2, Recorded: at(2)}, NamedBy: "gateway",
	})
}

// TestEntitiesAreCopies changes the values that a reader got, which changes nothing
// else.
func TestEntitiesAreCopies(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.record(0, &events.SourceStarted{Source: "gateway"})
	s.record(1, opened(), &events.ConnectionOpened{Connection: 1, Server: "db-1"})
	services, _ := s.Services()
	service, _ := s.Service("orders")
	servers, _ := s.Servers()
	server, _ := s.Server("db-1")
	sources, _ := s.Sources()
	source, _ := s.Source("gateway")
	*services[0], *service = projection.Service{}, projection.Service{}
	*servers[0], *server = projection.Server{}, projection.Server{}
	*sources[0], *source = projection.Source{}, projection.Source{}
	service, _ = s.Service("orders")
	server, _ = s.Server("db-1")
	source, _ = s.Source("gateway")
	if service.Name != "orders" || server.Name != "db-1" || source.Name != "gateway" {
		t.Errorf("service %+v, server %+v, source %+v", service, server, source)
	}
}

// TestNoName applies events without names. They make no service, server or source, and
// no row.
func TestNoName(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.record(1, &events.SessionOpened{}, &events.ConnectionOpened{Connection: 1}, &events.ConnectionClosed{Final: events.Final{Connection: 1}})
	s.record(1, &events.ConnectionOpened{Connection: 2}, &events.SessionClosed{Reason: events.ReasonError})
	s.record(0, &events.ServiceDeclared{}, &events.ServerDeclared{}, &events.ServerChanged{}, &events.SourceStarted{})
	services, _ := s.Services()
	servers, _ := s.Servers()
	sources, _ := s.Sources()
	if len(services)+len(servers)+len(sources) > 0 {
		t.Errorf("%d services, %d servers, %d sources", len(services), len(servers), len(sources))
	}
	s.save()
	again := s.archive.load(t)
	equal(t, "moment", again.Moment(), s.Moment())
}
