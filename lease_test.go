package gatebook_test

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/projection"
)

// states wants the sessions from 1 on to have these statuses.
func (d *reportHarness) states(want ...projection.Status) {
	d.t.Helper()
	for i, status := range want {
		if v := session(d.t, d.r, uint64(i+1)); v.Status != status {
			d.t.Errorf("session %d is %s, want %s", v.ID, v.Status, status)
		}
	}
}

// as reports as some incarnation.
func (d *reportHarness) as(incarnation string, list ...gatebook.Reported) error {
	_, err := d.r.Report(d.t.Context(), gatebook.Report{Source: "edge-1", Incarnation: incarnation, Events: list})
	return err
}

func (d *reportHarness) source() *projection.Source {
	v, _, _ := d.r.Source("edge-1")
	return v
}

const (
	live  = projection.Live
	ended = projection.Closed
	lost  = projection.Lost
)

// A source that is silent for its lease loses its sessions; when it comes back they
// are recovered, those that left memory too.
func TestLeaseRunsOut(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	d.must(opens("c-1"), opens("c-2"), opens("c-3"), shuts("c-3"))
	d.pass(29 * time.Second)
	d.states(live, live, ended)
	d.must() // renews
	heard := events.TimeOf(d.time())
	d.pass(29 * time.Second)
	d.states(live, live, ended)
	d.pass(time.Second)
	d.states(lost, lost, ended)
	if v := session(t, d.r, 1); v.Ending().Reason != events.ReasonSourceLost || v.Ending().LastSeen != heard {
		t.Errorf("lost as %+v, last heard at %d", v.Ending(), heard)
	}
	if s := d.source(); s.State != projection.SourceLost || s.LastSeen != heard {
		t.Errorf("source %+v", s)
	}
	head := d.head()
	if d.pass(time.Hour); d.head() != head {
		t.Errorf("a source that is lost was recorded about: %d records", d.head()-head)
	}
	if err := d.r.Save(); err != nil {
		t.Fatal(err)
	}
	var refused *gatebook.ReportError
	if _, err := d.report(isReady("c-9", "ann")); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
	d.states(lost, lost, ended) // nothing of a refused report
	d.must(shuts("c-1"))
	d.states(ended, live, ended)
	if s := d.source(); s.State != projection.SourceRunning {
		t.Errorf("source %+v", s)
	}
	d.must(isReady("c-2", "ann"))
	if v := session(t, d.r, 2); v.Stage != projection.Routing || v.Ending() != (projection.Ending{}) {
		t.Errorf("session %+v", v.Session)
	}
}

// A lease is what the source asks for, and stays so.
func TestLeaseIsKept(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	d.must(opens("c-1"))
	_, err := d.r.Report(t.Context(), gatebook.Report{Source: "edge-1", Incarnation: "1", Lease: 2 * time.Minute, Host: "gate"})
	if err != nil {
		t.Fatal(err)
	}
	head := d.head()
	d.must()
	if d.head() != head {
		t.Errorf("telling no more of the source added %d records", d.head()-head)
	}
	d.pass(time.Minute)
	d.states(live)
	d.restart()
	d.pass(119 * time.Second) // one whole lease from the moment it is open
	d.states(live)
	d.pass(time.Second)
	d.states(lost)
	if err := d.as("2", opens("c-1")); err != nil {
		t.Fatal(err)
	}
	if s := d.source(); s.Lease != 120e6 || s.Host != "" {
		t.Errorf("source %+v", s)
	}
}

// A new incarnation ends the former one's sessions, and may use its keys; the former
// one does not come back.
func TestNewIncarnation(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	d.must(opens("c-1"), opens("c-2"), shuts("c-2"))
	if err := d.as("2", isReady("c-1", "ann")); err == nil {
		t.Error("a session of another incarnation was found")
	}
	d.states(live, ended)
	if err := d.as("2", opens("c-1"), isReady("c-1", "ann")); err != nil {
		t.Fatal(err)
	}
	d.states(lost, ended, live)
	if err := d.as("1", shuts("c-1")); !refusedWhole(err) {
		t.Errorf("got %v", err)
	}
	d.restart()
	if err := d.as("1"); !refusedWhole(err) {
		t.Errorf("got %v", err)
	}
	d.states(lost, ended, live)
	if err := d.as("2", shuts("c-1")); err != nil {
		t.Fatal(err)
	}
	d.states(lost, ended, ended)
}

