package httpd_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
)

// TestConditionalReading reads, with conditions, a session whose last change was record 12,
// at 03:03:12, nine minutes ago.
func TestConditionalReading(t *testing.T) {
	t.Parallel()
	c := newClock()
	base := "http://" + serve(t, httpd.Config{Registry: fillBook(t, c)})
	asker := client(t)
	const changed, before, after = "Wed, 31 Aug 2016 03:03:12 GMT", "Wed, 31 Aug 2016 03:03:11 GMT", "Wed, 31 Aug 2016 03:03:13 GMT"
	for _, test := range []struct {
		name   string
		header []string
		status int
	}{
		{"the tag", []string{`If-None-Match: "12"`}, 304},
		{"the tag, weak", []string{`If-None-Match: W/"12"`}, 304},
		{"another", []string{`If-None-Match: "11"`}, 200},
		{"one of many", []string{`If-None-Match: "10", W/"a,b" ,, "12"`}, 304},
		{"one of many lines", []string{`If-None-Match: "10"`, `If-None-Match: "12"`}, 304},
		{"anything", []string{"If-None-Match: *"}, 304},
		{"another form's", []string{`If-None-Match: "12;csv"`}, 200},
		{"the compressed form's, which is not wanted", []string{`If-None-Match: "12;gzip"`}, 200},
		{"the compressed form's", []string{`If-None-Match: "12;gzip"`, "Accept-Encoding: gzip"}, 304},
		{"without quotes", []string{"If-None-Match: 12"}, 200},
		{"without its last quote", []string{`If-None-Match: "12`}, 200},
		{"with a small w", []string{`If-None-Match: w/"12"`}, 200},
		{"after what is no tag", []string{`If-None-Match: 10, "12"`}, 200},
		{"before what is no tag", []string{`If-None-Match: "12", 10`}, 304},
		{"two without a comma", []string{`If-None-Match: "12" "10"`}, 304},
		{"of nothing", []string{"If-None-Match: "}, 200},

		{"since then", []string{"If-Modified-Since: " + changed}, 304},
		{"since later", []string{"If-Modified-Since: " + after}, 304},
		{"since before", []string{"If-Modified-Since: " + before}, 200},
		{"since then, as RFC 850 has it", []string{"If-Modified-Since: Wednesday, 31-Aug-16 03:03:12 GMT"}, 304},
		{"since then, as C has it", []string{"If-Modified-Since: Wed Aug 31 03:03:12 2016"}, 304},
		{"since no date", []string{"If-Modified-Since: yesterday"}, 200},
		{"since two dates", []string{"If-Modified-Since: " + changed, "If-Modified-Since: " + changed}, 200},
		{"the tag decides: not changed", []string{`If-None-Match: "12"`, "If-Modified-Since: " + before}, 304},
		{"the tag decides: changed", []string{`If-None-Match: "11"`, "If-Modified-Since: " + changed}, 200},

		{"as it is", []string{`If-Match: "12"`}, 200},
		{"as it is, in any form", []string{`If-Match: "12;csv;gzip"`}, 200},
		{"as it was", []string{`If-Match: "11"`}, 412},
		{"one of many it may be", []string{`If-Match: "11", "12"`}, 200},
		{"anything it may be", []string{"If-Match: *"}, 200},
		{"as it is, weak", []string{`If-Match: W/"12"`}, 412},
		{"as it is, without quotes", []string{"If-Match: 12"}, 412},
		{"as a longer number", []string{`If-Match: "123"`}, 412},
		{"unmodified since then", []string{"If-Unmodified-Since: " + changed}, 200},
		{"unmodified since before", []string{"If-Unmodified-Since: " + before}, 412},
		{"unmodified since no date", []string{"If-Unmodified-Since: never"}, 200},
		{"the tag decides: as it is", []string{`If-Match: "12"`, "If-Unmodified-Since: " + before}, 200},
		{"the tag decides: as it was", []string{`If-Match: "11"`, "If-Unmodified-Since: " + changed}, 412},
		{"as it is, and known", []string{`If-Match: "12"`, `If-None-Match: "12"`}, 304},
		{"as it was, and known", []string{`If-Match: "11"`, `If-None-Match: "12"`}, 412},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			got := ask(t, asker, method, base+"/sessions/2", test.header...)
			if got.status != test.status {
				t.Errorf("%s: %s %v: got %d %s", test.name, method, test.header, got.status, got.body)
			}
			if got.status == http.StatusPreconditionFailed && method == "GET" {
				want := `"description":"The condition If-`
				if !strings.Contains(got.body, want) || !strings.Contains(got.body, `the entity tag is \"12\" now, and the last change was on `+changed+". Nothing was done.") {
					t.Errorf("%s: it says %s", test.name, got.body)
				}
			}
			if got.status == http.StatusNotModified {
				if got.body != "" || got.header.Get("Content-Type") != "" || got.header.Get("Last-Modified") != "" || got.header.Get("Gatebook-Sequence") != "16" {
					t.Errorf("%s: got %+v", test.name, got)
				}
				// RFC 9110, 15.4.5 asks for these.
				if got.header.Get("Etag") == "" || got.header.Get("Vary") != "Accept, Accept-Encoding" || got.header.Get("Date") == "" || got.header.Get("Cache-Control") == "" {
					t.Errorf("%s: headers are missing: %v", test.name, got.header)
				}
			}
		}
	}
	// A refused request and a missing thing have the same answer under any condition.
	for target, want := range map[string]int{"/sessions/42": 404, "/sessions/2?x=1": 400, "/nothing": 404} {
		if got := ask(t, asker, "GET", base+target, `If-Match: "1"`, "If-None-Match: *"); got.status != want {
			t.Errorf("%s: got %d", target, got.status)
		}
	}
	if got := ask(t, asker, "OPTIONS", base+"/sessions/2", `If-Match: "1"`); got.status != 204 {
		t.Errorf("OPTIONS: got %d", got.status)
	}
}

