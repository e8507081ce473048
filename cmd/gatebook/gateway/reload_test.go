package gateway

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gatebook/events"
)

// reloaded returns the configuration of a harness, changed.
func (r *harness) reloaded(change func(c *Config)) Config {
	c := r.config
	c.Servers, c.Services = slices.Clone(c.Servers), slices.Clone(c.Services)
	change(&c)
	return c
}

func TestReload(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change               func(c *Config)
		changes, needRestart []string
	}{
		"nothing": {func(*Config) {}, nil, nil},
		"limits": {func(c *Config) {
			s := &c.Services[0]
			s.MaxSessions, s.IdleTimeout, s.LoginTimeout, s.Router = 5, time.Hour, time.Minute, LeastConnections
		}, []string{"service front: router, max_sessions, idle_timeout, login_timeout"}, nil},
		"draining": {func(c *Config) { c.Servers[0].Drain = true }, []string{"server db1: drain"}, nil},
		"a new server": {func(c *Config) {
			c.Servers = append(c.Servers, Server{Name: "db3", Address: "127.0.0.1:3"})
			c.Services[0].Servers = []string{"db1", "db3"}
		}, []string{"server db3: new", "service front: servers"}, nil},
		"address": {func(c *Config) { c.Servers[1].Address = "127.0.0.1:3" }, nil, []string{"server db2: address"}},
		"listen and limit": {func(c *Config) {
			c.Services[0].Listen = []string{"127.0.0.1:4006"}
			c.Services[0].MaxSessions = 5
		}, []string{"service front: max_sessions"}, []string{"service front: listen"}},
		"protocol and TLS": {func(c *Config) {
			c.Services[0].Protocol = MySQL
			c.Services[0].TLS = ClientTLS{Certificate: "a.pem", Key: "a.key"}
		}, nil, []string{"service front: protocol, tls"}},
		"other services": {
			func(c *Config) { c.Services[0].Name = "back" }, nil,
			[]string{"service front: not configured any more", "service back: new"},
		},
		"recording": {
			func(c *Config) { c.Record, c.StatisticsInterval = RecordBestEffort, time.Minute }, nil,
			[]string{"statistics_interval", "record"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newHarness(t, TCP, nil, deadAddress(t), deadAddress(t))
			changes, needRestart, err := r.Reload(t.Context(), r.reloaded(test.change))
			if err != nil || !slices.Equal(changes, test.changes) || !slices.Equal(needRestart, test.needRestart) {
				t.Errorf("got %q, %q, %v, want %q, %q", changes, needRestart, err, test.changes, test.needRestart)
			}
			changes, again, err := r.Reload(t.Context(), r.reloaded(test.change))
			if err != nil || len(changes) != 0 || !slices.Equal(again, test.needRestart) {
				t.Errorf("the second time: %q, %q, %v", changes, again, err)
			}
		})
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]string{"MaxSessions": "max_sessions", "Listen": "listen", "TLS": "tls"} {
		if got := key(field); got != want {
			t.Errorf("%s: got %s, want %s", field, got, want)
		}
	}
}

// TestReloadRefuses checks that an invalid configuration changes nothing.
func TestReloadRefuses(t *testing.T) {
	t.Parallel()
	r := newHarness(t, TCP, nil, deadAddress(t))
	changes, needRestart, err := r.Reload(t.Context(), r.reloaded(func(c *Config) {
		c.Servers[0].Drain = true
		c.Services[0].Router = "random"
	}))
	if err == nil || !strings.Contains(err.Error(), "random") || changes != nil || needRestart != nil {
		t.Errorf("got %q, %q, %v", changes, needRestart, err)
	}
	if r.backends.find("db1").draining.Load() {
		t.Error("the server is drained")
	}
}

// TestDraining checks that a drained server keeps its sessions and gets no new ones,
// and that a service all of whose servers are drained lets nobody in until one is back.
func TestDraining(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, nil, newStubServer(t, mysqlServer).address())
	there := r.dial()
	there.logIn()
	drain := func(drained bool) {
		t.Helper()
		_, _, err := r.Reload(t.Context(), r.reloaded(func(c *Config) { c.Servers[0].Drain = drained }))
		if err != nil {
			t.Fatal(err)
		}
	}
	drain(true)
	wantMySQLError(r.dial(), 0, mysqlUnreachable)
	if end := r.recorder.ended(t, 2); end.Reason != events.ReasonConnectFailed || !strings.Contains(end.Description, "drained") {
		t.Errorf("ended %+v", end)
	}
	there.send([]byte("hello"))
	there.want("hello")
	drain(false)
	r.dial().logIn()
}

// TestReloadLimits checks that new sessions get the new limits, that established ones
// count toward them, and that the idle timeout applies to all.
func TestReloadLimits(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, nil, newStubServer(t, mysqlServer).address())
	there := r.dial()
	there.logIn()
	r.await(t, "it is established", func() bool { return r.only().relaying.Load() })
	_, _, err := r.Reload(t.Context(), r.reloaded(func(c *Config) {
		c.Services[0].MaxSessions, c.Services[0].IdleTimeout = 1, time.Hour
	}))
	if err != nil {
		t.Fatal(err)
	}
	wantMySQLError(r.dial(), 0, 1040)
	wantReason(t, r, 2, events.ReasonLimit)
	r.endIdle(time.Now().Add(time.Hour))
	wantMySQLError(there, 1, 4031)
	wantReason(t, r, 1, events.ReasonIdleTimeout)
}
