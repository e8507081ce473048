package gatebook_test

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/projection"
	"gatebook/storage"
)

// reportHarness is a registry with a clock of its own, to which reports are made.
type reportHarness struct {
	t      *testing.T
	folder string
	mu     sync.Mutex
	now    time.Time // guarded by mu
	r      *gatebook.Registry
}

func newHarness(t *testing.T) *reportHarness {
	t.Helper()
	d := &reportHarness{t: t, folder: filepath.Join(t.TempDir(), "data"), now: time.Date(2026, 11, 23, 7, 1, 0, 0, time.UTC)}
	d.open()
	t.Cleanup(d.close)
	return d
}

func (d *reportHarness) open() {
	d.t.Helper()
	r, err := gatebook.Open(context.Background(), d.folder, gatebook.Options{Now: d.time, Report: func(err error) { d.t.Error(err) }})
	if err != nil {
		d.t.Fatal(err)
	}
	d.r = r
}

func (d *reportHarness) close() {
	d.t.Helper()
	if err := d.r.Close(); err != nil {
		d.t.Error(err)
	}
}

func (d *reportHarness) restart() { d.close(); d.open() }

func (d *reportHarness) time() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

// pass lets time go by, and leases run out.
func (d *reportHarness) pass(by time.Duration) {
	d.mu.Lock()
	d.now = d.now.Add(by)
	d.mu.Unlock()
	d.r.EndLeases()
}

func (d *reportHarness) head() uint64 { return d.r.Moment().Sequence }

// report reports as incarnation 1 of edge-1.
func (d *reportHarness) report(list ...gatebook.Reported) (gatebook.ReportResult, error) {
	return d.r.Report(d.t.Context(), gatebook.Report{Source: "edge-1", Incarnation: "1", Events: list})
}

// must reports what is accepted.
func (d *reportHarness) must(list ...gatebook.Reported) gatebook.ReportResult {
	d.t.Helper()
	receipt, err := d.report(list...)
	if err != nil {
		d.t.Fatal(err)
	}
	if receipt.Accepted != len(list) || receipt.Sequence != d.head() {
		d.t.Errorf("the receipt %+v of %d events at %d", receipt, len(list), d.head())
	}
	return receipt
}

func second(n int) time.Time {
	return time.Date(2026, 11, 23, 7, 0, n, 0, time.UTC)
}

func opens(key string) gatebook.Reported {
	return gatebook.Reported{Key: key, Occurred: second(1), Event: &events.SessionOpened{Service: "orders", Address: "::ffff:192.0.2.1", Port: 51234}}
}

func isReady(key, user string) gatebook.Reported {
	return gatebook.Reported{Key: key, Occurred: second(2), Event: &events.SessionReady{User: user, Database: "shop"}}
}

func connects(key string) gatebook.Reported {
	return gatebook.Reported{Key: key, Occurred: second(2), Event: &events.ConnectionOpened{Connection: 1, Server: "db-1"}}
}

func reads(key string, at int, n uint64) gatebook.Reported {
	return gatebook.Reported{Key: key, Occurred: second(at), Event: &events.StatisticsRecorded{Final: events.Final{Connection: 1, Counters: events.Counters{Reads: n}}}}
}

func shuts(key string) gatebook.Reported {
	return gatebook.Reported{Key: key, Occurred: second(9), Event: &events.SessionClosed{Reason: events.ReasonClientClosed}}
}

func declaresService(name string) gatebook.Reported {
	return gatebook.Reported{Event: &events.ServiceDeclared{Name: name, Protocol: "mysql"}}
}

