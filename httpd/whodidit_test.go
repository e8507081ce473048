package httpd_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"gatebook/events"
	"gatebook/httpd"
)

// An administrator who reports as a source leaves the account's name in the server's log, once
// for each incarnation. A source that reports as itself does not.
func TestAdminReportsAsSource(t *testing.T) {
	t.Parallel()
	p := newTestAccounts(t)
	var log written
	base := "http://" + serve(t, httpd.Config{Registry: openBook(t, newClock()), Accounts: p.gate, Logger: zerolog.New(&log)})
	send := func(source, incarnation string, headers ...string) {
		t.Helper()
		got := post(t, client(t), base+"/events", "application/json", `{"source":"`+source+`","incarnation":"`+incarnation+`"}`, headers...)
		if got.status != http.StatusOK {
			t.Fatalf("got %d %s", got.status, got.body)
		}
	}
	for range 3 {
		send("edge-9", "a", basic("ann", annsPassword))
		send("edge-1", "a", "Authorization: Bearer "+p.tokenOf)
	}
	send("edge-9", "b", basic("ann", annsPassword))
	const line = `"message":"an account reports as a source of another name"`
	if n := strings.Count(log.String(), line); n != 2 || !strings.Contains(log.String(), `"account":"ann"`) || !strings.Contains(log.String(), `"source":"edge-9","incarnation":"b"`) {
		t.Errorf("%d lines in %s", n, log.String())
	}
}

// An administrator who reports as a source is on the record, from then on until the source
// reports by itself again. What was reported by then is what the account reported.
func TestAccountOfReportIsRecorded(t *testing.T) {
	t.Parallel()
	p := newTestAccounts(t)
	base := "http://" + serve(t, httpd.Config{Registry: openBook(t, newClock()), Accounts: p.gate})
	own, anns := "Authorization: Bearer "+p.tokenOf, basic("ann", annsPassword)
	for i, login := range []string{own, own, anns, anns, own} {
		body := fmt.Sprintf(`{"source":"edge-1","incarnation":"a","number":%d,"events":[{"kind":"session_opened","key":"c-%d","service":"orders"}]}`, i+1, i)
		if got := post(t, client(t), base+"/events", "application/json", body, login); got.status != http.StatusOK {
			t.Fatalf("got %d %s", got.status, got.body)
		}
		// Sent again, it changes nothing, whoever sends it.
		post(t, client(t), base+"/events", "application/json", body, anns)
		want := "null"
		if login == anns {
			want = `"ann"`
		}
		if got := ask(t, client(t), "GET", base+"/sources/edge-1?fields=account", anns).body; got != `{"account":`+want+"}\n" {
			t.Errorf("after report %d: got %s", i+1, got)
		}
	}
	feed := ask(t, client(t), "GET", base+"/events?source=edge-1&kind=source_started,session_opened", anns, "Accept: application/x-ndjson").body
	var kinds []string
	for _, line := range strings.Split(feed, "\n") {
		switch {
		case strings.Contains(line, `"account":"ann"`):
			kinds = append(kinds, "ann")
		case strings.Contains(line, `"account":null`):
			kinds = append(kinds, "edge-1")
		case strings.Contains(line, "session_opened"):
			kinds = append(kinds, "opened")
		}
	}
	if got := strings.Join(kinds, " "); got != "edge-1 opened opened ann opened opened edge-1 opened" {
		t.Errorf("recorded are %s, in\n%s", got, feed)
	}
}