// A state may change again in the second of its last change, so its date does not identify
// it yet.
func TestNotModifiedInTheSameSecond(t *testing.T) {
	t.Parallel()
	c := newClock()
	registry := openBook(t, c)
	open(t, startSource(t, registry, "edge-1"), events.SessionOpened{Service: "orders"})
	base := "http://" + serve(t, httpd.Config{Registry: registry})
	asker := client(t)
	for _, target := range []string{"/sessions/1", "/sessions", "/services", "/services/orders", "/sources/edge-1"} {
		got := ask(t, asker, "GET", base+target)
		modified, tag := got.header.Get("Last-Modified"), got.header.Get("ETag")
		if got := ask(t, asker, "GET", base+target, "If-Modified-Since: "+modified); got.status != 200 {
			t.Errorf("%s in the same second: got %d", target, got.status)
		}
		if got := ask(t, asker, "GET", base+target, "If-None-Match: "+tag); got.status != 304 {
			t.Errorf("%s by its tag: got %d", target, got.status)
		}
	}
	c.advance(time.Second)
	got := ask(t, asker, "GET", base+"/sessions/1", "If-Modified-Since: Wed, 31 Aug 2016 03:03:12 GMT")
	if got.status != 304 {
		t.Errorf("a second later: got %d", got.status)
	}
	// A clock that was set back does not lead to dates in the future.
	c.advance(-2 * time.Second)
	if got := ask(t, asker, "GET", base+"/sessions/1"); got.header.Get("Last-Modified") != "Wed, 31 Aug 2016 03:03:11 GMT" {
		t.Errorf("a second before: got %v", got.header)
	}
}

// TestTagsMove changes one thing after the other, and compares which tags change.
func TestTagsMove(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	s := startSource(t, registry, "edge-1")
	check(t, s.DeclareService(t.Context(), events.ServiceDeclared{Name: "orders", Servers: []string{"db-1"}}))
	first := open(t, s, events.SessionOpened{Service: "orders"})
	open(t, s, events.SessionOpened{Service: "bills"})
	open(t, startSource(t, registry, "edge-2"), events.SessionOpened{Service: "stock"})
	base := "http://" + serve(t, httpd.Config{Registry: registry})
	asker := client(t)
	targets := []string{
		"/sessions", "/sessions?status=all", "/sessions/1", "/sessions/2", "/sessions/1/connections", "/sessions/1?fields=statistics",
		"/sessions?fields=statistics", "/services", "/services/orders", "/services/bills", "/servers", "/servers/db-1", "/sources", "/sources/edge-1",
		"/services/orders/sessions", "/services/bills/sessions", "/servers/db-1/sessions", "/sessions?source=edge-1", "/sessions?source=edge-2",
		"/sessions?service=bills&user=jdoe&status=all",
	}
	tags := func() map[string]string {
		all := make(map[string]string)
		for _, target := range targets {
			all[target] = ask(t, asker, "GET", base+target).header.Get("ETag")
		}
		return all
	}
	before := tags()
	for _, step := range []struct {
		name  string
		do    func() error
		moves string
	}{
		{"nothing", func() error { return nil }, ""},
		{
			"a login", func() error { return s.Record(t.Context(), first, &events.SessionReady{User: "jdoe"}) },
			"/sessions /sessions?status=all /sessions/1 /sessions/1/connections /sessions/1?fields=statistics /sessions?fields=statistics " +
				"/services/orders/sessions /sessions?source=edge-1",
		},
		{"a connection", func() error {
			return s.Record(t.Context(), first, &events.ConnectionOpened{Connection: 1, Server: "db-1"})
		}, "/sessions /sessions?status=all /sessions/1 /sessions/1/connections /sessions/1?fields=statistics /sessions?fields=statistics /servers /servers/db-1 " +
			"/services/orders/sessions /servers/db-1/sessions /sessions?source=edge-1"},
		{"an observation", func() error {
			s.Observe([]gatebook.Sample{{Session: first, Counters: events.Counters{Reads: 1}}})
			return nil
		}, "/sessions/1/connections /sessions/1?fields=statistics /sessions?fields=statistics"},
		{"a server down", func() error {
			return s.ServerChanged(t.Context(), events.ServerChanged{Name: "db-1", State: events.ServerDown})
		}, "/servers /servers/db-1"},
		{
			"an end", func() error {
				return s.Record(t.Context(), first, &events.SessionClosed{Reason: events.ReasonClientClosed})
			},
			"/sessions /sessions?status=all /sessions/1 /sessions/1/connections /sessions/1?fields=statistics /sessions?fields=statistics /services /services/orders /servers /servers/db-1 " +
				"/services/orders/sessions /servers/db-1/sessions /sessions?source=edge-1",
		},
		{
			"the source's end", func() error { return s.Stop(t.Context()) },
			"/sessions /sessions?status=all /sessions/2 /sessions?fields=statistics /services /services/orders /services/bills /sources /sources/edge-1 " +
				"/services/bills/sessions /sessions?source=edge-1 /sessions?service=bills&user=jdoe&status=all",
		},
	} {
		check(t, step.do())
		after := tags()
		var moved []string
		for _, target := range targets {
			if after[target] != before[target] {
				moved = append(moved, target)
			}
		}
		if got := strings.Join(moved, " "); got != step.moves {
			t.Errorf("%s moved\n%s, and should have moved\n%s", step.name, got, step.moves)
		}
		before = after
	}
}

