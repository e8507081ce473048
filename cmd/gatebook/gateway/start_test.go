package gateway

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/events"
)

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	tests := map[string]struct {
		change func(c *Config, s *Service)
		want   string
	}{
		"address":     {func(_ *Config, s *Service) { s.Listen = []string{"127.0.0.1:0", taken.Addr().String()} }, "service front: listen on " + taken.Addr().String()},
		"protocol":    {func(_ *Config, s *Service) { s.Protocol = "http" }, `protocol is "http"`},
		"router":      {func(_ *Config, s *Service) { s.Router = "random" }, `router is "random"`},
		"no servers":  {func(_ *Config, s *Service) { s.Servers = nil }, "no servers"},
		"server":      {func(_ *Config, s *Service) { s.Servers = []string{"db9"} }, `no server "db9"`},
		"marks":       {func(_ *Config, s *Service) { s.HighWater, s.LowWater = 10, 10 }, "high water mark 10"},
		"server port": {func(c *Config, _ *Service) { c.Servers[0].Address = "localhost:mysql" }, "server db1: address"},
		"record":      {func(c *Config, _ *Service) { c.Record = "never" }, `record is "never"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := Service{Name: "front", Protocol: TCP, Listen: []string{"127.0.0.1:0"}, Servers: []string{"db1"}}
			config := Config{Servers: []Server{{Name: "db1", Address: "127.0.0.1:1"}}}
			test.change(&config, &service)
			config.Services = []Service{service}
			if _, err := Start(t.Context(), config, newRecorderStub(), zerolog.Nop()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestDefaults checks that each setting has its own default, and that what is set stays.
func TestDefaults(t *testing.T) {
	t.Parallel()
	set := Config{
		StatisticsInterval: 7 * time.Second, Servers: []Server{{Name: "db1", Address: "127.0.0.1:1"}},
		Services: []Service{{
			Name: "front", Protocol: TCP, Servers: []string{"db1"}, Router: Priority,
			ConnectTimeout: 3 * time.Second, LoginTimeout: 4 * time.Second,
		}},
	}
	for name, test := range map[string]struct {
		change                     func(c *Config)
		statistics, connect, login time.Duration
		router                     Router
	}{
		"set": {func(*Config) {}, 7 * time.Second, 3 * time.Second, 4 * time.Second, Priority},
		"not set": {func(c *Config) {
			c.StatisticsInterval = 0
			c.Services = []Service{{Name: "front", Protocol: TCP, Servers: []string{"db1"}}}
		}, time.Second, 5 * time.Second, 10 * time.Second, RoundRobin},
	} {
		c := set
		test.change(&c)
		c, err := c.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		s := c.Services[0]
		if c.StatisticsInterval != test.statistics || s.ConnectTimeout != test.connect || s.LoginTimeout != test.login || s.Router != test.router {
			t.Errorf("%s: got %+v", name, c)
		}
	}
}

// TestStartDeclares checks that services and servers are declared, and that a gateway
// whose recorder refuses that does not start.
func TestStartDeclares(t *testing.T) {
	t.Parallel()
	r := newHarness(t, MySQL, nil, "192.0.2.1:3306", "[2001:db8::1]:3307")
	want := events.ServerDeclared{Name: "db2", Address: "2001:db8::1", Port: 3307, Protocol: "mysql"}
	if got := *r.recorder.declared[1].(*events.ServerDeclared); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	service := r.recorder.declared[2].(*events.ServiceDeclared)
	if service.Name != "front" || service.Protocol != "mysql" || service.Router != "roundrobin" ||
		!slices.Equal(service.Servers, []string{"db1", "db2"}) || !slices.Equal(service.Listeners, []string{r.Addresses("front")[0].String()}) {
		t.Errorf("got %+v", service)
	}
	if r.Addresses("back") != nil {
		t.Error("a service that is not there has addresses")
	}
	config := Config{Servers: []Server{{Name: "db1", Address: "127.0.0.1:1"}}}
	if _, err := Start(t.Context(), config, deafRecorder{newRecorderStub()}, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), "declare server db1") {
		t.Errorf("got %v", err)
	}
}

// deafRecorder refuses declarations.
type deafRecorder struct{ *recorderStub }

func (deafRecorder) DeclareServer(context.Context, events.ServerDeclared) error {
	return errors.New("the log is read-only")
}

// TestDialCauses checks what is recorded of an attempt that failed.
func TestDialCauses(t *testing.T) {
	t.Parallel()
	_, err := dial(t.Context(), deadAddress(t), time.Second)
	if got := ending.Cause(err); got != "connection refused" {
		t.Errorf("got %q", got)
	}
	_, err = dial(t.Context(), "127.0.0.1:1", time.Nanosecond)
	if got := ending.Cause(err); got != "connection timed out" {
		t.Errorf("got %q of %v", got, err)
	}
}