// A whole session is reported, and every part of it again, in any cut, before and
// after a checkpoint and a restart: it is there once.
func TestReportIsSafeToRepeat(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	whole := func() []gatebook.Reported {
		return []gatebook.Reported{
			declaresService("orders"), opens("c-1"), isReady("c-1", "jdoe"), connects("c-1"),
			reads("c-1", 3, 5), reads("c-1", 4, 7), shuts("c-1"),
		}
	}
	receipt := d.must(whole()...)
	if len(receipt.Sessions) != 1 || receipt.Sessions["c-1"] != 1 {
		t.Fatalf("receipt %+v", receipt)
	}
	head := d.head()
	if head != 8 {
		t.Fatalf("%d records of a source and 7 events", head)
	}
	v := session(t, d.r, 1)
	if v.Address() != "192.0.2.1" || v.Key() != "c-1" || v.Origin().Source != "edge-1" || v.Opened.Time() != second(1) || v.Status != projection.Closed {
		t.Errorf("session %+v", v.Session)
	}
	again := func() {
		t.Helper()
		for first := range whole() {
			for last := first + 1; last <= len(whole()); last++ {
				d.must(whole()[first:last]...)
			}
		}
		if d.head() != head {
			t.Fatalf("repeating added %d records", d.head()-head)
		}
	}
	again()
	if err := d.r.Save(); err != nil {
		t.Fatal(err)
	}
	again()
	d.restart()
	again()
}

// While a session goes on, what equals the record is not recorded again, and what
// does not is.
func TestRepeatOfWhatGoesOn(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	d.must(opens("c-1"), connects("c-1"), isReady("c-1", "jdoe"), isReady("c-1", "jdoe"), reads("c-1", 5, 5))
	for name, step := range map[string]struct {
		event gatebook.Reported
		adds  uint64
	}{
		"opened":                  {opens("c-1"), 0},
		"connected":               {connects("c-1"), 0},
		"ready":                   {isReady("c-1", "jdoe"), 0},
		"no counter differs":      {reads("c-1", 6, 5), 0},
		"counters of before":      {reads("c-1", 4, 4), 0},
		"a change of user":        {isReady("c-1", "ann"), 1},
		"shown":                   {gatebook.Reported{Key: "c-1", Observed: true, Event: &events.StatisticsRecorded{Final: events.Final{Counters: events.Counters{Reads: 9}}}}, 0},
		"a connection that fails": {gatebook.Reported{Key: "c-1", Event: &events.ConnectionFailed{Connection: 2, Server: "db-2", Cause: "refused"}}, 1},
	} {
		head := d.head()
		if d.must(step.event); d.head() != head+step.adds {
			t.Errorf("%s: %d records more, want %d", name, d.head()-head, step.adds)
		}
	}
	v := session(t, d.r, 1)
	if counters, _ := v.Current(0); counters.Reads != 9 {
		t.Errorf("shown are %+v", counters)
	}
	head := d.head()
	if d.must(reads("c-1", 7, 6)); d.head() != head+1 {
		t.Errorf("counters that differ added %d records", d.head()-head)
	}
}