// TestConditionalChange requests changes with conditions that do not hold, and then with one
// that does.
func TestConditionalChange(t *testing.T) {
	t.Parallel()
	c := newClock()
	registry := fillBook(t, c)
	base := "http://" + serve(t, httpd.Config{Registry: registry, KillWait: 1})
	asker := client(t)
	for _, change := range []struct {
		method, target, tag string
		status              int
		// later is the status when the request is repeated.
		later int
	}{
		{"PUT", "/services/my-service/stop", `"16"`, 204, 412},
		{"DELETE", "/sessions/2", `"12"`, 202, 412},
	} {
		for _, header := range []string{
			`If-Match: "11"`, "If-Match: W/" + change.tag, "If-None-Match: *", "If-None-Match: " + change.tag,
			"If-Unmodified-Since: Wed, 31 Aug 2016 03:03:11 GMT",
		} {
			sequence := registry.Moment().Sequence
			got := ask(t, asker, change.method, base+change.target, header)
			if got.status != 412 || !strings.HasPrefix(got.body, `{"error":"Precondition failed",`) {
				t.Errorf("%s %s %s: got %+v", change.method, change.target, header, got)
			}
			if registry.Moment().Sequence != sequence {
				t.Errorf("%s %s %s: something was recorded", change.method, change.target, header)
			}
		}
		if got := ask(t, asker, change.method, base+change.target, "If-Match: "+change.tag); got.status != change.status {
			t.Errorf("%s %s: got %+v", change.method, change.target, got)
		}
		if got := ask(t, asker, change.method, base+change.target, "If-Match: "+change.tag); got.status != change.later {
			t.Errorf("%s %s again: got %+v", change.method, change.target, got)
		}
	}
	// An impossible request is refused for that reason, under any conditions.
	for target, want := range map[string]int{"/sessions/4": 409, "/sessions/42": 404, "/sessions/3?x=1": 400} {
		if got := ask(t, asker, "DELETE", base+target, `If-Match: "1"`); got.status != want {
			t.Errorf("DELETE %s: got %d", target, got.status)
		}
	}
}

// Changes of other services do not keep a client from ending the sessions of a service that
// have not changed since it has listed them.
func TestConditionalKillOfService(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	source := startSource(t, registry, "edge-1")
	seen := open(t, source, events.SessionOpened{Service: "orders"})
	other := open(t, source, events.SessionOpened{Service: "bills"})
	base := "http://" + serve(t, httpd.Config{Registry: registry, KillWait: 1})
	asker := client(t)
	target := base + "/services/orders/sessions"
	tag := ask(t, asker, "GET", target).header.Get("ETag")
	check(t, source.Record(t.Context(), other, &events.SessionReady{User: "ann"}))
	open(t, source, events.SessionOpened{Service: "stock"})
	if got := ask(t, asker, "GET", target, "If-None-Match: "+tag); got.status != 304 {
		t.Errorf("read again: got %d, %v", got.status, got.header)
	}
	check(t, source.Record(t.Context(), seen, &events.SessionReady{User: "ann"}))
	if got := ask(t, asker, "DELETE", target, "If-Match: "+tag); got.status != 412 {
		t.Errorf("with the tag from before a login: got %+v", got)
	}
	tag = ask(t, asker, "GET", target).header.Get("ETag")
	check(t, source.Record(t.Context(), other, &events.SessionReady{User: "bob"}))
	if got := ask(t, asker, "DELETE", target, "If-Match: "+tag); got.status != 200 || got.body != `{"closed":0,"pending":1,"left_running":[]}`+"\n" {
		t.Errorf("as it was seen: got %+v", got)
	}
	if got := ask(t, asker, "DELETE", base+"/services/nothing/sessions", `If-Match: "1"`); got.status != 404 {
		t.Errorf("a service that is not there: got %+v", got)
	}
}
