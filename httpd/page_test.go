package httpd_test

import (
	"strings"
	"testing"

	"gatebook/httpd"
)

// asBrowser are the headers by which a browser asks for a page.
const asBrowser = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// TestPage asks for the page and its files as a browser does, and as other clients do.
func TestPage(t *testing.T) {
	t.Parallel()
	base := "http://" + serve(t, httpd.Config{Registry: openBook(t, newClock())})
	asker := client(t)
	for _, c := range []struct {
		target string
		accept string
		status int
		media  string
		has    string
	}{
		{"/", asBrowser, 200, "text/html; charset=utf-8", `src="web/app/main.js"`},
		{"/", "Accept: */*", 200, "", ""},
		{"/web/app/main.js", "Accept: */*", 200, "text/javascript; charset=utf-8", "import"},
		{"/web/style/base.css", "Accept: text/css,*/*;q=0.1", 200, "text/css; charset=utf-8", ":root"},
		{"/web/style/icon.svg", "Accept: image/avif,image/webp,*/*;q=0.8", 200, "image/svg+xml; charset=utf-8", "<svg"},
		{"/web/app/none.js", "Accept: */*", 404, "application/json", "There is nothing at /web/app/none.js."},
		{"/web/app/..%2Findex.html", "Accept: */*", 404, "application/json", ""},
		{"/web/app/main.js?v=1", "Accept: */*", 400, "application/json", ""},
	} {
		got := ask(t, asker, "GET", base+c.target, c.accept)
		if got.status != c.status || got.header.Get("Content-Type") != c.media || !strings.Contains(got.body, c.has) {
			t.Errorf("%s, %s: got %d, %s", c.target, c.accept, got.status, got.header.Get("Content-Type"))
		}
		if c.media == "" && got.body != "" {
			t.Errorf("%s: a client that is no browser got %q", c.target, got.body)
		}
	}
}

// TestPagePolicy shows the headers of the page: no inline code, no other host, and an answer
// that is asked for again and not sent again.
func TestPagePolicy(t *testing.T) {
	t.Parallel()
	base := "http://" + serve(t, httpd.Config{Registry: openBook(t, newClock())})
	asker := client(t)
	got := ask(t, asker, "GET", base+"/", asBrowser)
	policy := got.header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "trusted-types 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy is %q without %q", policy, part)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
		t.Errorf("the policy is %q", policy)
	}
	tag := got.header.Get("ETag")
	if tag == "" || got.header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("got the headers %v", got.header)
	}
	again := ask(t, asker, "GET", base+"/", asBrowser, "If-None-Match: "+tag)
	if again.status != 304 || again.body != "" {
		t.Errorf("again: got %d", again.status)
	}
	// A browser takes the headers of this answer for those of the page that it has kept.
	for _, name := range []string{"Content-Security-Policy", "Cross-Origin-Opener-Policy"} {
		if again.header.Get(name) != got.header.Get(name) {
			t.Errorf("again: %s is %q", name, again.header.Get(name))
		}
	}
}
