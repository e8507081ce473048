package access

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatebook/httpd/accounts"
	"gatebook/httpd/render"
)

// TestGuard checks requests that differ from an ordinary one in one thing.
func TestGuard(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change   func(r *http.Request)
		accounts bool
		insecure bool
		status   int // 0 when the request is let in
	}{
		"ordinary":                      {change: func(*http.Request) {}},
		"configured name":               {change: func(r *http.Request) { r.Host = "BOOK.example.org.:8989" }},
		"another name":                  {change: func(r *http.Request) { r.Host = "book.example.org.evil.example" }, status: 403},
		"localhost in capitals":         {change: func(r *http.Request) { r.Host = "LocalHost:8989" }},
		"an address":                    {change: func(r *http.Request) { r.Host = "[2001:db8::1]:8989" }},
		"no host":                       {change: func(r *http.Request) { r.Host = "" }, status: 403},
		"no host in HTTP/1.0":           {change: func(r *http.Request) { r.Host, r.ProtoMinor = "", 0 }},
		"own origin":                    {change: func(r *http.Request) { r.Header.Set("Origin", "http://LOCALHOST") }},
		"another origin":                {change: func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }, status: 403},
		"no origin at all":              {change: func(r *http.Request) { r.Header.Set("Origin", "null") }, status: 403},
		"one of two origins":            {change: func(r *http.Request) { r.Header["Origin"] = []string{"http://localhost", "http://evil.example"} }, status: 403},
		"a link elsewhere":              {change: func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, status: 403},
		"a page of the same site":       {change: func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, status: 403},
		"its own page":                  {change: func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-origin") }},
		"typed in":                      {change: func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "none") }},
		"another machine":               {change: func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1234" }, status: 403},
		"another machine, accounts":     {change: func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1234" }, accounts: true},
		"another machine, insecure":     {change: func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1234" }, insecure: true},
		"behind a proxy":                {change: func(r *http.Request) { r.Header.Set("Via", "1.1 proxy") }, status: 403},
		"behind a proxy, accounts":      {change: func(r *http.Request) { r.Header.Set("Via", "1.1 proxy") }, accounts: true},
		"the longest request line":      {change: func(r *http.Request) { r.RequestURI = "/" + strings.Repeat("x", 100-len("GET / HTTP/1.1")) }},
		"the largest headers":           {change: func(r *http.Request) { r.Header.Set("X", strings.Repeat("x", 200-len("Host: localhost\r\nX: \r\n"))) }},
		"headers that are larger":       {change: func(r *http.Request) { r.Header.Set("X", strings.Repeat("x", 201-len("Host: localhost\r\nX: \r\n"))) }, status: 431},
		"a request line that is longer": {change: func(r *http.Request) { r.RequestURI = "/" + strings.Repeat("x", 101-len("GET / HTTP/1.1")) }, status: 414},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/sessions", nil)
			r.RemoteAddr = "127.0.0.1:1234"
			c.change(r)
			err := NewGuard([]string{"Book.Example.org"}, 100, 200, c.insecure).Check(r, !c.accounts)
			f, refused := errors.AsType[*render.Failure](err)
			if refused != (c.status != 0) || refused && f.Status != c.status {
				t.Errorf("got %v, want status %d", err, c.status)
			}
		})
	}
}

// TestLevels compares the roles that reach each level, and checks that the zero value is the
// narrowest.
func TestLevels(t *testing.T) {
	t.Parallel()
	if ForAdmins != 0 {
		t.Error("a forgotten level is not the narrowest one")
	}
	for level, want := range map[Level]string{
		ForAdmins: "admin", ForReaders: "admin basic", ForSources: "admin source",
		ForFeed: "admin basic source", ForAccounts: "admin basic source", ForAll: "admin basic source",
	} {
		var reached []string
		for _, role := range accounts.Roles() {
			if level.Allows(role) {
				reached = append(reached, string(role))
			}
			if err := level.Check(accounts.Account{Name: "ann", Role: role}); (err == nil) != level.Allows(role) {
				t.Errorf("level %d, %s: %v", level, role, err)
			}
		}
		if got := strings.Join(reached, " "); got != want {
			t.Errorf("level %d is reached by %s, want %s", level, got, want)
		}
	}
}
