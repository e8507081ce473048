package projection_test

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"gatebook/events"
	"gatebook/projection"
)

// endedOf returns the ended sessions of a copy that a walk visits.
func endedOf(t rapid.TB, c projection.Copied, w projection.EndedWalk) (all []*projection.Session) {
	t.Helper()
	err := c.Ended.Walk(w, func(v *projection.Session) bool {
		all = append(all, v)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// burst returns a state with sessions that ended since the last checkpoint: of fifty users, of
// one killer and many reasons. The last ones to open ended first.
func burst(t rapid.TB, sessions int) *projection.State {
	t.Helper()
	s := projection.New(nil)
	batch := []events.Record{{Sequence: 1, Event: &events.SourceStarted{Source: "gateway", Incarnation: "1"}}}
	record := func(id uint64, e events.Event) {
		n := uint64(len(batch) + 1)
		batch = append(batch, events.Record{Sequence: n, Session: id, Recorded: events.Time(n), Event: e})
	}
	for id := uint64(1); id <= uint64(sessions); id++ {
		record(id, &events.SessionOpened{
			Source: "gateway", Incarnation: "1", Service: "orders", Address: fmt.Sprintf("10.%d.%d.7", id/250%250, id%250),
		})
		record(id, &events.SessionReady{User: fmt.Sprintf("user %d", id%50), Program: "checkout"})
	}
	for id := uint64(sessions); id > 0; id-- {
		closed := &events.SessionClosed{Reason: events.ReasonClientClosed}
		if id%10_000 == 17 {
			closed = &events.SessionClosed{Reason: events.ReasonKilled, By: "ann"}
		}
		record(id, closed)
	}
	if err := s.Apply(batch); err != nil {
		t.Fatal(err)
	}
	s.IndexEnded()
	return s
}

// A page of the sessions that ended since the last checkpoint visits about a page of them,
// whatever is asked for and in which order.
func TestPageOfManyEnded(t *testing.T) {
	t.Parallel()
	const sessions, page = 100_000, 100
	s := burst(t, sessions)
	c, err := s.Copy(projection.Selection{Closed: true, Lost: true}, func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	var many []netip.Prefix
	for i := range 250 {
		many = append(many, netip.MustParsePrefix(fmt.Sprintf("10.%d.3.0/28", i)))
	}
	type filter = projection.Filter
	for name, asked := range map[string]struct {
		filter
		want int
	}{
		"everything":      {filter{}, page},
		"a user":          {filter{Users: []string{"user 7"}}, page},
		"two users":       {filter{Users: []string{"user 7", "user 9"}}, page},
		"a rare killer":   {filter{By: []string{"ann"}}, 10},
		"a rare reason":   {filter{Reasons: []events.Reason{events.ReasonKilled}}, 10},
		"nobody's":        {filter{Users: []string{"nobody"}}, 0},
		"an address":      {filter{Networks: []netip.Prefix{netip.MustParsePrefix("10.3.4.7/32")}}, 2},
		"a network":       {filter{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, page},
		"many networks":   {filter{Networks: many}, page},
		"a service":       {filter{Services: []string{"Orders"}}, page},
		"a program":       {filter{Programs: []string{"checkout"}}, page},
		"a window":        {filter{Since: 140_000, Until: 140_100}, page},
		"before all":      {filter{Until: 1}, 0},
		"after all":       {filter{Since: 10 * sessions}, 0},
		"a user's window": {filter{Users: []string{"user 7"}, Until: 1200}, 12},
	} {
		m := asked.Compile()
		for order := projection.ByID; order <= projection.ByEndDescending; order++ {
			visited, listed := 0, 0
			w := projection.EndedWalk{Order: order, Filter: m, Visited: func(n int) error { visited += n; return nil }}
			err := c.Ended.Walk(w, func(v *projection.Session) bool {
				if m.Match(v) {
					listed++
				}
				return listed < page
			})
			if err != nil {
				t.Fatal(err)
			}
			// Beside the page there is what has no index yet, and the windows of the blocks.
			if listed != asked.want || visited > page+1024+sessions/1024 {
				t.Errorf("%s, order %d: %d sessions, want %d; %d visited", name, order, listed, asked.want, visited)
			}
		}
	}
}

// BenchmarkPageOfManyEnded lists pages of a hundred of the sessions that ended since the last
// checkpoint: they should cost the same, however many those are.
func BenchmarkPageOfManyEnded(b *testing.B) {
	for _, sessions := range []int{1_000, 10_000, 100_000} {
		s := burst(b, sessions)
		for name, f := range map[string]projection.Filter{
			"all": {}, "user": {Users: []string{"user 7"}}, "by": {By: []string{"ann"}},
			"networks": {Networks: []netip.Prefix{netip.MustParsePrefix("10.3.0.0/16")}},
		} {
			for order, of := range map[projection.Order]string{projection.ByID: "id", projection.ByEndDescending: "latest"} {
				b.Run(fmt.Sprintf("ended=%d/%s/%s", sessions, name, of), func(b *testing.B) {
					m := f.Compile()
					for b.Loop() {
						c, err := s.Copy(projection.Selection{Closed: true}, func() error { return nil })
						if err != nil {
							b.Fatal(err)
						}
						listed := 0
						err = c.Ended.Walk(projection.EndedWalk{Order: order, Filter: m}, func(v *projection.Session) bool {
							if m.Match(v) {
								listed++
							}
							return listed < 100
						})
						if err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

// BenchmarkIndexEnded indexes sessions that have ended, a block at a time.
func BenchmarkIndexEnded(b *testing.B) {
	const sessions = 100_000
	for b.Loop() {
		b.StopTimer()
		s := burst(b, sessions)
		s.NotSaved(s.Checkpoint())
		b.StartTimer()
		s.Reindex()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/sessions, "ns/session")
}

// A walk gives what looking at every ended session gives, whatever is indexed.
func TestEndedWalk(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newMoving(t)
		s.state.EndedBlock = rapid.IntRange(1, 10).Draw(t, "changes indexed together")
		for range rapid.IntRange(1, 30).Draw(t, "sessions") {
			s.open()
		}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			s.endOrReturn()
			switch rapid.IntRange(0, 9).Draw(t, "between") {
			case 0:
				s.state.IndexEnded()
			case 1:
				s.state.NotSaved(s.state.Checkpoint())
			}
		}
		c, err := s.state.Copy(projection.Selection{Closed: true}, func() error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		selected := drawSelection(t)
		w := projection.EndedWalk{
			Order: projection.Order(rapid.IntRange(0, 3).Draw(t, "order")), Filter: selected.Filter,
			Since: rapid.Uint64Range(0, s.sequence).Draw(t, "since"), Until: rapid.Uint64Range(0, s.sequence).Draw(t, "until"),
		}
		if rapid.Bool().Draw(t, "after?") {
			w.After = &projection.EndedPlace{ID: rapid.Uint64Range(1, s.last).Draw(t, "after"), End: rapid.Int64Range(0, int64(s.sequence)).Draw(t, "end")}
		}
		var got, want []uint64
		for _, v := range endedOf(t, c, w) {
			if w.Filter == nil || w.Filter.Match(v) {
				got = append(got, v.ID)
			}
		}
		for _, v := range s.endedAfter(w) {
			want = append(want, v.ID)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%+v visits\n%v, want\n%v", w, got, want)
		}
	})
}

// endOrReturn ends a session, or makes a lost one live again.
func (s *moving) endOrReturn() {
	id := rapid.Uint64Range(1, s.last).Draw(s.t, "of")
	switch v := s.state.Lookup(id); {
	case v.Status == projection.Lost && rapid.Bool().Draw(s.t, "returns"):
		s.record(id, &events.SessionRecovered{})
	case v.Status == projection.Lost:
		s.record(id, &events.SessionClosed{Reason: events.ReasonKilled, By: "ann"})
	case v.Status == projection.Closed:
		s.open()
	case rapid.Bool().Draw(s.t, "lost"):
		s.record(id, &events.SessionLost{Cause: events.ReasonSourceLost, LastSeen: events.Time(rapid.Uint64Range(1, s.sequence).Draw(s.t, "seen"))})
	default:
		s.record(id, &events.SessionClosed{Reason: events.ReasonClientClosed})
	}
}

// endedAfter returns the sessions that a walk selects, found by looking at every session.
func (s *moving) endedAfter(w projection.EndedWalk) (all []*projection.Session) {
	compare := func(a projection.EndedPlace, b projection.EndedPlace) int {
		switch w.Order {
		case projection.ByIDDescending:
			return cmp.Compare(b.ID, a.ID)
		case projection.ByEnd:
			return cmp.Or(cmp.Compare(a.End, b.End), cmp.Compare(a.ID, b.ID))
		case projection.ByEndDescending:
			return cmp.Or(cmp.Compare(b.End, a.End), cmp.Compare(a.ID, b.ID))
		}
		return cmp.Compare(a.ID, b.ID)
	}
	place := func(v *projection.Session) projection.EndedPlace {
		return projection.EndedPlace{ID: v.ID, End: int64(v.Ended())}
	}
	for id := uint64(1); id <= s.last; id++ {
		v := s.state.Lookup(id)
		if v.Status != projection.Live && v.Version > w.Since && (w.Until == 0 || v.Version <= w.Until) &&
			(w.Filter == nil || w.Filter.Match(v)) && (w.After == nil || compare(place(v), *w.After) > 0) {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b *projection.Session) int { return compare(place(a), place(b)) })
	return all
}
