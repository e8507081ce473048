package httpd_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
	"gatebook/projection"
)

// busyBook opens a registry with five live sessions and one that has ended, one second after
// the second observation of the first three. 1 waits, 2 and 3 are idle, 4 is observed by a
// source that does not know what it does, 5 is not observed.
func busyBook(t *testing.T, c *clock) (*gatebook.Registry, *gatebook.Source) {
	t.Helper()
	r := openBook(t, c)
	s := startSource(t, r, "edge-1")
	for i := range 6 {
		id := open(t, s, events.SessionOpened{Service: "orders"})
		check(t, s.Record(t.Context(), id, &events.ConnectionOpened{Connection: 1, Server: "db-1"}, &events.SessionReady{
			User: "ann", Database: fmt.Sprintf("db%d", i%2), Program: fmt.Sprintf("program %d", i%3),
		}))
		c.advance(time.Second)
	}
	check(t, s.Record(t.Context(), 6, &events.SessionClosed{Reason: events.ReasonClientClosed}))
	for n := range uint64(2) {
		sample := func(id, bytes uint64, doing projection.Activity) gatebook.Sample {
			return gatebook.Sample{
				Session: id, Counters: events.Counters{Reads: n * 3, BytesRead: n * bytes, BytesWritten: n * bytes},
				Active: c.time() - events.Time(id*1_000_000), Activity: doing, ActivitySince: c.time() - 500_000,
			}
		}
		s.Observe([]gatebook.Sample{
			sample(1, 300, projection.ActivityWaiting), sample(2, 100, projection.ActivityIdle), sample(3, 1000, projection.ActivityIdle),
			sample(4, 5000, projection.ActivityUnknown),
		})
		c.advance(time.Second)
	}
	return r, s
}

