package httpd_test

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
	"gatebook/httpd/telemetry"
)

// TestMetrics compares the metrics with what has happened, and has Prometheus' own checker
// look at their names.
func TestMetrics(t *testing.T) {
	t.Parallel()
	metrics := telemetry.NewMetrics()
	metrics.CountPanics(func() uint64 { return 3 })
	registry, err := gatebook.Open(context.Background(), filepath.Join(t.TempDir(), "data"), gatebook.Options{Committed: metrics.Committed})
	check(t, err)
	t.Cleanup(func() { check(t, registry.Close()) })
	source := startSource(t, registry, "gateway")
	check(t, source.DeclareService(t.Context(), events.ServiceDeclared{Name: "Orders", Protocol: "tcp"}))
	for _, name := range []string{"db-1", "db-2", "db-3"} {
		check(t, source.DeclareServer(t.Context(), events.ServerDeclared{Name: name, Address: "192.0.2.1", Port: 3306}))
	}
	check(t, source.ServerChanged(t.Context(), events.ServerChanged{Name: "db-1", State: events.ServerRunning}))
	check(t, source.ServerChanged(t.Context(), events.ServerChanged{Name: "db-2", State: events.ServerDown}))
	var ids []uint64
	for _, service := range []string{"Orders", "Orders", "undeclared"} {
		id, err := source.Open(t.Context(), events.SessionOpened{Service: service, Address: "127.0.0.1"})
		check(t, err)
		ids = append(ids, id)
	}
	check(t, source.Record(t.Context(), ids[0], &events.SessionReady{User: "jdoe"}))
	check(t, source.Record(t.Context(), ids[1], &events.SessionClosed{Reason: events.ReasonAuthFailed}))
	base := "http://" + serve(t, httpd.Config{
		Registry: registry, Metrics: metrics, Version: "1.2.3", Probes: func() uint64 { return 7 }, Limits: httpd.Limits{ReportBytes: 1024},
	})
	asker := client(t)
	ask(t, asker, "GET", base+"/sessions/99?fields=user")
	ask(t, asker, "BREW", base+"/no/such/path")
	ask(t, asker, "POST", base+"/events")
	bad := []string{
		`{"source":"a","incarnation":"1","events":[{"kind":"session_ready","key":"x","user":"u"}]}`,
		`[`,
		strings.Repeat(" ", 2000) + `{}`,
	}
	for _, report := range bad {
		post(t, asker, base+"/events", ndjson, report)
		post(t, asker, base+"/events", "application/json", report)
	}
	follower, stopFollowing := context.WithCancel(t.Context())
	defer stopFollowing()
	followed, err := http.NewRequestWithContext(follower, http.MethodGet, base+"/events?follow=true", nil)
	check(t, err)
	following, err := asker.Do(followed)
	check(t, err)
	defer following.Body.Close()
	got := ask(t, asker, "GET", base+"/metrics")
	if got.status != 200 || got.header.Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
		t.Fatalf("got %d %v", got.status, got.header)
	}
	for _, line := range []string{
		`gatebook_sessions{service="Orders",state="routing"} 1`,
		`gatebook_sessions{service="Orders",state="accepted"} 0`,
		`gatebook_sessions{service="",state="accepted"} 1`,
		`gatebook_service_sessions_total{service="Orders"} 2`,
		`gatebook_sessions_ended_total{reason="auth_failed"} 1`,
		`gatebook_sessions_ended_total{reason="killed"} 0`,
		`gatebook_kills_total 0`,
		`gatebook_ready 1`,
		`gatebook_server_up{server="db-1"} 1`,
		`gatebook_server_up{server="db-2"} 0`,
		`gatebook_server_connections{server="db-3"} 0`,
		`gatebook_build_info{go="` + runtime.Version() + `",revision="",version="1.2.3"} 1`,
		`gatebook_events_refused_total 2`,
		`gatebook_reports_refused_total{reason="media_type"} 1`,
		`gatebook_reports_refused_total{reason="does_not_fit"} 2`,
		`gatebook_reports_refused_total{reason="malformed"} 2`,
		`gatebook_reports_refused_total{reason="too_large"} 2`,
		`gatebook_reports_refused_total{reason="unauthorized"} 0`,
		`gatebook_reports_refused_total{reason="other"} 0`,
		`gatebook_feed_readers 1`,
		`gatebook_probes_total 7`,
		`gatebook_gateway_panics_total 3`,
		`gatebook_http_requests_total{code="404",method="GET",route="/sessions/:id"} 1`,
		`gatebook_http_requests_total{code="404",method="other",route="other"} 1`,
		`gatebook_http_request_duration_seconds_count{method="GET",route="/sessions/:id"} 1`,
		`gatebook_records_appended_total ` + got.header.Get("Gatebook-Sequence"),
		`gatebook_commit_records_sum ` + got.header.Get("Gatebook-Sequence"),
	} {
		if !strings.Contains(got.body, "\n"+line+"\n") {
			t.Errorf("there is no %s", line)
		}
	}
	for _, name := range []string{"gatebook_log_bytes", "gatebook_archive_bytes", "gatebook_disk_free_bytes", "gatebook_disk_size_bytes"} {
		_, rest, found := strings.Cut(got.body, "\n"+name+" ")
		value, _, _ := strings.Cut(rest, "\n")
		if n, err := strconv.ParseFloat(value, 64); !found || err != nil || n <= 0 {
			t.Errorf("%s is %q", name, value)
		}
	}
	if strings.Contains(got.body, `gatebook_server_up{server="db-3"}`) {
		t.Error("a server that nobody has tried is up or down")
	}
	for _, name := range []string{"gatebook_commit_seconds_bucket", "go_goroutines", "process_start_time_seconds"} {
		if !strings.Contains(got.body, "\n"+name) {
			t.Errorf("there is no %s", name)
		}
	}
	if got := ask(t, asker, "GET", base+"/metrics?pretty=true"); got.status != 400 ||
		got.body != refused("Unknown parameter", `The parameter "pretty" is not known here. None is.`)+"\n" {
		t.Errorf("pretty: got %d %s", got.status, got.body)
	}
	problems, err := promlint.New(strings.NewReader(got.body)).Lint()
	check(t, err)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if strings.Contains(got.body, "undeclared") || strings.Contains(got.body, "BREW") {
		t.Error("a method that a client sent is a label")
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	base := "http://" + serve(t, httpd.Config{Registry: openBook(t, newClock()), Version: "1.2.3"})
	got := ask(t, client(t), "GET", base+"/version")
	var v map[string]any
	check(t, json.Unmarshal([]byte(got.body), &v))
	if got.status != 200 || v["version"] != "1.2.3" || v["go"] != runtime.Version() || len(v) != 5 {
		t.Errorf("got %d %s", got.status, got.body)
	}
}
