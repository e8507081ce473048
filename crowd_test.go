package gatebook_test

import (
	"context"
	"errors"
	"testing"

	"gatebook"
	"gatebook/events"
	"gatebook/projection"
)

// A listing that looks at many sessions ends when its client is gone, wherever they are.
func TestLongListingEndsWithItsClient(t *testing.T) {
	t.Parallel()
	const sessions = 12_000 // more than a listing may visit without a look at its client
	r := reopen(t, abroad(t, 1), (&handClock{}).Now)
	if _, err := r.Report(t.Context(), manyReported(sessions)); err != nil {
		t.Fatal(err)
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	nobody := projection.Filter{Activities: []projection.Activity{projection.ActivityWaiting}}
	for name, q := range map[string]gatebook.Query{
		"a filter without an index": {Live: true, Limit: 1, Filter: nobody},
		"a total":                   {Live: true, Limit: 1, Filter: projection.Filter{Services: []string{"stock"}}, Count: true},
		"an order of live sessions": {Live: true, Limit: 1, Order: gatebook.ByRate},
		"the whole list":            {Live: true},
	} {
		_, err := r.SessionsContext(gone, q)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", name, err)
		}
		if l, err := r.SessionsContext(t.Context(), q); err != nil {
			t.Errorf("%s, of a client that waits: error %v", name, err)
		} else {
			for _, err := range l.All() {
				check(t, err)
			}
		}
	}
	if _, err := r.SessionsContext(gone, gatebook.Query{Live: true, Limit: 100}); err != nil {
		t.Errorf("a page: error %v", err) // the client may have closed its sending half alone
	}
}

// manyReported returns a report that opens sessions.
func manyReported(n int) gatebook.Report {
	report := gatebook.Report{Source: "edge-2", Incarnation: "1"}
	for i := range n {
		report.Events = append(report.Events, gatebook.Reported{
			Key: string(rune('a'+i%26)) + string(rune(0x4e00+i)), Event: &events.SessionOpened{Service: "stock"},
		})
	}
	return report
}
