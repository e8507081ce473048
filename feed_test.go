package gatebook_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
)

// sequencesOf are those of the records that a filter wants.
func sequencesOf(t *testing.T, r *gatebook.Registry, after uint64, only gatebook.EventFilter) (all []uint64) {
	t.Helper()
	for record, err := range r.Events(after, only) {
		check(t, err)
		all = append(all, record.Sequence)
	}
	return all
}

// fillLog records the lives of sessions of two sources; there are more records than
// are kept in memory.
func fillLog(t *testing.T, r *gatebook.Registry) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	sources := []*gatebook.Source{start(t, r, "Edge 1"), start(t, r, "edge-2")}
	check(t, sources[0].DeclareServer(t.Context(), events.ServerDeclared{Name: "db"}))
	check(t, sources[0].ServerChanged(t.Context(), events.ServerChanged{Name: "db", State: events.ServerDown}))
	for range 150 {
		s := sources[random.IntN(2)]
		id := openSession(t, s)
		for range random.IntN(60) {
			check(t, s.Record(t.Context(), id, &events.StatisticsRecorded{}))
		}
		if random.IntN(3) > 0 {
			check(t, s.Record(t.Context(), id, &events.SessionClosed{Reason: events.ReasonClientClosed}))
		}
	}
}

func TestEventsAreThoseThatMatch(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	r := open(t, folder)
	fillLog(t, r)
	checkEvents(t, r)
	// Now all of the log is indexed, and then all but the end.
	check(t, r.Close())
	r = open(t, folder)
	checkEvents(t, r)
	s := start(t, r, "edge-3")
	check(t, s.DeclareServer(t.Context(), events.ServerDeclared{Name: "db-3"}))
	openSession(t, s)
	checkEvents(t, r)
}

// checkEvents compares the events that filters select with those that match.
func checkEvents(t *testing.T, r *gatebook.Registry) {
	t.Helper()
	head := r.Moment().Sequence
	of := make(map[uint64]string)
	var all []events.Record
	for record, err := range r.Events(0, gatebook.EventFilter{}) {
		check(t, err)
		if record.Sequence != uint64(len(all)+1) {
			t.Fatalf("record %d after %d", record.Sequence, len(all))
		}
		all = append(all, record)
		if e, ok := record.Event.(*events.SessionOpened); ok {
			of[record.Session] = e.Source
		}
	}
	if uint64(len(all)) != head {
		t.Fatalf("%d of %d records", len(all), head)
	}
	source := func(r *events.Record) string {
		switch e := r.Event.(type) {
		case *events.SourceStarted:
			return e.Source
		case *events.SourceStopped:
			return e.Source
		case *events.ServerDeclared:
			return e.Source
		case *events.ServerChanged:
			return "Edge 1"
		}
		return of[r.Session]
	}
	for _, c := range []struct {
		name string
		only gatebook.EventFilter
		want func(r *events.Record) bool
	}{
		{"kind", gatebook.EventFilter{Kinds: []events.Kind{events.KindSessionOpened, events.KindSessionClosed}}, func(r *events.Record) bool {
			return r.Event.Kind() == events.KindSessionOpened || r.Event.Kind() == events.KindSessionClosed
		}},
		{"rare kind", gatebook.EventFilter{Kinds: []events.Kind{events.KindServerDeclared}}, func(r *events.Record) bool {
			return r.Event.Kind() == events.KindServerDeclared
		}},
		{"rare source", gatebook.EventFilter{Sources: []string{"edge-3"}}, func(r *events.Record) bool { return source(r) == "edge-3" }},
		{"kind and source", gatebook.EventFilter{Kinds: []events.Kind{events.KindServerDeclared, events.KindServerChanged}, Sources: []string{"edge-1"}}, func(r *events.Record) bool {
			return (r.Event.Kind() == events.KindServerDeclared || r.Event.Kind() == events.KindServerChanged) && source(r) == "Edge 1"
		}},
		{"source", gatebook.EventFilter{Sources: []string{"edge-1"}}, func(r *events.Record) bool { return source(r) == "Edge 1" }},
		{"sources", gatebook.EventFilter{Sources: []string{"EDGE 2", "x"}}, func(r *events.Record) bool { return source(r) == "edge-2" }},
		{"sessions", gatebook.EventFilter{Sessions: []uint64{7, 3, 7, 999}}, func(r *events.Record) bool { return r.Session == 3 || r.Session == 7 }},
		{"all", gatebook.EventFilter{Sessions: []uint64{1, 2, 3, 4, 5}, Sources: []string{"edge-2"}, Kinds: []events.Kind{events.KindStatisticsRecorded}}, func(r *events.Record) bool {
			return r.Session > 0 && r.Session <= 5 && source(r) == "edge-2" && r.Event.Kind() == events.KindStatisticsRecorded
		}},
	} {
		for _, after := range []uint64{0, 100, head - 1, head} {
			var want []uint64
			for i := range all {
				if all[i].Sequence > after && c.want(&all[i]) {
					want = append(want, all[i].Sequence)
				}
			}
			if got := sequencesOf(t, r, after, c.only); !slices.Equal(got, want) {
				t.Errorf("%s after %d: got %v, want %v", c.name, after, got, want)
			}
		}
	}
}

