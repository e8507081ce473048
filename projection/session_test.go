package projection_test

import (
	"testing"

	"gatebook/events"
	"gatebook/projection"
)

// opened returns the event that most scenarios begin with.
func opened() *events.SessionOpened {
	return &events.SessionOpened{Source: "gateway", Incarnation: "1", Service: "orders", Address: "192.0.2.7", Port: 4711}
}

func TestConnectionIsToldAgain(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.record(1, opened(), &events.ConnectionOpened{Connection: 1, Server: "db-1"})
	if c, found := s.session(1).Connection(1); !found || c.ServerID != 0 || c.Server() != "db-1" {
		t.Errorf("found %v: %+v", found, c)
	}
	s.record(1, &events.ConnectionOpened{Connection: 1, Server: "db-1", ServerID: 99})
	s.record(1, &events.ConnectionOpened{Connection: 1, Server: "db-1"}) // an unknown id changes nothing
	v := s.session(1)
	if c, _ := v.Connection(1); len(v.Connections) != 1 || c.ServerID != 99 || c.Opened != at(2) {
		t.Errorf("connections %+v", v.Connections)
	}
	if server, _ := s.Server("db-1"); server.Total != 1 || server.Current != 1 {
		t.Errorf("server %+v", server)
	}
	if c, found := v.Connection(2); found {
		t.Errorf("connection 2 is %+v", c)
	}
}

// TestConnectionNumberIsUsedAgain uses a number again after its connection closed or
// could not be opened. The last connection of a number counts.
func TestConnectionNumberIsUsedAgain(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	final := events.Final{Connection: 1, Counters: events.Counters{Reads: 3}}
	s.record(1, opened(),
		&events.ConnectionFailed{Connection: 1, Server: "db-1", Cause: "connection refused"},
		&events.ConnectionOpened{Connection: 1, Server: "db-2"},
		&events.ConnectionClosed{Reason: events.ReasonServerClosed, Final: final},
		&events.ConnectionOpened{Connection: 1, Server: "db-3"},
	)
	v := s.session(1)
	if len(v.Connections) != 3 {
		t.Fatalf("connections %+v", v.Connections)
	}
	failed, closed, open := &v.Connections[0], &v.Connections[1], &v.Connections[2]
	if failed.State != projection.Failed || failed.Cause() != "connection refused" || failed.Opened != at(2) || failed.Closed() != at(2) {
		t.Errorf("the failed one is %+v", failed)
	}
	if closed.State != projection.Ended || closed.Counters().Reads != 3 || closed.Closed() != at(4) {
		t.Errorf("the closed one is %+v", closed)
	}
	if c, _ := v.Connection(1); c != open || c.Server() != "db-3" || c.State != projection.Open || c.Counters() != (events.Counters{}) {
		t.Errorf("connection 1 is %+v", c)
	}
	if failed, _ := s.Server("db-1"); failed == nil || failed.Total != 0 {
		t.Errorf("a server that was never reached is %+v", failed)
	}
}

func TestEndOfConnections(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.record(1, opened(),
		&events.ConnectionFailed{Connection: 1, Server: "db-1"},
		&events.ConnectionOpened{Connection: 2, Server: "db-2"},
		&events.ConnectionClosed{Reason: events.ReasonServerClosed, Final: events.Final{Connection: 2}},
		&events.ConnectionOpened{Connection: 3, Server: "db-2"},
	)
	type end struct {
		at     events.Time
		reason events.Reason
	}
	want := func(when string, ends ...end) {
		t.Helper()
		v := s.session(1)
		for i := range v.Connections {
			ended, reason := v.End(&v.Connections[i])
			equal(t, when, end{ended, reason}, ends[i])
		}
	}
	before := []end{{at(2), events.ReasonConnectFailed}, {at(4), events.ReasonServerClosed}}
	want("live", append(before, end{})...)
	s.record(1, &events.SessionLost{Cause: events.ReasonRegistryCrashed, LastSeen: 5})
	want("lost", append(before, end{at(6), events.ReasonRegistryCrashed})...)
	s.record(1, &events.SessionRecovered{})
	want("recovered", append(before, end{})...)
	s.record(1, &events.SessionClosed{Reason: events.ReasonKilled})
	want("closed", append(before, end{at(8), events.ReasonKilled})...)
}