// What a live session is doing, since when and how fast its counters rise is shown where its
// source knows it, and filters and sorts live sessions.
func TestActivity(t *testing.T) {
	t.Parallel()
	c := newClock()
	registry, _ := busyBook(t, c)
	base, asker := "http://"+serve(t, httpd.Config{Registry: registry}), client(t)
	for target, want := range map[string]string{
		"/sessions?fields=id,activity,activity_since,rates": array(
			`{"id":1,"activity":"waiting","activity_since":"2016-08-31T03:03:18.500000Z","rates":{"reads":3,"writes":0,"bytes_read":300,"bytes_written":300}}`,
			`{"id":2,"activity":"idle","activity_since":"2016-08-31T03:03:18.500000Z","rates":{"reads":3,"writes":0,"bytes_read":100,"bytes_written":100}}`,
			`{"id":3,"activity":"idle","activity_since":"2016-08-31T03:03:18.500000Z","rates":{"reads":3,"writes":0,"bytes_read":1000,"bytes_written":1000}}`,
			`{"id":4,"activity":null,"activity_since":null,"rates":null}`,
			`{"id":5,"activity":null,"activity_since":null,"rates":null}`),
		"/sessions/6?fields=activity,activity_since,rates":                          `{"activity":null,"activity_since":null,"rates":null}`,
		"/sessions/1?fields=activity,activity_since,rates&at=3":                     `{"activity":null,"activity_since":null,"rates":null}`,
		"/sessions?fields=id,rates.bytes_read&activity=waiting":                     array(`{"id":1,"rates":{"bytes_read":300}}`),
		"/sessions?fields=id&activity=idle,waiting&status=all":                      ids(1, 2, 3),
		"/sessions?fields=id&activity=idle&user=ann":                                ids(2, 3),
		"/sessions?fields=id&activity=idle&status=closed":                           ids(),
		"/sessions?fields=id&database=db0":                                          ids(1, 3, 5),
		"/sessions?fields=id&database=db1&status=all":                               ids(2, 4, 6),
		"/sessions?fields=id&database=db0&program=program%200&program=program%201":  ids(1, 5),
		"/sessions?fields=id&program=program%202&status=closed":                     ids(6),
		"/sessions?fields=id&database=db":                                           ids(),
		"/sessions?fields=id&database=db1&at=19":                                    ids(2, 4, 6),
		"/sessions?fields=id&sort=opened":                                           ids(1, 2, 3, 4, 5),
		"/sessions?fields=id&sort=-opened":                                          ids(5, 4, 3, 2, 1),
		"/sessions?fields=id&sort=rate":                                             ids(2, 1, 3, 4, 5),
		"/sessions?fields=id&sort=-rate":                                            ids(3, 1, 2, 4, 5),
		"/sessions?fields=id&sort=idle":                                             ids(1, 2, 3, 5, 4),
		"/sessions?fields=id&sort=-idle":                                            ids(4, 3, 5, 2, 1),
		"/sessions?fields=id&sort=-rate&limit=2":                                    ids(3, 1),
		"/sessions?fields=id&sort=-rate&range=1-2":                                  ids(1, 2),
		"/sessions?fields=id&sort=-rate&activity=idle&count=true":                   ids(3, 2),
		"/sessions?fields=id&sort=opened&after=3":                                   ids(4, 5),
		"/sessions?fields=id&sort=-idle&range=9-9":                                  ids(),
		"/services/orders/sessions?fields=id&sort=-rate&limit=1&activity=idle":      ids(3),
		"/servers/db-1/sessions?fields=id&sort=-opened&limit=1&program=program%200": ids(4),
	} {
		if got := ask(t, asker, "GET", base+target); got.status != 200 || got.body != want+"\n" {
			t.Errorf("%s: got %d %s\nwant %s", target, got.status, got.body, want)
		}
	}
	if got := ask(t, asker, "GET", base+"/sessions?fields=id,rates&activity=waiting", "Accept: text/csv"); got.body != "id,rates.reads,rates.writes,rates.bytes_read,rates.bytes_written\r\n1,3,0,300,300\r\n" {
		t.Errorf("as CSV: got %q", got.body)
	}
	if got := ask(t, asker, "GET", base+"/sessions?sort=-rate&activity=idle"); got.header.Get("X-Total-Count") != "2" {
		t.Errorf("the total is %q", got.header.Get("X-Total-Count"))
	}
	c.advance(time.Minute) // nobody observes them any more: they rest
	if got := ask(t, asker, "GET", base+"/sessions/1?fields=rates.bytes_read"); got.body != `{"rates":{"bytes_read":0}}`+"\n" {
		t.Errorf("rates of a minute ago: got %s", got.body)
	}
}

// Observations change the entity tags of what shows them.
func TestActivityIsNoRecord(t *testing.T) {
	t.Parallel()
	c := newClock()
	registry, s := busyBook(t, c)
	base, asker := "http://"+serve(t, httpd.Config{Registry: registry}), client(t)
	targets := []string{
		"/sessions/1?fields=activity", "/sessions/1?fields=rates.reads", "/sessions?fields=id,activity_since",
		"/sessions?fields=id&sort=-rate", "/sessions?fields=id&sort=idle", "/sessions?fields=id&activity=idle",
	}
	tags := make(map[string]string)
	for _, target := range targets {
		tags[target] = ask(t, asker, "GET", base+target).header.Get("Etag")
	}
	s.Observe([]gatebook.Sample{{Session: 1, Activity: projection.ActivityIdle, ActivitySince: c.time()}})
	for _, target := range targets {
		if got := ask(t, asker, "GET", base+target, "If-None-Match: "+tags[target]); tags[target] == "" || got.status != 200 {
			t.Errorf("%s: got %d for the tag %q of before", target, got.status, tags[target])
		}
	}
}

