package gatebook_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/projection"
)

// clock is a registry's that a test turns.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time        { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) turn(by time.Duration) { c.ahead.Add(int64(by)) }

func at(s string) time.Time {
	when, err := time.Parse(time.RFC3339, "2026-11-23T"+s+"Z")
	if err != nil {
		panic(err)
	}
	return when
}

func openAt(t *testing.T, folder string, c *clock) *gatebook.Registry {
	t.Helper()
	r, err := gatebook.Open(t.Context(), folder, gatebook.Options{Now: c.now, Report: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// edge is a report of edge-1.
func edge(number uint64, list ...gatebook.Reported) gatebook.Report {
	return gatebook.Report{Source: "edge-1", Incarnation: "a", Number: number, Events: list}
}

func tell(key string, e events.Event) gatebook.Reported { return gatebook.Reported{Key: key, Event: e} }

func opened(key string) gatebook.Reported {
	return gatebook.Reported{
		Key: key, Occurred: at("07:00:00"),
		Event: &events.SessionOpened{Service: "orders", Address: "::ffff:192.0.2.1", Port: 51234},
	}
}

func closes(key string) gatebook.Reported {
	return tell(key, &events.SessionClosed{Reason: events.ReasonClientClosed})
}

func counts(key string, connection uint32, reads uint64, occurred string) gatebook.Reported {
	e := tell(key, &events.StatisticsRecorded{Final: events.Final{Connection: connection, Counters: events.Counters{Reads: reads}}})
	if occurred != "" {
		e.Occurred = at(occurred)
	}
	return e
}

func whole(key string) []gatebook.Reported {
	return []gatebook.Reported{
		opened(key),
		tell(key, &events.SessionReady{User: "jdoe", Database: "shop"}),
		tell(key, &events.ConnectionOpened{Connection: 1, Server: "db-1"}),
		counts(key, 1, 2197, ""),
		closes(key),
	}
}

func report(t *testing.T, r *gatebook.Registry, p gatebook.Report) gatebook.ReportResult {
	t.Helper()
	got, err := r.Report(t.Context(), p)
	if err != nil {
		t.Fatalf("report: %v", err)
	}
	return got
}

func misfits(t *testing.T, r *gatebook.Registry, p gatebook.Report, index int, why string) {
	t.Helper()
	before := r.Moment().Sequence
	_, err := r.Report(t.Context(), p)
	misfit, ok := errors.AsType[*gatebook.ReportError](err)
	if !ok || misfit.Index != index || !strings.Contains(misfit.Why, why) {
		t.Errorf("got the error %v, want event %d, with %q", err, index, why)
	}
	if now := r.Moment().Sequence; now != before {
		t.Errorf("%d records were made of a report that was refused", now-before)
	}
}

func TestReportIsRecordedOnce(t *testing.T) {
	t.Parallel()
	for _, number := range []uint64{0, 17} {
		t.Run(fmt.Sprint("number ", number), func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			r := open(t, folder)
			first := report(t, r, edge(number, whole("c-1")...))
			if first.Accepted != 5 || len(first.Sessions) != 1 || first.Sequence != r.Moment().Sequence {
				t.Errorf("the answer is %+v", first)
			}
			id := first.Sessions["c-1"]
			s := session(t, r, id)
			if s.Status != projection.Closed || s.Login().User != "jdoe" || s.Address() != "192.0.2.1" || s.Opened.Time() != at("07:00:00") || s.Connections[0].Counters().Reads != 2197 {
				t.Errorf("session %d is %+v", id, s.Session)
			}
			again := report(t, r, edge(number, whole("c-1")...))
			if again.Accepted != 5 || !maps.Equal(again.Sessions, first.Sessions) || again.Sequence != first.Sequence {
				t.Errorf("sent again, the answer is %+v, and was %+v", again, first)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			r = open(t, folder)
			again = report(t, r, edge(number, whole("c-1")...))
			if again.Accepted != 5 || !maps.Equal(again.Sessions, first.Sessions) || again.Sequence != first.Sequence {
				t.Errorf("sent again after a restart, the answer is %+v, and was %+v", again, first)
			}
		})
	}
}

func TestReportRefused(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir())
	start(t, r, "inside")
	report(t, r, edge(5, opened("known"), tell("known", &events.ConnectionOpened{Connection: 1, Server: "db-1"})))
	report(t, r, gatebook.Report{Source: "edge-2", Incarnation: "z", Events: []gatebook.Reported{opened("theirs")}})
	otherwise := opened("known")
	otherwise.Event = &events.SessionOpened{Service: "other"}
	for name, c := range map[string]struct {
		report gatebook.Report
		index  int
		why    string
	}{
		"no source":            {gatebook.Report{Incarnation: "a"}, -1, "names no source"},
		"no incarnation":       {gatebook.Report{Source: "edge-1"}, -1, "names no incarnation"},
		"reserved":             {gatebook.Report{Source: "Gatebook", Incarnation: "a"}, -1, "registry's own"},
		"inside":               {gatebook.Report{Source: "inside", Incarnation: "a"}, -1, "own process"},
		"a dot":                {gatebook.Report{Source: ".", Incarnation: "a"}, -1, `the source is called ".", which in a path means another place`},
		"a service of dots":    {edge(0, tell("x", &events.SessionOpened{Service: ".."})), 0, `the service is called ".."`},
		"a server of dots":     {edge(0, tell("known", &events.ConnectionOpened{Connection: 2, Server: ".."})), 0, `the server is called ".."`},
		"a dot that fails":     {edge(0, tell("known", &events.ConnectionFailed{Connection: 2, Server: "."})), 0, `the server is called "."`},
		"a declared dot":       {edge(0, tell("", &events.ServerDeclared{Name: "."})), 0, `the server is called "."`},
		"declared dots":        {edge(0, tell("", &events.ServiceDeclared{Name: ".."})), 0, `the service is called ".."`},
		"a dot among servers":  {edge(0, tell("", &events.ServiceDeclared{Name: "s", Servers: []string{"db-1", "."}})), 0, `the server is called "."`},
		"short lease":          {gatebook.Report{Source: "edge-1", Incarnation: "a", Lease: time.Millisecond}, -1, "from 1s to 24h"},
		"not open":             {edge(0, closes("nobody")), 0, "session_opened comes first"},
		"another's session":    {edge(0, closes("theirs")), 0, "session_opened comes first"},
		"all or nothing":       {edge(0, opened("x"), closes("x"), closes("x"), tell("x", &events.SessionReady{User: "u"})), 3, "it is closed"},
		"opened otherwise":     {edge(0, otherwise), 0, "session 1 has this key, and was opened otherwise; a key is used once"},
		"opened again":         {edge(6, opened("known")), 0, "session 1 has this key already; a key is used once in an incarnation"},
		"number used":          {edge(5, opened("y")), 0, "number 5 was recorded"},
		"lower number":         {edge(4, opened("y")), 0, "numbers rise"},
		"kill":                 {edge(0, tell("known", &events.KillRequested{By: "me"})), 0, "registry's to record"},
		"lost":                 {edge(0, tell("known", &events.SessionLost{})), 0, "registry's to record"},
		"inferred":             {edge(0, tell("known", &events.SessionClosed{Reason: events.ReasonSourceLost})), 0, "nobody saw"},
		"no reason":            {edge(0, tell("known", &events.SessionClosed{})), 0, "no reason"},
		"no key":               {edge(0, tell("", &events.SessionReady{})), 0, "no key"},
		"a key too many":       {edge(0, tell("known", &events.ServerDeclared{Name: "x"})), 0, "has a key"},
		"no service":           {edge(0, tell("x", &events.SessionOpened{})), 0, "no service"},
		"the API's service":    {edge(0, tell("x", &events.SessionOpened{Service: "gatebook"})), 0, "registry's own"},
		"no address":           {edge(0, tell("x", &events.SessionOpened{Service: "s", Address: "here"})), 0, "no IP address"},
		"no such connection":   {edge(0, counts("known", 9, 1, "")), 0, "never opened"},
		"connection twice":     {edge(0, tell("known", &events.ConnectionOpened{Connection: 1, Server: "db-2"})), 0, "open to db-1 already"},
		"stopped":              {edge(0, tell("", &events.ServiceDeclared{Name: "s", Stopped: true})), 0, "administrator's"},
		"observed no counters": {edge(0, gatebook.Reported{Key: "known", Event: &events.SessionReady{}, Observed: true}), 0, "only statistics"},
	} {
		t.Run(name, func(t *testing.T) { misfits(t, r, c.report, c.index, c.why) })
	}
}

func TestStatisticsAreRecordedWhenTheyAreNew(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir())
	id := report(t, r, edge(0, opened("c"))).Sessions["c"]
	for _, c := range []struct {
		reads    uint64
		occurred string
		recorded bool
	}{
		{10, "07:00:10", true},
		{10, "07:00:11", false}, // the same
		{20, "07:00:20", true},
		{15, "07:00:15", false}, // late
		{10, "07:00:10", false}, // sent again
		{30, "07:00:19", false}, // late
		{5, "07:00:21", true},   // a reset
		{20, "07:00:20", false}, // sent again
		{7, "", true},
		{7, "", false},
	} {
		before := r.Moment().Sequence
		if got := report(t, r, edge(0, counts("c", 0, c.reads, c.occurred))); got.Accepted != 1 {
			t.Errorf("accepted %d", got.Accepted)
		}
		if recorded := r.Moment().Sequence > before; recorded != c.recorded {
			t.Errorf("%d reads at %q: recorded is %v", c.reads, c.occurred, recorded)
		}
	}
	if s := session(t, r, id); s.Counters().Reads != 7 {
		t.Errorf("there are %d reads", s.Counters().Reads)
	}
	shown := counts("c", 0, 99, "")
	shown.Observed = true
	before := r.Moment().Sequence
	report(t, r, edge(0, shown))
	s := session(t, r, id)
	if now, _ := s.Current(0); now.Reads != 99 || r.Moment().Sequence != before {
		t.Errorf("observed are %d reads, and %d records were made", now.Reads, r.Moment().Sequence-before)
	}
}

func TestNewIncarnationLosesSessions(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir())
	first := report(t, r, edge(0, opened("c"))).Sessions["c"]
	next := edge(1, closes("c"))
	next.Incarnation = "b"
	misfits(t, r, next, 0, "session_opened comes first")
	if s := session(t, r, first); s.Status != projection.Live {
		t.Errorf("a report that was refused ended session %d", first)
	}
	next.Events = []gatebook.Reported{opened("c")}
	second := report(t, r, next).Sessions["c"]
	if s := session(t, r, first); s.Status != projection.Lost || s.Ending().Reason != events.ReasonSourceLost || s.Ending().LastSeen == 0 {
		t.Errorf("session %d is %v, %+v", first, s.Status, s.Ending())
	}
	if s := session(t, r, second); s.Status != projection.Live || second == first {
		t.Errorf("session %d is %v", second, s.Status)
	}
	misfits(t, r, edge(0), -1, `incarnation "a" of source "edge-1" is over`)
}

