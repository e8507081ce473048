package projection_test

import (
	"net/netip"
	"testing"

	"gatebook/events"
	"gatebook/projection"
)

// TestMatch compares one session, which a kill ended, with filters. No comparison
// allocates.
func TestMatch(t *testing.T) {
	s := newScenario(t)
	s.record(1, opened(),
		&events.ConnectionFailed{Connection: 1, Server: "db-9", Cause: "connection refused"},
		&events.ConnectionOpened{Connection: 1, Server: "db-1"},
		&events.SessionReady{User: "jdoe"},
		&events.ConnectionOpened{Connection: 2, Server: "db-2"},
		&events.KillRequested{By: "admin"},
		&events.SessionClosed{Reason: events.ReasonKilled, By: "admin"},
	)
	v := s.session(1).Session
	for _, c := range []struct {
		name   string
		filter projection.Filter
		want   bool
	}{
		{"nothing", projection.Filter{}, true},
		{"service, another name of it", projection.Filter{Services: []string{"bills", "ORDERS"}}, true},
		{"another service", projection.Filter{Services: []string{"bills"}}, false},
		{"source", projection.Filter{Sources: []string{"Gateway"}}, true},
		{"another source", projection.Filter{Sources: []string{"edge 1"}}, false},
		{"first server", projection.Filter{Servers: []string{"DB 1"}}, true},
		{"second server", projection.Filter{Servers: []string{"db-3", "db-2"}}, true},
		{"server that was not reached", projection.Filter{Servers: []string{"db-9"}}, false},
		{"user", projection.Filter{Users: []string{"ann", "jdoe"}}, true},
		{"user in capitals is another user", projection.Filter{Users: []string{"JDOE"}}, false},
		{"network", projection.Filter{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, true},
		{"another network", projection.Filter{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, false},
		{"ended by", projection.Filter{By: []string{"admin"}}, true},
		{"ended by another user", projection.Filter{By: []string{""}}, false},
		{"reason", projection.Filter{Reasons: []events.Reason{events.ReasonServerClosed, events.ReasonKilled}}, true},
		{"another reason", projection.Filter{Reasons: []events.Reason{events.ReasonClientClosed}}, false},
		{"reason and another user", projection.Filter{Reasons: []events.Reason{events.ReasonKilled}, By: []string{"ann"}}, false},
		{"window that begins with its end", projection.Filter{Since: v.Ended()}, true},
		{"window after its end", projection.Filter{Since: v.Ended() + 1}, false},
		{"window before it", projection.Filter{Until: v.Opened - 1}, false},
		{"everything", projection.Filter{
			Services: []string{"orders"}, Servers: []string{"db-1"}, Sources: []string{"gateway"}, Users: []string{"jdoe"}, By: []string{"admin"},
			Reasons: []events.Reason{events.ReasonKilled}, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32")},
			Since: v.Opened, Until: v.Opened,
		}, true},
	} {
		m := c.filter.Compile()
		if got := m.Match(v); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
		if allocations := testing.AllocsPerRun(10, func() { m.Match(v) }); allocations != 0 {
			t.Errorf("%s: a comparison makes %v allocations", c.name, allocations)
		}
	}
}
