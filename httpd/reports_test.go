package httpd_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"gatebook/httpd"
)

const ndjson = "application/x-ndjson"

func post(t testing.TB, c *http.Client, url, contentType, body string, extra ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	check(t, err)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for _, line := range extra {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w, err := c.Do(r)
	check(t, err)
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	check(t, err)
	return answer{status: w.StatusCode, header: w.Header, body: string(text)}
}

const theReport = `{"source": "edge-1", "incarnation": "4711-1764000000", "lease": "30s", "number": 17, "events": [
  {"kind": "session_opened", "key": "c-981", "occurred": "2016-08-31T03:03:11.25Z", "service": "orders", "address": "192.168.0.200", "port": 51234},
  {"kind": "session_ready", "key": "c-981", "user": "jdoe", "database": "shop"},
  {"kind": "connection_opened", "key": "c-981", "connection": 1, "server": "db-serv-01"},
  {"kind": "statistics_recorded", "key": "c-981", "connection": 1, "statistics": {"reads": 2197, "writes": 1562}},
  {"kind": "session_closed", "key": "c-981", "reason": "client_closed"}]}`

func reportsAPI(t testing.TB, config httpd.Config) string {
	t.Helper()
	config.Registry = openBook(t, newClock())
	return "http://" + serve(t, config) + "/events"
}

func TestReport(t *testing.T) {
	t.Parallel()
	url, c := reportsAPI(t, httpd.Config{}), client(t)
	const want = `{"accepted":5,"sessions":{"c-981":1},"sequence":7}` + "\n"
	for range 2 {
		got := post(t, c, url, "application/json", theReport)
		if got.status != http.StatusOK || got.body != want || got.header.Get("Gatebook-Sequence") != "7" {
			t.Errorf("got %d %s", got.status, got.body)
		}
	}
	got := ask(t, c, http.MethodGet, strings.TrimSuffix(url, "/events")+"/sessions/1?fields=user,service,opened,reason,source")
	if got.body != `{"user":"jdoe","service":"/services/orders","reason":"client_closed","source":"/sources/edge-1","opened":"2016-08-31T03:03:11.250000Z"}`+"\n" {
		t.Errorf("the session is %s", got.body)
	}
}

// reportOf returns a report of edge-1 with these events.
func reportOf(list string) string {
	return `{"source":"edge-1","incarnation":"a","events":[` + list + `]}`
}

func TestReportAnswers(t *testing.T) {
	t.Parallel()
	url, c := reportsAPI(t, httpd.Config{Limits: httpd.Limits{ReportBytes: 2000, ReportEvents: 3}}), client(t)
	const opened = `{"kind":"session_opened","key":"k","service":"s"}`
	for name, try := range map[string]struct {
		contentType, body string
		status            int
		says              string
	}{
		"empty renews":        {"application/json", `{"source":"edge-1","incarnation":"a"}`, 200, `{"accepted":0,"sessions":{},"sequence":`},
		"charset":             {"application/json; charset=utf-8", reportOf(""), 200, `"accepted":0`},
		"a form":              {"application/x-www-form-urlencoded", "a=b", 415, "application/x-ndjson many"},
		"no type":             {"", reportOf(""), 415, "application/json is one report"},
		"nothing":             {"application/json", ``, 400, "not JSON"},
		"cut":                 {"application/json", `{"source":`, 400, "not JSON"},
		"two":                 {"application/json", reportOf("") + reportOf(""), 400, "not JSON"},
		"unknown member":      {"application/json", `{"sorce":"edge-1"}`, 400, "Did you mean source?"},
		"twice":               {"application/json", `{"source":"a","source":"b"}`, 400, "twice"},
		"a list":              {"application/json", `[]`, 400, "The report is no object."},
		"no list":             {"application/json", `{"source":"edge-1","incarnation":"a","events":{}}`, 400, "list of events"},
		"a number":            {"application/json", `{"source":7}`, 400, "source holds 7, which is not a text."},
		"number":              {"application/json", `{"source":"edge-1","incarnation":"a","number":-1}`, 400, "number holds -1, which is not a whole number from 0"},
		"number 0":            {"application/json", `{"source":"edge-1","incarnation":"a","number":0}`, 400, "The number 0 is none: numbers begin at 1"},
		"number null":         {"application/json", `{"source":"edge-1","incarnation":"a","number":null}`, 200, `"accepted":0`},
		"lease":               {"application/json", `{"source":"edge-1","incarnation":"a","lease":"30"}`, 400, "like 30s"},
		"no lease":            {"application/json", `{"source":"edge-1","incarnation":"a","lease":"0s"}`, 400, "too short: it is from 1s to 24h."},
		"a negative lease":    {"application/json", `{"source":"edge-1","incarnation":"a","lease":"-5s"}`, 400, "is too short: it is from 1s to 24h."},
		"not texts":           {"application/json", reportOf(`{"kind":"service_declared","name":"s","listeners":[5,"x"]}`), 400, "In listeners of event 0 the member 0 holds something, which is not a text."},
		"event member":        {"application/json", reportOf(`{"kind":"session_opened","keys":"k"}`), 400, `In event 0 there is the member \"keys\"`},
		"a sequence":          {"application/json", reportOf(opened + `,{"kind":"session_ready","key":"k","sequence":9}`), 400, `In event 1 there is the member \"sequence\"`},
		"time":                {"application/json", reportOf(`{"kind":"session_opened","key":"k","service":"s","occurred":"now"}`), 400, `occurred holds \"now\", which is not a time, as in`},
		"long value":          {"application/json", reportOf(`{"kind":"session_opened","key":"k","service":"s","port":"` + strings.Repeat("8", 900) + `"}`), 400, `\"8888`},
		"the year 1":          {"application/json", reportOf(`{"kind":"session_opened","key":"k","service":"s","occurred":"0001-01-01T00:00:00Z"}`), 422, "before 1970"},
		"counter's member":    {"application/json", reportOf(`{"kind":"statistics_recorded","key":"k","statistics":{"read":1}}`), 400, `In statistics of event 0 there is the member \"read\", which is not known. Did you mean reads? Known are: reads, writes,`},
		"a final's member":    {"application/json", reportOf(`{"kind":"session_closed","key":"k","reason":"error","connections":[{"statistics":{"reads":1,"writs":1}}]}`), 400, `In connections/0/statistics of event 0 there is the member \"writs\", which is not known. Did you mean writes?`},
		"no object":           {"application/json", reportOf(`"x"`), 400, "Event 0 is no object."},
		"port":                {"application/json", reportOf(`{"kind":"session_opened","key":"k","service":"s","port":70000}`), 400, "from 0 to 65535"},
		"kind":                {"application/json", reportOf(`{"kind":"session_open","key":"k"}`), 422, "Event 0, session_open: a report carries no such kind. Did you mean session_opened?"},
		"a kill":              {"application/json", reportOf(`{"kind":"kill_requested","key":"k"}`), 422, "carries no such kind"},
		"no kind":             {"application/json", reportOf(`{}`), 422, `"Event 0: it has no kind`},
		"another's member":    {"application/json", reportOf(`{"kind":"session_ready","key":"k","server":"s"}`), 422, "does not take the member server"},
		"lacking":             {"application/json", reportOf(`{"kind":"session_opened","key":"k"}`), 422, "lacks the member service"},
		"reason":              {"application/json", reportOf(opened + `,{"kind":"session_closed","key":"k","reason":"clientclosed"}`), 422, "Did you mean client_closed?"},
		"does not fit":        {"application/json", reportOf(opened + `,{"kind":"connection_closed","key":"k","connection":1,"reason":"error"}`), 422, `Event 1, connection_closed of \"k\": connection 1 is not open`},
		"reserved":            {"application/json", `{"source":"gatebook","incarnation":"a"}`, 422, "registry's own"},
		"too many":            {"application/json", reportOf(strings.Repeat(opened+",", 3) + opened), 413, "more than 3 events"},
		"too large":           {"application/json", reportOf(strings.Repeat(" ", 2000)), 413, "more than 2000 bytes"},
		"no lines":            {ndjson, "\n\n", 200, ""},
		"a line too large":    {ndjson, reportOf("") + "\n" + strings.Repeat(" ", 2001) + "\n", 200, `{"status":413,"error":"Report too large"`},
		"a line not JSON":     {ndjson, "{\n", 200, `{"status":400,"error":"Invalid report"`},
		"a line without end":  {ndjson, reportOf(""), 200, `{"status":200,"accepted":0`},
		"a line that is cut":  {ndjson, `{"source":"edge-1","incarn`, 200, `{"status":400`},
		"many stop at refuse": {ndjson, reportOf("") + "\n" + reportOf("{}") + "\n" + reportOf("") + "\n", 200, "Event 0: it has no kind"},
	} {
		t.Run(name, func(t *testing.T) {
			got := post(t, c, url, try.contentType, try.body)
			if got.status != try.status || !strings.Contains(got.body, try.says) {
				t.Errorf("got %d %s", got.status, got.body)
			}
			if lines := strings.Count(got.body, "\n"); name == "many stop at refuse" && lines != 2 {
				t.Errorf("got %d lines:\n%s", lines, got.body)
			}
		})
	}
	const coding = "Content-Encoding: "
	for _, try := range []struct {
		headers []string
		want    int
	}{
		{[]string{coding + "gzip"}, 415},
		{[]string{coding + "identity, gzip"}, 415},
		{[]string{coding + "identity", coding + "gzip"}, 415},
		{[]string{coding + "identity"}, 200},
		{[]string{coding + "Identity"}, 200},
		{[]string{coding + "identity ,, IDENTITY"}, 200},
	} {
		if got := post(t, c, url, "application/json", reportOf(""), try.headers...); got.status != try.want {
			t.Errorf("%q: got %d %s", try.headers, got.status, got.body)
		}
	}
}

// TestReportsAreAnsweredAtOnce sends each report when the one before it is answered,
// all in one request.
func TestReportsAreAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	url := reportsAPI(t, httpd.Config{})
	body, send := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	check(t, err)
	r.Header.Set("Content-Type", ndjson)
	lines := make(chan string)
	go func() {
		defer close(lines)
		w, err := client(t).Do(r)
		if err != nil {
			t.Error(err)
			return
		}
		defer w.Body.Close()
		for s := bufio.NewScanner(w.Body); s.Scan(); {
			lines <- s.Text()
		}
	}()
	for i := range 20 {
		_, err := fmt.Fprintf(send, `{"source":"edge-1","incarnation":"a","number":%d,"events":[{"kind":"session_opened","key":"k%d","service":"s"}]}`+"\n", i+1, i)
		check(t, err)
		want := fmt.Sprintf(`{"status":200,"accepted":1,"sessions":{"k%d":%d},"sequence":%d}`, i, i+1, 2*i+3)
		if got := <-lines; got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	check(t, send.Close())
	for line := range lines {
		t.Errorf("there is another answer: %s", line)
	}
}

func TestSourceReportsAsItself(t *testing.T) {
	t.Parallel()
	p := newTestAccounts(t)
	url, c := reportsAPI(t, httpd.Config{Accounts: p.gate}), client(t)
	as := p.headers()
	other := strings.Replace(reportOf(""), "edge-1", "edge-2", 1)
	for _, try := range []struct {
		role, body string
		status     int
	}{
		{"source", reportOf(""), 200},
		{"source", other, 403},
		{"admin", other, 200},
		{"basic", reportOf(""), 403},
	} {
		if got := post(t, c, url, "application/json", try.body, as[try.role]...); got.status != try.status {
			t.Errorf("%s: got %d %s, want %d", try.role, got.status, got.body, try.status)
		}
	}
	got := post(t, c, url, ndjson, other+"\n", as["source"]...)
	if got.status != http.StatusOK || !strings.HasPrefix(got.body, `{"status":403,`) {
		t.Errorf("in a stream: got %d %s", got.status, got.body)
	}
}