// TestFollowedInPieces follows a log while it grows, leaving and coming back, over a
// restart too, and gets the log.
func TestFollowedInPieces(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	r := open(t, folder)
	s := start(t, r, "gateway")
	random := rand.New(rand.NewPCG(3, 4))
	var got []uint64
	feed := r.Feed(0, gatebook.EventFilter{})
	for round := range 300 {
		id := openSession(t, s)
		check(t, s.Record(t.Context(), id, &events.SessionClosed{Reason: events.ReasonClientClosed}))
		if round == 150 {
			check(t, r.Close())
			r = open(t, folder)
			s = start(t, r, "gateway")
			feed = r.Feed(feed.Position(), gatebook.EventFilter{})
		}
		switch random.IntN(4) {
		case 0:
			feed = r.Feed(feed.Position(), gatebook.EventFilter{})
			fallthrough
		case 1:
			check(t, feed.Wait(t.Context()))
			page, err := feed.Next(feed.Position() + 1 + random.Uint64N(9))
			check(t, err)
			for _, record := range page {
				got = append(got, record.Sequence)
			}
		}
	}
	for feed.Position() < r.Moment().Sequence {
		page, err := feed.Next(r.Moment().Sequence)
		check(t, err)
		for _, record := range page {
			got = append(got, record.Sequence)
		}
	}
	for i, sequence := range got {
		if sequence != uint64(i+1) {
			t.Fatalf("record %d in place %d", sequence, i+1)
		}
	}
	if uint64(len(got)) != r.Moment().Sequence {
		t.Errorf("%d of %d records", len(got), r.Moment().Sequence)
	}
}

func TestPendingKills(t *testing.T) {
	t.Parallel()
	r := reopen(t, abroad(t, 4), nil)
	ctx := t.Context()
	at := make(map[uint64]uint64)
	for _, id := range []uint64{3, 1, 2} {
		check(t, r.ScheduleKill(ctx, id, time.Now().Add(time.Hour), gatebook.Request{By: "ann"}))
		_, err := r.KillAll(already(ctx), []uint64{id}, gatebook.Request{By: "ann"})
		check(t, err)
		at[id] = r.Moment().Sequence
	}
	for _, c := range []struct {
		source string
		until  uint64
		want   []uint64
	}{
		{"EDGE 1", at[2], []uint64{3, 1, 2}},
		{"edge-1", at[1], []uint64{3, 1}},
		{"edge-2", at[2], nil},
	} {
		pending, err := r.Feed(c.until, gatebook.EventFilter{Sources: []string{c.source}}).Pending()
		check(t, err)
		var got []uint64
		for _, record := range pending {
			if record.Event.Kind() != events.KindKillRequested || record.Sequence != at[record.Session] {
				t.Errorf("got %+v", record)
			}
			got = append(got, record.Session)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("of %s until %d: got %v, want %v", c.source, c.until, got, c.want)
		}
	}
}

// already is a context that has ended: nothing is waited for.
func already(ctx context.Context) context.Context {
	ctx, stop := context.WithCancel(ctx)
	stop()
	return ctx
}