// What only live sessions have cannot be asked of others.
func TestActivityIsOfLiveSessions(t *testing.T) {
	t.Parallel()
	base, asker := "http://"+serve(t, httpd.Config{Registry: fillBook(t, newClock())}), client(t)
	for target, want := range map[string]string{
		"/sessions?sort=rate&status=all":    "sort=rate orders live sessions alone: give status=live.",
		"/sessions?sort=-opened&since=24h":  "sort=-opened orders live sessions alone: give status=live.",
		"/sessions?sort=idle&at=3":          "sort=idle does not go with at: it orders sessions by what is observed now.",
		"/sessions?activity=idle&at=3":      "activity does not go with at: what a session is doing is observed now, and not recorded.",
		"/sessions?activity=busy":           "activity=busy is not known: it is idle or waiting.",
		"/sessions?activity=idle&activity=": "activity= is not known: it is idle or waiting.",
		"/sessions?sort=rate&after=99":      "after=99 names no session in the book.",
		"/sessions?sort=rate&after=2~x~1":   "after=2~x~1 cannot be read: it is the id of a session, or the sequence of a record, after which to begin, in digits alone, without leading zeros, or what the header Link has there.",
		"/sessions?sort=rate&after=2~1":     "after=2~1 cannot be read: it is the id of a session, or the sequence of a record, after which to begin, in digits alone, without leading zeros, or what the header Link has there.",
		"/sessions?sort=rate&after=2~1~0":   "after=2~1~0 cannot be read: it is the id of a session, or the sequence of a record, after which to begin, in digits alone, without leading zeros, or what the header Link has there.",
		"/events?after=2~1~1":               "after is the sequence of a record here, not a place in a list of sessions.",
	} {
		if got := ask(t, asker, "GET", base+target); got.status != 400 || got.body != refused("Invalid parameter", want)+"\n" {
			t.Errorf("%s: got %d %s", target, got.status, got.body)
		}
	}
}

// ids returns the body of a list of these ids.
func ids(all ...int) string {
	texts := make([]string, len(all))
	for i, id := range all {
		texts[i] = fmt.Sprintf(`{"id":%d}`, id)
	}
	return array(texts...)
}

// linked matches the header that leads to the next page.
var linked = regexp.MustCompile(`^<(.*)>; rel="next"$`)

// pages follows the pages of a list and returns their bodies. between is called after each.
func pages(t *testing.T, base, target string, between func(page int)) (all []string) {
	t.Helper()
	asker := client(t)
	for page := 1; ; page++ {
		got := ask(t, asker, "GET", base+target)
		if got.status != 200 {
			t.Fatalf("%s: got %d %s", target, got.status, got.body)
		}
		all = append(all, strings.TrimSpace(got.body))
		next := linked.FindStringSubmatch(got.header.Get("Link"))
		if next == nil {
			return all
		}
		target = next[1]
		between(page)
	}
}

// A page begins where the one before ended, whatever has ended or has become busy meanwhile.
func TestPagesKeepTheirPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		target string
		end    []uint64 // sessions that end after the first page
		want   []string
	}{
		"latest end first":          {"/sessions?status=all&sort=-ended", []uint64{2}, []string{ids(1, 2), ids(3, 4), ids(5, 6)}},
		"end":                       {"/sessions?status=all&sort=ended", []uint64{2}, []string{ids(1, 2), ids(3, 4), ids(5, 6)}},
		"later ones end":            {"/sessions?status=all&sort=ended", []uint64{2, 4, 6}, []string{ids(1, 2), ids(3, 4), ids(5, 6)}},
		"later ones, latest first":  {"/sessions?status=all&sort=-ended", []uint64{2, 4, 6}, []string{ids(1, 2), ids(3, 4), ids(5, 6)}},
		"those before it end":       {"/sessions?status=all&sort=-ended", []uint64{1, 2}, []string{ids(1, 2), ids(3, 4), ids(5, 6)}},
		"by id":                     {"/sessions?status=all", []uint64{2, 4}, []string{ids(1, 2), ids(3, 4), ids(5, 6)}},
		"opened":                    {"/sessions?sort=-opened", []uint64{5, 2}, []string{ids(6, 5), ids(4, 3), ids(1)}},
		"with a total":              {"/sessions?status=all&sort=-ended&user=&count=true", []uint64{2, 4}, []string{ids(1, 2), ids(3, 4), ids(5, 6)}},
		"live ones alone, by end":   {"/sessions?sort=ended", []uint64{2, 4}, []string{ids(1, 2), ids(3, 5), ids(6)}},
		"in a filter, latest first": {"/sessions?status=all&sort=-ended&service=orders", []uint64{2, 3}, []string{ids(1, 2), ids(3, 4), ids(5, 6)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			registry := openBook(t, clock)
			s := startSource(t, registry, "edge-1")
			for range 6 {
				open(t, s, events.SessionOpened{Service: "orders"})
				clock.advance(time.Second)
			}
			base := "http://" + serve(t, httpd.Config{Registry: registry})
			got := pages(t, base, c.target+"&limit=2&fields=id", func(page int) {
				for i := 0; page == 1 && i < len(c.end); i++ {
					clock.advance(time.Second)
					check(t, s.Record(t.Context(), c.end[i], &events.SessionClosed{Reason: events.ReasonClientClosed}))
				}
			})
			if strings.Join(got, " ") != strings.Join(c.want, " ") {
				t.Errorf("got  %s\nwant %s", strings.Join(got, " "), strings.Join(c.want, " "))
			}
		})
	}
}

