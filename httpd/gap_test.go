package httpd_test

import (
	"testing"
	"time"

	"gatebook/events"
	"gatebook/httpd"
)

// The feed shows each gap in which a source could not record, and the source shows the sum
// of its gaps and the time of the last one.
func TestGapIsShown(t *testing.T) {
	t.Parallel()
	c := newClock()
	r := openBook(t, c)
	s := startSource(t, r, "edge-1")
	at := func(minutes time.Duration) events.Time { return events.TimeOf(c.Now().Add(minutes * time.Minute)) }
	check(t, s.RecordGap(t.Context(), events.RecordingGap{Sessions: 3, Events: 5, From: at(-9), Until: at(-8)}))
	check(t, s.RecordGap(t.Context(), events.RecordingGap{Sessions: 1, Events: 2, From: at(-2), Until: at(-1)}))
	base, asker := "http://"+serve(t, httpd.Config{Registry: r}), client(t)
	for target, want := range map[string]string{
		"/sources/edge-1?fields=unrecorded,unrecorded_events,gap_from,gap_until": `{"unrecorded":4,"unrecorded_events":7,"gap_from":"2016-08-31T03:01:12.000000Z","gap_until":"2016-08-31T03:02:12.000000Z"}`,
		"/events?kind=recording_gap": array(
			`{"sequence":2,"time":"2016-08-31T03:03:12.000000Z","occurred":null,"kind":"recording_gap","session":null,"source":"edge-1","sessions":3,"events":5,"from":"2016-08-31T02:54:12.000000Z","until":"2016-08-31T02:55:12.000000Z"}`,
			`{"sequence":3,"time":"2016-08-31T03:03:12.000000Z","occurred":null,"kind":"recording_gap","session":null,"source":"edge-1","sessions":1,"events":2,"from":"2016-08-31T03:01:12.000000Z","until":"2016-08-31T03:02:12.000000Z"}`),
	} {
		if got := ask(t, asker, "GET", base+target); got.body != want+"\n" {
			t.Errorf("%s: got %s\nwant %s", target, got.body, want)
		}
	}
}
