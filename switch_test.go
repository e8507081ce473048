package gatebook_test

import (
	"errors"
	"path/filepath"
	"testing"

	"gatebook"
	"gatebook/events"
)

// A service is stopped and started through the log: its source hears of it, it is
// recorded once, and it holds over a restart.
func TestSwitchService(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	r := open(t, folder)
	s := start(t, r, "gateway")
	declare := func() {
		t.Helper()
		if err := s.DeclareService(t.Context(), events.ServiceDeclared{Name: "Orders", Protocol: "mysql", Router: "roundrobin"}); err != nil {
			t.Fatal(err)
		}
	}
	hear := func(want bool) {
		t.Helper()
		heard, err := s.Switches(t.Context())
		if err != nil || len(heard) != 1 || heard[0] != (gatebook.Switch{Service: "Orders", Stopped: want}) {
			t.Fatalf("heard %v, %v", heard, err)
		}
	}
	declare()
	for range 2 { // the second changes nothing
		if err := r.SwitchService(t.Context(), gatebook.Switch{Service: "orders", Stopped: true}, gatebook.Request{By: "ann"}); err != nil {
			t.Fatal(err)
		}
	}
	hear(true)
	if n := r.Moment().Sequence; n != 3 {
		t.Errorf("%d records, want 3", n)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open(t, folder)
	s = start(t, r, "gateway")
	declare()
	hear(true)
	if err := r.SwitchService(t.Context(), gatebook.Switch{Service: "Orders"}, gatebook.Request{By: "ann"}); err != nil {
		t.Fatal(err)
	}
	hear(false)

	if err := r.SwitchService(t.Context(), gatebook.Switch{Service: "bills", Stopped: true}, gatebook.Request{By: "ann"}); !errors.Is(err, gatebook.ErrNotFound) {
		t.Errorf("an unknown service: %v", err)
	}
	if err := start(t, r, "gatebook").DeclareService(t.Context(), events.ServiceDeclared{Name: "gatebook", Protocol: "http"}); err != nil {
		t.Fatal(err)
	}
	if err := r.SwitchService(t.Context(), gatebook.Switch{Service: "gatebook", Stopped: true}, gatebook.Request{By: "ann"}); !errors.Is(err, gatebook.ErrInvalid) {
		t.Errorf("the API's own service: %v", err)
	}
}

// A declaration with empty names is the same after a restart, and is not recorded
// again.
func TestDeclaredOnce(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	var before uint64
	for range 2 {
		r := open(t, folder)
		s := start(t, r, "gateway")
		seen := r.Moment().Sequence
		if err := s.DeclareService(t.Context(), events.ServiceDeclared{Name: "orders", Router: "roundrobin", Servers: []string{"", "db-1"}}); err != nil {
			t.Fatal(err)
		}
		recorded := r.Moment().Sequence - seen
		if v, _, _ := r.Service("orders"); len(v.Servers) != 1 || v.Servers[0] != "db-1" {
			t.Errorf("servers %q", v.Servers)
		}
		if v, _, _ := r.Server("db-1"); v == nil {
			t.Error("a server that a service names is not known")
		}
		if before > 0 && recorded != 0 {
			t.Errorf("declared again: %d records", recorded)
		}
		before = r.Moment().Sequence
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