// eventually polls until it is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never came to pass: ", what)
		}
	}
}

func TestLease(t *testing.T) {
	t.Parallel()
	folder, c := t.TempDir(), &clock{}
	r := openAt(t, folder, c)
	p := edge(1, opened("late"), opened("goes on"))
	p.Lease = time.Hour
	ids := report(t, r, p).Sessions
	c.turn(59 * time.Minute)
	report(t, r, edge(0)) // renews it
	c.turn(59 * time.Minute)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	// From being open again there is one full lease.
	r = openAt(t, folder, c)
	c.turn(59 * time.Minute)
	if s := session(t, r, ids["late"]); s.Status != projection.Live {
		t.Fatal("the lease ran out too early")
	}
	c.turn(time.Minute)
	eventually(t, "the sessions are lost", func() bool { return r.Moment().Lost == 2 })
	eventually(t, "the source is lost", func() bool { s, _, _ := r.Source("edge-1"); return s.State == projection.SourceLost })
	if s := session(t, r, ids["late"]); s.Ending().Reason != events.ReasonSourceLost {
		t.Errorf("it ended as %+v", s.Ending())
	}
	// The archive has them now.
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = openAt(t, folder, c)
	report(t, r, edge(2, closes("late")))
	if s := session(t, r, ids["late"]); s.Status != projection.Closed {
		t.Errorf("after late evidence it is %v", s.Status)
	}
	if s := session(t, r, ids["goes on"]); s.Status != projection.Live {
		t.Errorf("after its source came back it is %v", s.Status)
	}
	source, _, _ := r.Source("edge-1")
	if source.State != projection.SourceRunning || source.Number != 2 || source.Lease != int64(time.Hour/time.Microsecond) {
		t.Errorf("the source is %+v", source)
	}
	if again := report(t, r, edge(1, opened("late"), opened("goes on"))); !maps.Equal(again.Sessions, ids) {
		t.Errorf("sent again it is %+v", again)
	}
}

