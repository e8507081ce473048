package gatebook_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var errChanged = errors.New("it has changed")

// still is the condition that a thing has that version.
func still(want uint64) gatebook.Condition {
	return func(version uint64, _ time.Time) error {
		if version != want {
			return errChanged
		}
		return nil
	}
}

func TestKillOnlyIf(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir())
	s := start(t, r, "gateway")
	id, err := s.Open(t.Context(), events.SessionOpened{Service: "orders"})
	check(t, err)
	v, _, err := r.Session(id)
	check(t, err)
	seen := v.Version
	check(t, s.Record(t.Context(), id, &events.SessionReady{User: "jdoe"}))
	if _, err := r.Kill(t.Context(), id, gatebook.Request{By: "ann", Only: []gatebook.Condition{still(seen)}}); !errors.Is(err, errChanged) {
		t.Errorf("a session that has changed: %v", err)
	}
	if v, _, err = r.Session(id); err != nil || v.Kill().Requested != 0 {
		t.Errorf("it is being killed all the same: %+v, %v", v.Kill(), err)
	}
	check(t, s.Record(t.Context(), id, &events.SessionClosed{Reason: events.ReasonClientClosed}))
	var ended *gatebook.EndedError
	if _, err := r.Kill(t.Context(), id, gatebook.Request{By: "ann", Only: []gatebook.Condition{still(seen)}}); !errors.As(err, &ended) {
		t.Errorf("a session that has ended: %v", err)
	}
}

// Of many who want a service switched as they have seen it, one is heard.
func TestSwitchOnlyIf(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir())
	s := start(t, r, "gateway")
	check(t, s.DeclareService(t.Context(), events.ServiceDeclared{Name: "orders", Router: "roundrobin"}))
	v, _, _ := r.Service("orders")
	var asking sync.WaitGroup
	errs := make(chan error, 16)
	for range cap(errs) {
		asking.Go(func() {
			errs <- r.SwitchService(t.Context(), gatebook.Switch{Service: "orders", Stopped: true}, gatebook.Request{By: "ann", Only: []gatebook.Condition{still(v.Version)}})
		})
	}
	asking.Wait()
	close(errs)
	done := 0
	for err := range errs {
		switch {
		case err == nil:
			done++
		case !errors.Is(err, errChanged):
			t.Error(err)
		}
	}
	if v, _, _ := r.Service("orders"); done != 1 || !v.Stopped {
		t.Errorf("%d were heard; it is stopped: %v", done, v.Stopped)
	}
}

// A service changes when its source begins or ends: its state does.
func TestServiceChangesWithItsSource(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir())
	s := start(t, r, "gateway")
	check(t, s.DeclareService(t.Context(), events.ServiceDeclared{Name: "orders", Router: "roundrobin"}))
	before, _, _ := r.Service("orders")
	check(t, s.Stop(t.Context()))
	after, m, _ := r.Service("orders")
	if after.Version == before.Version || after.Version != m.Sequence || after.Modified != m.Recorded {
		t.Errorf("before %+v, after %+v, at %+v", before, after, m)
	}
}
