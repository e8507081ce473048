package reports_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatebook/events"
	"gatebook/events/eventstest"
	"gatebook/httpd/render"
	"gatebook/httpd/reports"
)

// TestRenderedEvents compares every kind of event, with all members known and with none, with
// testdata/events.ndjson, on which clients depend.
func TestRenderedEvents(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", "events.ndjson"))
	check(t, err)
	var want []string
	if len(text) > 0 {
		want = strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	}
	var got []string
	for _, kind := range events.Kinds() {
		got = append(got,
			rendered(events.Record{Sequence: 57, Recorded: 1_764_000_000_250_000, Occurred: 1_764_000_000_000_001, Session: 42, Event: eventstest.Full(kind)}),
			rendered(events.Record{Sequence: 58, Recorded: 1_764_000_001_000_000, SubjectErased: true, ActorErased: true, Event: events.New(kind)}))
	}
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("nothing is\n%s", want[i])
		case i >= len(want):
			t.Errorf("not expected is\n%s", got[i])
		case got[i] != want[i]:
			t.Errorf("got\n%s\nwant\n%s", got[i], want[i])
		}
	}
}

// notReported holds the members that a source does not report: the registry adds them from
// the report that the event was in, or only the registry may write them.
var notReported = map[string][]string{
	"session_opened":   {"source", "incarnation", "key"},
	"service_declared": {"source", "stopped", "by"},
	"server_declared":  {"source"},
}

// The feed shows the members that a source reports, with the same values, for every kind that
// can be reported.
func TestReportedIsShown(t *testing.T) {
	t.Parallel()
	kinds := 0
	for _, kind := range events.Kinds() {
		if !slices.Contains(reports.Kinds(), kind.String()) {
			continue
		}
		kinds++
		shown := shownMembers(t, eventstest.Full(kind))
		told := map[string]json.RawMessage{"kind": shown["kind"]}
		for name, value := range shown {
			if !slices.Contains([]string{"sequence", "time", "occurred", "session"}, name) && !slices.Contains(notReported[kind.String()], name) {
				told[name] = value
			}
		}
		text, err := json.Marshal(map[string]any{"source": "edge-1", "incarnation": "1", "events": []any{told}})
		check(t, err)
		report, err := reports.Parse(text, 1)
		if err != nil {
			t.Errorf("%s as it is shown cannot be reported: %v\n%s", kind, err, text)
			continue
		}
		again := shownMembers(t, report.Events[0].Event)
		for name, value := range told {
			if string(again[name]) != string(value) {
				t.Errorf("%s: %s is reported as %s and shown as %s", kind, name, value, again[name])
			}
		}
	}
	if observed := 1; kinds+observed != len(reports.Kinds()) {
		t.Errorf("%d kinds of events can be reported, and of these %d are recorded", len(reports.Kinds()), kinds)
	}
}

// shownMembers returns the members of an event as the feed shows them.
func shownMembers(t *testing.T, e events.Event) map[string]json.RawMessage {
	t.Helper()
	var members map[string]json.RawMessage
	check(t, json.Unmarshal([]byte(rendered(events.Record{Event: e})), &members))
	return members
}

func keyOf(uint64) string { return "c-1" }

// rendered returns a record as a JSON object, which is the same by itself and in a list.
func rendered(r events.Record) string {
	text := reports.AppendRecord(nil, &r, keyOf)
	if listed := reports.RecordShape(keyOf).Append(nil, new(render.Rendering), r); string(listed) != string(text) {
		return string(text) + ", but in a list " + string(listed)
	}
	return string(text)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
