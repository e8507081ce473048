package gatebook_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/projection"
)

// TestTally: what is recorded is counted from the opening on; what is replayed is not,
// and what is settled is. Commits are heard of with all their records.
func TestTally(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	var heard, commits atomic.Int64
	options := gatebook.Options{Committed: func(records int, took time.Duration) {
		if records <= 0 || took <= 0 {
			t.Errorf("a commit of %d records took %s", records, took)
		}
		heard.Add(int64(records))
		commits.Add(1)
	}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	r, err := gatebook.Open(t.Context(), folder, options)
	must(err)
	source, err := r.StartSource(t.Context(), gatebook.SourceOptions{Name: "gateway"})
	must(err)
	var ids [3]uint64
	for i := range ids {
		ids[i], err = source.Open(t.Context(), events.SessionOpened{Service: "Orders", Address: "127.0.0.1"})
		must(err)
	}
	must(source.Record(t.Context(), ids[1], &events.SessionReady{User: "jdoe"}))
	want := projection.LiveCounts{projection.Accepted: 2, projection.Routing: 1}
	if got := r.Stats().Live; len(got) != 1 || got["Orders"] != want {
		t.Errorf("live are %v, want %v of Orders", got, want)
	}
	must(source.Record(t.Context(), ids[0], &events.SessionClosed{Reason: events.ReasonClientClosed}))
	if got := r.Stats(); len(got.Ended) != 1 || got.Ended[events.ReasonClientClosed] != 1 || got.Kills != 0 {
		t.Errorf("counted are %+v", got)
	}
	if n := uint64(heard.Load()); n != r.Moment().Sequence || commits.Load() == 0 {
		t.Errorf("heard of %d records, the log has %d", n, r.Moment().Sequence)
	}
	must(r.Close())

	r, err = gatebook.Open(t.Context(), folder, options)
	must(err)
	if got := r.Stats(); len(got.Ended) != 0 || len(r.Stats().Live) != 0 {
		t.Errorf("after opening it again, counted are %+v, live %v", got, r.Stats().Live)
	}
	must(r.Close())
}