// What does not fit is named by its place, and nothing of its report is kept.
func TestReportedMisfits(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	start(t, d.r, "gateway")
	check := func(name string, list []gatebook.Reported, index int, why string) {
		t.Helper()
		head, refused := d.head(), d.r.Stats().Refused
		_, err := d.report(list...)
		var e *gatebook.ReportError
		if !errors.As(err, &e) || e.Index != index || !strings.Contains(e.Error(), why) {
			t.Errorf("%s: got %v, want event %d: %s", name, err, index, why)
		}
		if d.head() != head || d.r.Stats().Refused != refused+1 {
			t.Errorf("%s: %d records were added, %d refusals counted", name, d.head()-head, d.r.Stats().Refused-refused)
		}
	}
	ready := isReady("c-9", "jdoe")
	check("no session, of a source that is new", []gatebook.Reported{opens("c-1"), ready}, 1, `session_ready of "c-9": no session has this key: session_opened comes first`)
	if s, _, _ := d.r.Source("edge-1"); s != nil {
		t.Errorf("a report that was refused began %+v", s)
	}
	d.must(opens("c-1"), connects("c-1"), opens("c-2"), shuts("c-2"))
	other := opens("c-1")
	other.Occurred = other.Occurred.Add(time.Microsecond)
	list := func(all ...gatebook.Reported) []gatebook.Reported {
		return append([]gatebook.Reported{opens("c-3")}, all...)
	}
	one := func(key string, e events.Event) []gatebook.Reported {
		return list(gatebook.Reported{Key: key, Event: e})
	}
	check("opened otherwise", list(other), 1, "session 1 has this key, and was opened otherwise")
	check("after the end", list(isReady("c-2", "ann")), 1, "it is closed")
	check("another end", one("c-2", &events.SessionClosed{Reason: events.ReasonError}), 1, "it is closed")
	check("no key", one("", &events.SessionReady{}), 1, "it has no key")
	check("a kill", one("c-1", &events.KillRequested{}), 1, "kill_requested of \"c-1\": a source does not tell of that")
	check("a loss", one("c-1", &events.SessionLost{}), 1, "the registry's to record")
	check("no reason", one("c-1", &events.SessionClosed{}), 1, "it has no reason")
	check("an inferred reason", one("c-1", &events.SessionClosed{Reason: events.ReasonSourceLost}), 1, "the reason source_lost is for ends that nobody saw")
	check("no address", one("c-4", &events.SessionOpened{Service: "orders", Address: "10.0.0.1:99"}), 1, `the address 10.0.0.1:99 is no IP address`)
	check("no service", one("c-4", &events.SessionOpened{}), 1, "the session has no service")
	check("the registry's service", one("c-4", &events.SessionOpened{Service: "Gatebook"}), 1, `the service gatebook is the registry's own`)
	check("no such connection", one("c-1", &events.StatisticsRecorded{Final: events.Final{Connection: 2}}), 1, "connection 2 was never opened")
	check("finals of none", one("c-1", &events.SessionClosed{Reason: events.ReasonError, Finals: []events.Final{{Connection: 7}}}), 1, "connection 7, which was never opened")
	check("a declaration with a key", one("c-1", &events.ServerDeclared{Name: "db-1"}), 1, "yet has a key")
	check("no event", one("c-1", nil), 1, "there is no event")
	for name, report := range map[string]gatebook.Report{
		"its name":         {Incarnation: "1"},
		"its incarnation":  {Source: "edge-1"},
		"reserved":         {Source: "GATEBOOK", Incarnation: "1"},
		"inside":           {Source: "Gateway", Incarnation: "1"},
		"too short a time": {Source: "edge-1", Incarnation: "1", Lease: time.Millisecond},
		"too long a name":  {Source: strings.Repeat("x", 257), Incarnation: "1"},
	} {
		if _, err := d.r.Report(t.Context(), report); !refusedWhole(err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A number identifies a report, over a restart too.
func TestNumbers(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	send := func(number uint64, list ...gatebook.Reported) (gatebook.ReportResult, error) {
		return d.r.Report(t.Context(), gatebook.Report{Source: "edge-1", Incarnation: "1", Number: number, Events: list})
	}
	accept := func(adds, number uint64, list ...gatebook.Reported) gatebook.ReportResult {
		t.Helper()
		head := d.head()
		receipt, err := send(number, list...)
		if err != nil || d.head() != head+adds {
			t.Fatalf("%d records more, want %d; error %v", d.head()-head, adds, err)
		}
		return receipt
	}
	accept(3, 17, opens("c-1")) // with the source's start, and the number
	first := accept(5, 18, isReady("c-1", "jdoe"), isReady("c-1", "jdoe"), connects("c-1"), reads("c-1", 5, 5))
	for range 2 {
		again := accept(0, 18, isReady("c-1", "jdoe"), isReady("c-1", "jdoe"), connects("c-1"), reads("c-1", 5, 5))
		if !reflect.DeepEqual(again, first) {
			t.Errorf("again %+v, at first %+v", again, first)
		}
		accept(0, 17, opens("c-1"))
		d.restart()
	}
	head := d.head()
	var refused *gatebook.ReportError
	if _, err := send(17, isReady("c-1", "ann")); !errors.As(err, &refused) || !strings.Contains(err.Error(), "number 17 was recorded before, or a later one") {
		t.Errorf("got %v", err)
	}
	if _, err := send(19, opens("c-1")); !errors.As(err, &refused) || !strings.Contains(err.Error(), "session 1 has this key") {
		t.Errorf("got %v", err)
	}
	if d.head() != head {
		t.Errorf("%d records of refused reports", d.head()-head)
	}
	accept(0, 20) // nothing to record
	accept(2, 19, shuts("c-1"))
}

// request asks for the end of a session and does not wait for it.
func (d *reportHarness) request(id uint64) {
	d.t.Helper()
	ctx, stop := context.WithCancel(d.t.Context())
	stop()
	if _, err := d.r.Kill(ctx, id, gatebook.Request{By: "ann", Why: "why not"}); err != nil {
		d.t.Fatal(err)
	}
}

// refusedWhole tells whether a report was refused as a whole.
func refusedWhole(err error) bool {
	var e *gatebook.ReportError
	return errors.As(err, &e) && e.Index == -1
}

// Counters that were left out of the record, because they told nothing new, are
// acknowledged when their report comes again.
func TestNumberOfWhatWasLeftOut(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	send := func(number uint64, list ...gatebook.Reported) {
		t.Helper()
		if _, err := d.r.Report(t.Context(), gatebook.Report{Source: "edge-1", Incarnation: "1", Number: number, Events: list}); err != nil {
			t.Fatal(err)
		}
	}
	untimed := func(n uint64) gatebook.Reported {
		e := reads("c-1", 0, n)
		e.Occurred = time.Time{}
		return e
	}
	send(1, opens("c-1"), connects("c-1"), untimed(5))
	send(2, isReady("c-1", "ann"), untimed(5))
	send(3, untimed(6))
	head := d.head()
	send(2, isReady("c-1", "ann"), untimed(5))
	send(1, opens("c-1"), connects("c-1"), untimed(5))
	if d.head() != head {
		t.Errorf("%d records more", d.head()-head)
	}
}

// Keys that are too long to keep are cut, and stay apart.
func TestLongKeys(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	long := strings.Repeat("k", 300)
	receipt := d.must(opens(long+"1"), opens(long+"2"), shuts(long+"1"))
	if len(receipt.Sessions) != 2 || receipt.Sessions[long+"1"] != 1 || receipt.Sessions[long+"2"] != 2 {
		t.Errorf("sessions %v", receipt.Sessions)
	}
	d.restart()
	d.must(shuts(long + "2"))
	d.states(ended, ended)
	if key := session(t, d.r, 1).Key(); len(key) > 256 || !strings.HasPrefix(key, long[:200]) {
		t.Errorf("kept as %q", key)
	}
}

// A source waits for its turn no longer than its caller does.
func TestReportWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	leave := d.r.Enter("edge-1")
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := d.r.Report(ctx, gatebook.Report{Source: "edge-1", Incarnation: "1"}); !errors.Is(err, storage.ErrBusy) {
		t.Errorf("got %v", err)
	}
	d.r.EndLeases() // does not wait for it
	leave()
	d.must()
}

// A report that tells the same of one session very often costs no more for that.
func TestReportOfOneSession(t *testing.T) {
	t.Parallel()
	d := newHarness(t)
	list := []gatebook.Reported{opens("c-1"), connects("c-1")}
	for i := range 4000 {
		list = append(list, isReady("c-1", strconv.Itoa(i)), reads("c-1", 2, uint64(i+1)))
	}
	d.must(list...)
	head := d.head()
	if d.must(list...); d.head() != head {
		t.Errorf("%d records more", d.head()-head)
	}
}
