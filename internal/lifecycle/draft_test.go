package lifecycle_test

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"gatebook/events"
	"gatebook/internal/lifecycle"
	"gatebook/projection"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// session returns the session that a list of events makes.
func session(t *testing.T, list ...events.Event) *projection.Session {
	t.Helper()
	records := []events.Record{{Sequence: 1, Session: 7, Event: &events.SessionOpened{Source: "edge-1", Incarnation: "a", Service: "orders"}}}
	for i, e := range list {
		records = append(records, events.Record{Sequence: uint64(i + 2), Session: 7, Event: e})
	}
	s, err := projection.Replay(records)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func opens(number uint32, server string) events.Event {
	return &events.ConnectionOpened{Connection: number, Server: server}
}

func closes(number uint32) events.Event {
	return &events.ConnectionClosed{Reason: events.ReasonServerClosed, Final: events.Final{Connection: number}}
}

func counts(number uint32) events.Event {
	return &events.StatisticsRecorded{Final: events.Final{Connection: number}}
}

// Each event of a list is decided about as the ones before it leave the session.
func TestTakeLists(t *testing.T) {
	t.Parallel()
	end := &events.SessionClosed{Reason: events.ReasonClientClosed, Finals: []events.Final{{Connection: 1}}}
	for name, c := range map[string]struct {
		before, list []events.Event
		why          string // of the last event; "" when all fit
	}{
		"a life":                         {nil, []events.Event{opens(1, "a"), &events.SessionReady{User: "u"}, counts(1), closes(1), end}, ""},
		"closed before":                  {[]events.Event{opens(1, "a"), closes(1)}, []events.Event{counts(1)}, "connection 1 is not open"},
		"the client's counters":          {nil, []events.Event{counts(0)}, ""},
		"a number used again in a list":  {[]events.Event{opens(1, "a")}, []events.Event{closes(1), opens(1, "b"), counts(1), closes(1)}, ""},
		"and again":                      {nil, []events.Event{opens(1, "a"), closes(1), opens(1, "b"), closes(1), counts(1)}, "connection 1 is not open"},
		"the server's number for it":     {[]events.Event{opens(1, "a")}, []events.Event{&events.ConnectionOpened{Connection: 1, Server: "a", ServerID: 5}, &events.ConnectionOpened{Connection: 1, Server: "a", ServerID: 6}}, "connection 1 is open to a already"},
		"failed where it is open":        {nil, []events.Event{opens(1, "a"), &events.ConnectionFailed{Connection: 1, Server: "a"}}, "connection 1 is open"},
		"the counters of an unknown one": {nil, []events.Event{end}, "it has the counters of connection 1, which was never opened"},
		"after the end":                  {nil, []events.Event{&events.SessionClosed{}, counts(0)}, "it is closed"},
		"lost and recovered":             {[]events.Event{&events.SessionReady{}, &events.SessionLost{}}, []events.Event{&events.SessionRecovered{}, &events.KillRequested{}, &events.SessionRecovered{}}, "it is stopping"},
		"lost and closed":                {[]events.Event{&events.SessionLost{}}, []events.Event{&events.SessionClosed{}}, ""},
		"withdrawn, never scheduled":     {nil, []events.Event{&events.KillWithdrawn{}}, "no kill is scheduled"},
		"opened again":                   {nil, []events.Event{&events.SessionOpened{}}, "it is accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := lifecycle.NewDraft(session(t, c.before...))
			for i, e := range c.list {
				phase := d.Phase
				err := d.Take(e)
				switch last := i == len(c.list)-1; {
				case err == nil && (!last || c.why == ""):
				case err == nil || !last || c.why == "" || !strings.HasSuffix(err.Error(), c.why):
					t.Fatalf("event %d, %s: got %v, want %q", i, e.Kind(), err, c.why)
				case d.Phase != phase:
					t.Errorf("a refused event led from %s to %s", phase, d.Phase)
				}
			}
		})
	}
}

// A session belongs to one incarnation of one source, however that is spelled.
func TestForeign(t *testing.T) {
	t.Parallel()
	s := session(t)
	for _, c := range []struct {
		source, incarnation string
		why                 string
	}{
		{"edge-1", "a", ""},
		{"Edge 1", "a", ""},
		{"edge-2", "a", `the session is one of source "edge-1", not of "edge-2"`},
		{"edge-1", "b", `the session is one of incarnation "a" of source "edge-1", not of "b"`},
	} {
		if why := lifecycle.Foreign(s, c.source, c.incarnation); why != c.why {
			t.Errorf("%s, %s: got %q, want %q", c.source, c.incarnation, why, c.why)
		}
	}
	if why := lifecycle.Foreign(nil, "edge-1", "a"); why != "it is not open" {
		t.Errorf("no session: got %q", why)
	}
	recovered := session(t, &events.SessionLost{}, &events.SessionRecovered{Incarnation: "b"})
	if why := lifecycle.Foreign(recovered, "edge-1", "b"); why != "" {
		t.Errorf("recovered by another incarnation: %q", why)
	}
}
