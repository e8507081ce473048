package httpd_test

import (
	"strings"
	"testing"

	"gatebook/httpd"
)

// TestRefusals compares the whole answers of the status codes that take more than a request
// line: a body, a header, or a method. The others are in goldens, and those of a failing
// registry in TestFailures.
func TestRefusals(t *testing.T) {
	t.Parallel()
	url, asker := reportsAPI(t, httpd.Config{Limits: httpd.Limits{ReportBytes: 2000, ReportEvents: 3}}), client(t)
	base := strings.TrimSuffix(url, "/events")
	const opened = `{"kind":"session_opened","key":"k","service":"s"}`
	report := func(contentType, body string, extra ...string) answer {
		return post(t, asker, url, contentType, body, extra...)
	}
	for _, c := range []struct {
		name   string
		got    answer
		status int
		allow  string
		body   string
	}{
		{
			"a report that is no JSON", report("application/json", `{"source":`), 400, "GET, HEAD, OPTIONS, POST",
			refused("Invalid report", `It is not JSON as a report is: jsontext: unexpected EOF within "/source" after offset 10.`),
		},
		{
			"a report of too many events", report("application/json", reportOf(strings.Repeat(opened+",", 3)+opened)), 413, "GET, HEAD, OPTIONS, POST",
			refused("Report too large", "The report has more than 3 events, which are allowed. Split it."),
		},
		{
			"a report of too many bytes", report("application/json", reportOf(strings.Repeat(" ", 2000))), 413, "GET, HEAD, OPTIONS, POST",
			refused("Report too large", "The report has more than 2000 bytes, which are allowed. Split it."),
		},
		{
			"a line that is too long", ask(t, asker, "GET", base+"/sessions?user="+strings.Repeat("x", 9000)), 414, readOnly,
			refused("Request line too long", "The request line has 9028 bytes; 8192 are allowed."),
		},
		{
			"a form", report("application/x-www-form-urlencoded", "a=b"), 415, "GET, HEAD, OPTIONS, POST",
			refused("Unsupported media type", `Content-Type: "application/x-www-form-urlencoded" is not for reports; application/json is one report, application/x-ndjson many, each on a line.`),
		},
		{
			"a report in another coding", report("application/json", reportOf(""), "Content-Encoding: br"), 415, "GET, HEAD, OPTIONS, POST",
			refused("Unsupported media type", "A report comes as it is, not with Content-Encoding: br."),
		},
		{
			"an event that does not fit", report("application/json", reportOf(`{"kind":"session_ready","key":"k"}`)), 422, "GET, HEAD, OPTIONS, POST",
			refused("Report refused", `Event 0, session_ready of "k": no session has this key: session_opened comes first. Nothing of the report was recorded.`),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.got.status != c.status || c.got.body != c.body+"\n" {
				t.Errorf("got %d %s\nwant %d %s", c.got.status, c.got.body, c.status, c.body)
			}
			if allow, kind := c.got.header.Get("Allow"), c.got.header.Get("Content-Type"); allow != c.allow || kind != "application/json" {
				t.Errorf("Allow is %q, Content-Type %q", allow, kind)
			}
		})
	}
}

// A refusal of a content type or coding has a header with those that are taken (RFC 9110,
// 15.5.16).
func TestUnsupportedTellsWhatIsTaken(t *testing.T) {
	t.Parallel()
	url, asker := reportsAPI(t, httpd.Config{}), client(t)
	form := post(t, asker, url, "text/plain", "a=b")
	if got := form.header.Get("Accept"); form.status != 415 || got != "application/json, application/x-ndjson" {
		t.Errorf("of another type: got %d, Accept: %q", form.status, got)
	}
	coded := post(t, asker, url, "application/json", reportOf(""), "Content-Encoding: gzip")
	if got := coded.header.Get("Accept-Encoding"); coded.status != 415 || got != "identity" {
		t.Errorf("in another coding: got %d, Accept-Encoding: %q", coded.status, got)
	}
}