// A time without a registry is shown in each element of an answer, and in CSV, and a lost
// session has the time at which its loss was recorded.
func TestGapIsInTheBody(t *testing.T) {
	t.Parallel()
	c := newClock()
	past := []events.Record{
		{Event: &events.SourceStarted{Source: "edge-0", Incarnation: "1"}},
		{Session: 1, Event: &events.SessionOpened{Source: "edge-0", Incarnation: "1", Service: "orders"}},
		{Session: 1, Event: &events.ConnectionOpened{Connection: 1, Server: "db-1"}},
	}
	disk := diskOf(t, c, past...)
	c.advance(time.Hour)
	base, asker := "http://"+serve(t, httpd.Config{Registry: openDisk(t, c, disk)}), client(t)
	c.advance(time.Minute)
	const gap = `"at_gap":"2016-08-31T03:03:12.000000Z/2016-08-31T04:03:12.000000Z"`
	for target, want := range map[string]string{
		"/sessions?fields=id,status&at=2016-08-31T03:30:00Z":                 array(`{"id":1,"status":"live",` + gap + `}`),
		"/sessions/1?fields=status&at=2016-08-31T03:30:00Z":                  `{"status":"live",` + gap + `}`,
		"/sessions/1?fields=status,at_gap&at=2016-08-31T03:30:00Z":           `{"status":"live",` + gap + `}`,
		"/sessions/1/connections?fields=server&at=2016-08-31T03:30:00Z":      array(`{"server":"/servers/db-1",` + gap + `}`),
		"/sessions?fields=id,status,at_gap&at=3":                             array(`{"id":1,"status":"live","at_gap":null}`),
		"/sessions/1?fields=status&at=3":                                     `{"status":"live"}`,
		"/sessions/1?fields=ended,last_seen,lost_at":                         `{"ended":"2016-08-31T03:03:12.000000Z","last_seen":"2016-08-31T03:03:12.000000Z","lost_at":"2016-08-31T04:03:12.000000Z"}`,
		"/sessions/1?fields=lost_at&at=3":                                    `{"lost_at":null}`,
		"/services/orders/sessions?fields=id,status&at=2016-08-31T03:30:00Z": array(`{"id":1,"status":"live",` + gap + `}`),
	} {
		if got := ask(t, asker, "GET", base+target); got.status != 200 || got.body != want+"\n" {
			t.Errorf("%s: got %d %s\nwant %s", target, got.status, got.body, want)
		}
	}
	got := ask(t, asker, "GET", base+"/sessions?at=2016-08-31T03:30:00Z", "Accept: text/csv")
	if !strings.Contains(got.body, "idle,closed,reason,at_gap\r\n") || !strings.Contains(got.body, ",2016-08-31T03:03:12.000000Z/2016-08-31T04:03:12.000000Z\r\n") {
		t.Errorf("as CSV: got %q", got.body)
	}
	if got := ask(t, asker, "GET", base+"/sessions?at=2016-08-31T03:30:00Z"); !strings.Contains(got.body, `"idle":1608,`+gap+"}") {
		t.Errorf("the usual members: got %s", got.body)
	}
}