// The name that a source gives for who ended a session is marked with the source, unless the
// book has it as the one that requested the end.
func TestByOfSourceIsMarked(t *testing.T) {
	t.Parallel()
	base := "http://" + serve(t, httpd.Config{Registry: openBook(t, newClock()), KillWait: time.Millisecond})
	report(t, base, "a", `{"kind":"session_opened","key":"c-1","service":"orders"}`, `{"kind":"session_opened","key":"c-2","service":"orders"}`,
		`{"kind":"session_opened","key":"c-3","service":"orders"}`, `{"kind":"session_closed","key":"c-3","reason":"killed","by":"ann"}`)
	ask(t, client(t), http.MethodDelete, base+"/sessions/2")
	for range 2 { // sent again, it is the same
		report(t, base, "a", `{"kind":"session_closed","key":"c-1","reason":"killed","by":"ann"}`,
			`{"kind":"session_closed","key":"c-2","reason":"killed","by":"anonymous@127.0.0.1"}`)
	}
	want := array(`{"id":1,"by":"edge-1: ann"}`, `{"id":2,"by":"anonymous@127.0.0.1"}`, `{"id":3,"by":"edge-1: ann"}`) + "\n"
	if got := ask(t, client(t), "GET", base+"/sessions?status=closed&fields=id,by").body; got != want {
		t.Errorf("got %s", got)
	}
	if got := ask(t, client(t), "GET", base+"/sessions?status=closed&by=ann").body; got != "[]\n" {
		t.Errorf("by the name alone: got %s", got)
	}
}

// A source cannot replace what another source that runs has declared. It can declare the
// same, and anything once the other is gone.
func TestDeclarationsAreTheirSources(t *testing.T) {
	t.Parallel()
	c := newClock()
	registry := openBook(t, c)
	base := "http://" + serve(t, httpd.Config{Registry: registry})
	send := func(source string, status int, event, says string) {
		t.Helper()
		body := `{"source":"` + source + `","incarnation":"a","lease":"2s","events":[` + event + `]}`
		if got := post(t, client(t), base+"/events", "application/json", body); got.status != status || !strings.Contains(got.body, says) {
			t.Errorf("%s, %s: got %d %s", source, event, got.status, got.body)
		}
	}
	const service, server = `{"kind":"service_declared","name":"orders","servers":["db-1"]}`, `{"kind":"server_declared","name":"db-1","address":"10.0.0.1"}`
	send("edge-1", 200, service, "")
	send("edge-1", 200, server, "")
	send("edge-2", 200, service, "")
	send("edge-2", 200, server, "")
	if got := ask(t, client(t), "GET", base+"/services/orders").body; !strings.Contains(got, `"servers":["/servers/db-1"]`) {
		t.Errorf("the service is %s", got)
	}
	send("edge-2", 422, `{"kind":"service_declared","name":"orders","servers":["evil"]}`, `the service \"orders\" is declared by source \"edge-1\", which runs`)
	send("edge-2", 422, `{"kind":"server_declared","name":"db-1","address":"10.9.9.9"}`, `the server \"db-1\" is declared by source \"edge-1\", which runs`)
	if got := ask(t, client(t), "GET", base+"/servers/db-1").body; !strings.Contains(got, `"address":"10.0.0.1"`) {
		t.Errorf("the server is %s", got)
	}
	c.advance(time.Minute)
	waitUntil(t, "the sources are lost", func() bool {
		v, _, err := registry.Source("edge-1")
		return err == nil && v.State != 0
	})
	send("edge-2", 200, `{"kind":"server_declared","name":"db-1","address":"10.9.9.9"}`, "")
}

// Of the services that sources outside declare the first hundred have metrics of their own.
func TestServicesOutsideHaveFewLabels(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	s := startSource(t, registry, "gateway")
	base := "http://" + serve(t, httpd.Config{Registry: registry})
	var list []string
	for i := range 1000 {
		list = append(list, fmt.Sprintf(`{"kind":"service_declared","name":"s-%d","protocol":"tcp"}`, i), fmt.Sprintf(`{"kind":"session_opened","key":"k-%d","service":"s-%d"}`, i, i))
	}
	report(t, base, "a", list...)
	check(t, s.DeclareService(t.Context(), events.ServiceDeclared{Name: "orders", Protocol: "mysql"}))
	text := ask(t, client(t), "GET", base+"/metrics").body
	if n := strings.Count(text, "gatebook_service_sessions_total{"); n != 102 {
		t.Errorf("%d services have metrics", n)
	}
	for _, line := range []string{`gatebook_service_sessions_total{service=""} 900`, `gatebook_service_sessions_total{service="s-99"} 1`, `gatebook_service_sessions_total{service="orders"} 0`} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("%s is not there", line)
		}
	}
}
