package gatebook

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatebook/events"
	"gatebook/projection"
)

// The pages of an order by end give each session once that was there at the first page,
// whatever ends between two pages, and whether the archive has it already.
func TestPagesByEndGiveEachOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		folder, err := os.MkdirTemp("", "gatebook")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(folder)
		now := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
		r, err := Open(t.Context(), filepath.Join(folder, "data"), Options{Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		s, err := r.StartSource(t.Context(), SourceOptions{Name: "gateway"})
		if err != nil {
			t.Fatal(err)
		}
		var live []uint64
		step := func(n int) {
			for range rapid.IntRange(0, n).Draw(t, "steps") {
				now = now.Add(time.Duration(rapid.IntRange(0, 1).Draw(t, "later")) * time.Second)
				switch kind := rapid.IntRange(0, 4).Draw(t, "step"); {
				case kind == 0:
					err = r.checkpoints.save()
				case kind < 3 || len(live) == 0:
					var id uint64
					id, err = s.Open(t.Context(), events.SessionOpened{Service: "orders"})
					live = append(live, id)
				default:
					i := rapid.IntRange(0, len(live)-1).Draw(t, "of")
					err = s.Record(t.Context(), live[i], &events.SessionClosed{Reason: events.ReasonClientClosed})
					live = slices.Delete(live, i, i+1)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		step(30)
		last := r.state.LastID()
		q := Query{
			Live: true, Closed: true, Lost: true, Limit: rapid.IntRange(1, 4).Draw(t, "limit"),
			Order: rapid.SampledFrom([]Order{ByEnd, ByEndDescending}).Draw(t, "order"),
		}
		if rapid.Bool().Draw(t, "filtered") {
			q.Filter = projection.Filter{Services: []string{"orders"}}
			q.Count = rapid.Bool().Draw(t, "counted")
		}
		var seen []uint64
		for page := 0; ; page++ {
			l, err := r.Sessions(q)
			if err != nil {
				t.Fatal(err)
			}
			q.After = 0
			for v, err := range l.All() {
				if err != nil {
					t.Fatal(err)
				}
				if v.ID <= last { // one that came later may be there or not
					seen = append(seen, v.ID)
				}
				q.After, q.Position = v.ID, l.Position(v)
			}
			if q.After == 0 {
				break
			}
			if page < 8 { // or new sessions would come for ever
				step(6)
			}
		}
		slices.Sort(seen)
		for i, id := range seen {
			if id != uint64(i)+1 {
				t.Fatalf("of the sessions up to %d the pages give %v", last, seen)
			}
		}
		if len(seen) != int(last) {
			t.Fatalf("of the sessions up to %d the pages give %v", last, seen)
		}
	})
}