func TestSourcesDoNotTakeEachOthersNames(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir())
	report(t, r, edge(0))
	if _, err := r.StartSource(t.Context(), gatebook.SourceOptions{Name: "edge-1"}); !errors.Is(err, gatebook.ErrInvalid) {
		t.Errorf("a source of a name that one outside has was started: %v", err)
	}
	s := start(t, r, "inside")
	if err := s.DeclareService(t.Context(), events.ServiceDeclared{Name: "orders", Router: "leastconn"}); err != nil {
		t.Fatal(err)
	}
	misfits(t, r, edge(0, tell("", &events.ServiceDeclared{Name: "orders"})), 0, `source "inside"`)
	report(t, r, edge(0, tell("", &events.ServiceDeclared{Name: "stock", Router: "other"}), tell("", &events.ServerDeclared{Name: "db-1", Address: "192.0.2.7", Port: 3306})))
	if err := r.SwitchService(t.Context(), gatebook.Switch{Service: "stock", Stopped: true}, gatebook.Request{By: "ann"}); !errors.Is(err, gatebook.ErrInvalid) {
		t.Errorf("a service that nobody here can stop was stopped: %v", err)
	}
	before := r.Moment().Sequence
	report(t, r, edge(0, tell("", &events.ServiceDeclared{Name: "stock", Router: "other"}), tell("", &events.ServerDeclared{Name: "db-1", Address: "192.0.2.7", Port: 3306})))
	if r.Moment().Sequence != before {
		t.Error("a declaration that says nothing new was recorded")
	}
}

func TestReportedKill(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir())
	ids := report(t, r, edge(0, opened("a"), opened("b"))).Sessions
	killed := make(chan error)
	go func() {
		_, err := r.Kill(t.Context(), ids["b"], gatebook.Request{By: "ann", Why: "audit"})
		killed <- err
	}()
	var pending []uint64
	eventually(t, "the kill is pending", func() bool {
		var err error
		if pending, err = r.PendingKills("edge-1"); err != nil {
			t.Fatal(err)
		}
		return len(pending) > 0
	})
	if !slices.Equal(pending, []uint64{r.Moment().Sequence}) {
		t.Errorf("pending are %v", pending)
	}
	done := tell("b", &events.SessionClosed{Reason: events.ReasonKilled})
	report(t, r, edge(0, done))
	if err := <-killed; err != nil {
		t.Fatal(err)
	}
	if s := session(t, r, ids["b"]); s.Ending().By != "ann" || s.Ending().Description != "audit" {
		t.Errorf("it ended as %+v", s.Ending())
	}
	before := r.Moment().Sequence
	report(t, r, edge(0, tell("b", &events.SessionClosed{Reason: events.ReasonKilled})))
	if r.Moment().Sequence != before {
		t.Error("the end of a killed session was recorded twice")
	}
}
