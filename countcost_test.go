package gatebook

import (
	"fmt"
	"path/filepath"
	"testing"

	"gatebook/events"
	"gatebook/projection"
)

// TestCountsByServerCostTheirGroups counts all ended sessions by server, of which some reached
// none, over a book and one with four times as many. It is not parallel: it counts allocations.
func TestCountsByServerCostTheirGroups(t *testing.T) {
	allocations := func(sessions int) float64 {
		r, err := Open(t.Context(), filepath.Join(t.TempDir(), "data"), Options{ScrubPeriod: -1})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		report := Report{Source: "edge-1", Incarnation: "a"}
		for i := range sessions {
			key := fmt.Sprint("c-", i)
			report.Events = append(report.Events, Reported{Key: key, Event: &events.SessionOpened{Service: "orders"}})
			if i%10 != 0 {
				report.Events = append(report.Events, Reported{Key: key, Event: &events.ConnectionOpened{Connection: 1, Server: fmt.Sprint("db-", i%4)}})
			}
			report.Events = append(report.Events, Reported{Key: key, Event: &events.SessionClosed{Reason: events.ReasonClientClosed}})
			if len(report.Events) > 9000 || i == sessions-1 {
				if _, err := r.Report(t.Context(), report); err != nil {
					t.Fatal(err)
				}
				report.Events = nil
			}
		}
		if err := r.Save(); err != nil {
			t.Fatal(err)
		}
		r.reader.RowCost = 1 << 40 // by the keys of the group
		return testing.AllocsPerRun(5, func() {
			counts, err := r.Counts(t.Context(), Query{Closed: true, Lost: true}, projection.GroupServer, 10)
			if err != nil {
				t.Fatal(err)
			}
			if g := counts.Groups; len(g) != 5 || g[4].Text != "" || g[4].Sessions != uint64(sessions/10) || g[0].Sessions != uint64(sessions/4) {
				t.Fatalf("of %d sessions: %+v", sessions, g)
			}
		})
	}
	small, large := allocations(4000), allocations(16_000)
	if large > 1.5*small {
		t.Errorf("%.0f allocations over 4,000 sessions, %.0f over 16,000", small, large)
	}
}
