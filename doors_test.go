package gatebook_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
)

// An event that cannot be recorded is refused by both doors, for the same reason: the
// methods of a source in this process, and the reports of one outside.
func TestBothDoorsRefuseTheSame(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir())
	s := start(t, r, "inside")
	id := openSession(t, s)
	report(t, r, edge(0, opened("known")))
	var noReady *events.SessionReady
	long := strings.Repeat("x", 5)
	for name, c := range map[string]struct {
		event events.Event
		why   string
	}{
		"nothing":                   {nil, "there is no event"},
		"a nil event":               {noReady, "there is no event"},
		"a service of dots":         {&events.SessionOpened{Service: ".."}, `the service is called ".."`},
		"no service":                {&events.SessionOpened{Address: "192.0.2.1"}, "the session has no service"},
		"the API's service":         {&events.SessionOpened{Service: "Gatebook"}, "the service gatebook is the registry's own"},
		"no address":                {&events.SessionOpened{Service: long, Address: "no address"}, "the address no address is no IP address"},
		"no type":                   {&events.SessionOpened{Service: long, Type: 77}, "there is no such type of session"},
		"no reason":                 {&events.SessionClosed{}, "it has no reason"},
		"an unknown reason":         {&events.SessionClosed{Reason: 200}, "it has no reason"},
		"an end nobody saw":         {&events.SessionClosed{Reason: events.ReasonRegistryCrashed}, "for ends that nobody saw"},
		"counters twice":            {&events.SessionClosed{Reason: events.ReasonError, Finals: make([]events.Final, 2)}, "two final counters of one connection"},
		"read before 1970":          {&events.StatisticsRecorded{Final: events.Final{Active: -1}}, "before 1970"},
		"a connection of no reason": {&events.ConnectionClosed{Final: events.Final{Connection: 1}}, "it has no reason"},
		"the client's connection":   {&events.ConnectionOpened{Server: "db-1"}, "connection 0 is the client's"},
		"a server of no name":       {&events.ConnectionOpened{Connection: 1}, "the server has no name"},
		"a server that is a dot":    {&events.ConnectionFailed{Connection: 1, Server: "."}, `the server is called "."`},
		"lost":                      {&events.SessionLost{}, "it is the registry's to record"},
		"recovered":                 {&events.SessionRecovered{}, "it is the registry's to record"},
		"a kill":                    {&events.KillRequested{By: "me"}, "it is the registry's to record"},
		"a scheduled kill":          {&events.KillScheduled{Due: 1}, "it is the registry's to record"},
		"a source":                  {&events.SourceStarted{Source: "x"}, "it is the registry's to record"},
	} {
		before, refused := r.Moment().Sequence, r.Stats().Refused
		var err error
		if opening, ok := c.event.(*events.SessionOpened); ok {
			_, err = s.Open(t.Context(), *opening)
		} else {
			err = s.Record(t.Context(), id, c.event)
		}
		if !errors.Is(err, gatebook.ErrInvalid) || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: the source's method returns %v, want %q", name, err, c.why)
		}
		misfits(t, r, edge(0, gatebook.Reported{Key: "known", Event: c.event}), 0, c.why)
		if now := r.Moment().Sequence; now != before {
			t.Errorf("%s: the log grew to %d", name, now)
		}
		if n := r.Stats().Refused - refused; n != 2 {
			t.Errorf("%s: %d refusals were counted, want 2", name, n)
		}
	}
}

