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

// A query that has to look at every session for its total waits for no turn that it has
// itself.
func TestTotalTakesOneTurn(t *testing.T) {
	t.Parallel()
	const sessions = 12_000
	r := reopen(t, abroad(t, 1), (&handClock{}).Now)
	if _, err := r.Report(t.Context(), manyReported(sessions)); err != nil {
		t.Fatal(err)
	}
	nobody := projection.Filter{Services: []string{"stock"}, By: []string{""}} // those that nobody has ended, which no index knows
	l, err := r.SessionsContext(t.Context(), gatebook.Query{Live: true, Closed: true, Limit: 1, Count: true, Filter: nobody})
	if err != nil || l.Total != sessions {
		t.Fatalf("the total: %+v, error %v", l, err)
	}
	counts, err := r.Counts(t.Context(), gatebook.Query{Live: true, Closed: true, Filter: nobody}, gatebook.GroupService, 1)
	if err != nil || len(counts.Groups) != 1 || counts.Groups[0].Sessions != sessions {
		t.Fatalf("counts: %+v, error %v", counts, err)
	}
}

// Many sessions that ended since the last checkpoint are each listed once by pages in every
// order, and after they are saved too.
func TestPagesOfManyJustEnded(t *testing.T) {
	t.Parallel()
	const sessions = 3_000
	r := reopen(t, abroad(t, 1), (&handClock{}).Now)
	opened := manyReported(sessions)
	_, err := r.Report(t.Context(), opened)
	check(t, err)
	closed := gatebook.Report{Source: "edge-2", Incarnation: "1"}
	for i, e := range opened.Events {
		if i%3 > 0 {
			closed.Events = append(closed.Events, gatebook.Reported{Key: e.Key, Event: &events.SessionClosed{Reason: events.ReasonClientClosed}})
		}
	}
	_, err = r.Report(t.Context(), closed)
	check(t, err)
	for range 2 {
		for _, order := range []projection.Order{gatebook.ByID, gatebook.ByIDDescending, gatebook.ByEnd, gatebook.ByEndDescending} {
			q := gatebook.Query{Live: true, Closed: true, Lost: true, Limit: 700, Order: order, Filter: projection.Filter{Services: []string{"stock"}}}
			seen := make(map[uint64]bool)
			for more := true; more; {
				l, err := r.SessionsContext(t.Context(), q)
				check(t, err)
				more = false
				for v, err := range l.All() {
					check(t, err)
					if seen[v.ID] {
						t.Fatalf("order %d gives session %d twice", order, v.ID)
					}
					seen[v.ID], more = true, true
					q.After, q.Position = v.ID, l.Position(v)
				}
			}
			if len(seen) != sessions {
				t.Errorf("order %d gives %d sessions of %d", order, len(seen), sessions)
			}
		}
		check(t, r.Save())
	}
}