// TestCounts ends and recovers a session. Current counts follow, and totals only rise.
func TestCounts(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	step := func(what string, services, servers [2]uint64, list ...events.Event) {
		t.Helper()
		s.record(1, list...)
		service, _ := s.Service("orders")
		server, _ := s.Server("db-1")
		equal(t, what+": sessions of the service", [2]uint64{service.Total, service.Current}, services)
		equal(t, what+": connections of the server", [2]uint64{server.Total, server.Current}, servers)
	}
	step("two connections", [2]uint64{1, 1}, [2]uint64{2, 2}, opened(),
		&events.ConnectionOpened{Connection: 1, Server: "db-1"}, &events.ConnectionOpened{Connection: 2, Server: "DB-1"})
	step("one closed", [2]uint64{1, 1}, [2]uint64{2, 1}, &events.ConnectionClosed{Final: events.Final{Connection: 1}})
	step("closed already", [2]uint64{1, 1}, [2]uint64{2, 1}, &events.ConnectionClosed{Final: events.Final{Connection: 1}})
	step("lost", [2]uint64{1, 0}, [2]uint64{2, 0}, &events.SessionLost{Cause: events.ReasonSourceLost})
	s.save()
	step("recovered", [2]uint64{1, 1}, [2]uint64{2, 1}, &events.SessionRecovered{})
	step("lost again", [2]uint64{1, 0}, [2]uint64{2, 0}, &events.SessionLost{Cause: events.ReasonSourceLost})
	equal(t, "totals", s.Moment().Totals, projection.Totals{Lost: 1})
	s.save()
	step("closed late", [2]uint64{1, 0}, [2]uint64{2, 0}, &events.SessionClosed{Reason: events.ReasonClientClosed})
	equal(t, "totals", s.Moment().Totals, projection.Totals{Closed: 1})
}

// TestRecoveredByIncarnation recovers a session by several incarnations. It belongs to
// the last one.
func TestRecoveredByIncarnation(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.record(1, opened())
	for _, c := range []struct{ by, want string }{{"", "1"}, {"2", "2"}, {"", "2"}, {"1", "1"}, {"3", "3"}} {
		s.record(1, &events.SessionLost{Cause: events.ReasonSourceLost, LastSeen: 7}, &events.SessionRecovered{Incarnation: c.by})
		if v := s.session(1); v.Incarnation() != c.want || v.Origin().Incarnation != "1" || v.Status != projection.Live || v.Ending() != (projection.Ending{}) {
			t.Errorf("recovered by %q it is of %q: %+v", c.by, v.Incarnation(), seen(v.Session))
		}
	}
}

// TestTriedLogin closes sessions with the details of a failed login, which fill in what
// the session does not have.
func TestTriedLogin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		ready *events.SessionReady
		want  projection.Login
	}{
		{"never ready", nil, projection.Login{User: "tried", Database: "attic", Program: "crowbar"}},
		{"logged in", &events.SessionReady{User: "jdoe"}, projection.Login{User: "jdoe"}},
		{"ready without a name", &events.SessionReady{Database: "shop", Program: "psql"}, projection.Login{User: "tried", Database: "shop", Program: "psql"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScenario(t)
			s.record(1, opened())
			if c.ready != nil {
				s.record(1, c.ready)
			}
			s.record(1, &events.SessionClosed{Reason: events.ReasonAuthFailed, User: "tried", Database: "attic", Program: "crowbar"})
			equal(t, "login", s.session(1).Login(), c.want)
		})
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		{projection.Live.String(), "live"},
		{projection.Closed.String(), "closed"},
		{projection.Lost.String(), "lost"},
		{projection.SourceRunning.String(), "running"},
		{projection.SourceStopped.String(), "stopped"},
		{projection.SourceLost.String(), "lost"},
	} {
		equal(t, "name", c.got, c.want)
	}
}