// What only a source in this process can say is checked as well.
func TestSourceRefuses(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir())
	s := start(t, r, "inside")
	ctx := t.Context()
	for name, err := range map[string]error{
		"a server without a name": s.ServerChanged(ctx, events.ServerChanged{State: events.ServerDown}),
		"an unknown state":        s.ServerChanged(ctx, events.ServerChanged{Name: "db", State: 99}),
		"a state before 1970":     s.ServerChanged(ctx, events.ServerChanged{Name: "db", State: events.ServerDown, Since: -5}),
		"a service without one":   s.DeclareService(ctx, events.ServiceDeclared{}),
		"a stopped service":       s.DeclareService(ctx, events.ServiceDeclared{Name: "s", Stopped: true}),
		"a dot among servers":     s.DeclareService(ctx, events.ServiceDeclared{Name: "s", Servers: []string{"."}}),
		"a server of dots":        s.DeclareServer(ctx, events.ServerDeclared{Name: ".."}),
		"a gap of nothing":        s.RecordGap(ctx, events.RecordingGap{From: 1, Until: 2}),
		"a gap that ends before":  s.RecordGap(ctx, events.RecordingGap{Sessions: 1, From: 2, Until: 1}),
		"connected before 1970":   second2(s.OpenSince(ctx, time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), events.SessionOpened{Service: "s"})),
		"a source of dots":        second2(r.StartSource(ctx, gatebook.SourceOptions{Name: ".."})),
		"a source without a name": second2(r.StartSource(ctx, gatebook.SourceOptions{})),
		"a long name":             second2(r.StartSource(ctx, gatebook.SourceOptions{Name: strings.Repeat("x", 257)})),
	} {
		if !errors.Is(err, gatebook.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
	if n := r.Moment().Sequence; n != 1 {
		t.Errorf("the log has %d records, want the start alone", n)
	}
}

func second2[T any](_ T, err error) error { return err }

// A request has to say who asks, and a scheduled kill when it is due.
func TestRequestsAreChecked(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir())
	s := start(t, r, "inside")
	id := openSession(t, s)
	check(t, s.DeclareService(t.Context(), events.ServiceDeclared{Name: "orders", Router: "roundrobin"}))
	before := r.Moment().Sequence
	ctx, nobody, ann := t.Context(), gatebook.Request{Why: "why"}, gatebook.Request{By: "ann"}
	for name, err := range map[string]error{
		"kill":      second2(r.Kill(ctx, id, nobody)),
		"kill all":  second2(r.KillAll(ctx, []uint64{id}, nobody)),
		"schedule":  r.ScheduleKill(ctx, id, time.Now(), nobody),
		"withdraw":  r.WithdrawKill(ctx, id, nobody),
		"switch":    r.SwitchService(ctx, gatebook.Switch{Service: "orders", Stopped: true}, nobody),
		"no time":   r.ScheduleKill(ctx, id, time.Time{}, ann),
		"the 1900s": r.ScheduleKill(ctx, id, time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), ann),
	} {
		if !errors.Is(err, gatebook.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
	if now := r.Moment().Sequence; now != before {
		t.Errorf("the log grew from %d to %d", before, now)
	}
}

// A source records, ends and shows nothing of another source's sessions, and nothing of
// an incarnation before it.
func TestSessionsBelongToTheirSource(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir())
	a, b := start(t, r, "a"), start(t, r, "b")
	id := openSession(t, a)
	ctx := context.Background()
	end := events.SessionClosed{Reason: events.ReasonClientClosed}
	want := `the session is one of source "a", not of "b"`
	for name, err := range map[string]error{
		"record": b.Record(ctx, id, &events.SessionReady{User: "eve"}),
		"end":    second2(b.End(ctx, id, end)),
	} {
		var refused *gatebook.RefusedError
		if !errors.As(err, &refused) || refused.Why != want || refused.Session != id {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
	before := r.Moment().Sequence
	check(t, b.RecordStatistics(ctx, []gatebook.Sample{{Session: id, Counters: events.Counters{Reads: 7}}}))
	b.Observe([]gatebook.Sample{{Session: id, Counters: events.Counters{Reads: 7}}})
	if v := session(t, r, id); v.Observed != nil || r.Moment().Sequence != before {
		t.Errorf("another source's samples are shown as %+v, or recorded", v.Observed)
	}
	check(t, a.Record(ctx, id, &end))
}
