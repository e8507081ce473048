package events_test

import (
	"slices"
	"testing"

	"gatebook/events"
)

func TestKinds(t *testing.T) {
	t.Parallel()
	kinds := events.Kinds()
	if !slices.IsSorted(kinds) {
		t.Errorf("the kinds do not ascend: %v", kinds)
	}
	names := make(map[string]events.Kind)
	for k := range 256 {
		kind := events.Kind(k)
		e, name, listed := events.New(kind), kind.String(), slices.Contains(kinds, kind)
		if (e != nil) != listed || (name != "") != listed {
			t.Errorf("kind %d: listed is %v, its name is %q, and its event %T", k, listed, name, e)
			continue
		}
		if e != nil && e.Kind() != kind {
			t.Errorf("kind %d: New returned an event of kind %d", k, e.Kind())
		}
		if other, taken := names[name]; name != "" && taken {
			t.Errorf("kinds %d and %d are both named %q", k, other, name)
		}
		names[name] = kind
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	named := 0
	for n := range 256 {
		reason := events.Reason(n)
		name := reason.String()
		if name == "" {
			continue
		}
		named++
		if got, ok := events.ParseReason(name); !ok || got != reason {
			t.Errorf("%q: got %d and %v, want %d", name, got, ok, reason)
		}
	}
	if want := int(events.ReasonError); named != want {
		t.Errorf("%d reasons have a name, want %d", named, want)
	}
	for _, name := range []string{"", "Killed", "killed ", "no_reason"} {
		if got, ok := events.ParseReason(name); ok || got != events.ReasonNone {
			t.Errorf("%q: got %d and %v, want none", name, got, ok)
		}
	}
}

func TestNamesOfTypesAndStates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		{events.TypeClient.String(), "client"},
		{events.TypeCancel.String(), "cancel"},
		{events.SessionType(2).String(), ""},
		{events.ServerUnknown.String(), ""},
		{events.ServerRunning.String(), "running"},
		{events.ServerDown.String(), "down"},
		{events.ServerState(3).String(), ""},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