// What is left when the loss of a source was cut off is lost when the registry opens.
func TestLossIsSeenThrough(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	d.must(opens("c-1"))
	source := d.source()
	if err := d.r.RecordLoss(source); err != nil {
		t.Fatal(err)
	}
	d.states(live)
	d.restart()
	d.pass(0)
	d.states(lost)
}

// A source gives signs of life on the record once a minute, while it has sessions.
func TestSigns(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	d.must(opens("c-1"))
	signs := func(want uint64) {
		t.Helper()
		head := d.head()
		for range 12 {
			d.pass(10 * time.Second)
			d.must()
		}
		if d.head() != head+want {
			t.Errorf("%d records in two minutes, want %d", d.head()-head, want)
		}
	}
	signs(2)
	d.must(shuts("c-1"))
	signs(0)
}

// A source of this process does not take over from one outside that reports, and
// nobody outside speaks in the name of one inside.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	d.must(opens("c-1"))
	if _, err := d.r.StartSource(t.Context(), gatebook.SourceOptions{Name: "edge-1"}); !errors.Is(err, gatebook.ErrInvalid) {
		t.Errorf("got %v", err)
	}
	d.states(live)
	d.pass(30 * time.Second)
	d.states(lost)
	s := start(t, d.r, "edge-1")
	if _, err := d.report(shuts("c-1")); !refusedWhole(err) {
		t.Errorf("got %v", err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.report(); !refusedWhole(err) {
		t.Errorf("got %v", err)
	}
}

// What is declared inside is not declared again outside, and only what differs is
// recorded.
func TestReportedDeclarations(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	inside := start(t, d.r, "gateway")
	if err := inside.DeclareService(t.Context(), events.ServiceDeclared{Name: "own", Router: "priority"}); err != nil {
		t.Fatal(err)
	}
	var refused *gatebook.ReportError
	if _, err := d.report(declaresService("Own")); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
	d.must(declaresService("orders"), declaresService("orders"))
	head := d.head()
	d.must(declaresService("orders"))
	_, err := d.r.Report(t.Context(), gatebook.Report{Source: "edge-2", Incarnation: "1", Events: []gatebook.Reported{declaresService("orders")}})
	if err != nil {
		t.Fatal(err)
	}
	if d.head() != head+1 { // edge-2 began
		t.Errorf("%d records, want 1", d.head()-head)
	}
	routed := gatebook.Reported{Event: &events.ServiceDeclared{Name: "orders", Router: "leastconn"}}
	d.must(routed)
	if err := d.r.SwitchService(t.Context(), gatebook.Switch{Service: "orders", Stopped: true}, gatebook.Request{By: "ann"}); !errors.Is(err, gatebook.ErrInvalid) {
		t.Errorf("a service outside was stopped: %v", err)
	}
}

// Kills that a source has not acted upon are listed for it.
func TestPendingKillsOfASource(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	d.must(opens("c-1"), opens("c-2"), opens("c-3"))
	for _, id := range []uint64{3, 1} {
		d.request(id)
	}
	pending := func(want int) {
		t.Helper()
		got, err := d.r.PendingKills("Edge-1")
		if err != nil || len(got) != want || !slices.IsSorted(got) {
			t.Errorf("pending are %v, want %d; error %v", got, want, err)
		}
	}
	pending(2)
	d.restart()
	pending(2)
	end := shuts("c-3")
	end.Event.(*events.SessionClosed).Reason = events.ReasonKilled
	d.must(end)
	pending(1)
	if v := session(t, d.r, 3); v.Ending().By != "ann" {
		t.Errorf("ended by %q", v.Ending().By)
	}
	head := d.head()
	again := shuts("c-3")
	again.Event.(*events.SessionClosed).Reason = events.ReasonKilled
	if d.must(again); d.head() != head {
		t.Error("the end of a killed session was recorded twice")
	}
}

// A source that comes back recovers all its sessions, however many pages of the
// archive they are in.
func TestRecoveryOfMany(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	const sessions = 1000
	var list []gatebook.Reported
	for i := range sessions {
		list = append(list, opens(strconv.Itoa(i)))
	}
	d.must(list...)
	d.pass(time.Hour)
	if m := d.r.Moment(); m.Lost != sessions || m.Live != 0 {
		t.Fatalf("%d are lost, %d live", m.Lost, m.Live)
	}
	if err := d.r.Save(); err != nil {
		t.Fatal(err)
	}
	d.must()
	if m := d.r.Moment(); m.Lost != 0 || m.Live != sessions {
		t.Errorf("%d are lost, %d live", m.Lost, m.Live)
	}
}
