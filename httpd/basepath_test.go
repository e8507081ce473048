package httpd_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"gatebook/httpd"
	"gatebook/httpd/accounts"
)

// TestParseBasePath reads base paths as a configuration has them.
func TestParseBasePath(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "/": "", "/gate": "/gate", "/gate/": "/gate", "/tools/gate.book-1~x_": "/tools/gate.book-1~x_", "/tools/sessions": "/tools/sessions",
	} {
		if got, err := httpd.ParseBasePath(text); err != nil || got != want {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
	for text, why := range map[string]string{
		"gate":            "does not begin with a slash",
		"//gate":          "empty segment",
		"/gate//":         "empty segment",
		"/a/../b":         "segment ..",
		"/.":              "segment .",
		"/a b":            "letters, digits",
		"/a%20b":          "letters, digits",
		"/gäte":           "letters, digits",
		"/gate?x":         "letters, digits",
		"/sessions":       "path of the API itself",
		"/web/x":          "path of the API itself",
		"/openapi.yaml/":  "path of the API itself",
		"/gate\nLocation": "letters, digits",
	} {
		if got, err := httpd.ParseBasePath(text); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
	server, err := httpd.New(httpd.Config{Registry: openBook(t, newClock())})
	check(t, err)
	if _, err := httpd.New(httpd.Config{Registry: openBook(t, newClock()), BasePath: "/events"}); err == nil {
		t.Error("a server is made below a path of its own")
	}
	for path := range server.Routes() {
		first, _, _ := strings.Cut(path[1:], "/")
		if first == "" {
			continue
		}
		if _, err := httpd.ParseBasePath("/" + first); err == nil {
			t.Errorf("/%s can be a base path, although it is a path of the API", first)
		}
	}
}

// TestBasePath asks below the base path, as through a proxy that passes whole paths on, and
// without it, as through one that takes it off: links have it in both cases.
func TestBasePath(t *testing.T) {
	t.Parallel()
	p, clock := newTestAccounts(t), newClock()
	p.file.Now = clock.Now
	address := serve(t, httpd.Config{
		Registry: fillBook(t, clock), Accounts: p.gate, BasePath: "/tools/gate/",
		ManageAccounts: func(_ context.Context, _ string, change func(accounts.File) error) error { return change(p.file) },
	})
	b := &browser{t: t, base: "http://" + address, client: client(t)}
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

	if w := b.request("GET", "/tools/gate", "", asBrowser); w.StatusCode != http.StatusPermanentRedirect || w.Header.Get("Location") != "/tools/gate/" {
		t.Errorf("without its slash: got %d, Location %q", w.StatusCode, w.Header.Get("Location"))
	}
	for target, status := range map[string]int{
		"/tools/gate/health": 200, "/health": 200, "/tools/gate/web/app/main.js": 200, "/web/app/main.js": 200, "/tools/gate/": 200, "/": 200,
		"/tools/gate/sessions": 401, "/sessions": 401, "/tools/gateway/health": 401, "/tools/gate/tools/gate/health": 401, "/tools": 401,
	} {
		if got := b.status("GET", target, "", asBrowser); got != status {
			t.Errorf("%s: got %d, want %d", target, got, status)
		}
	}
	for _, below := range []string{"", "/tools/gate"} {
		if got := b.status("POST", below+"/sign-in", annsBox, ofPage); got != 200 || b.cookie == nil || b.cookie.Path != "/tools/gate/" {
			t.Fatalf("sign in at %s/: got %d, %v", below, got, b.cookie)
		}
		if w := b.request("GET", below+"/sessions?status=all&limit=1", ""); !strings.HasPrefix(w.Header.Get("Link"), "</tools/gate/sessions?") {
			t.Errorf("%s/sessions: got %d, Link %q", below, w.StatusCode, w.Header.Get("Link"))
		}
		made := b.request("POST", below+"/tokens", `{"name":"x","ends":"1h","replace":true}`, ofPage, "Content-Type: application/json")
		if got := made.Header.Get("Location"); got != "/tools/gate/tokens/x" {
			t.Errorf("%s/tokens: got %d, Location %q", below, made.StatusCode, got)
		}
		if got := ask(t, b.client, "GET", b.base+below+"/openapi.yaml", "Cookie: "+b.cookie.String()); !strings.Contains(got.body, "\nservers:\n  - url: /tools/gate\n") {
			t.Errorf("%s/openapi.yaml: got %d, %.200q", below, got.status, got.body)
		}
		if got := b.status("GET", below+"/services/a%2Fb", ""); got != 404 {
			t.Errorf("%s/services/a%%2Fb: got %d", below, got)
		}
		if got := b.status("DELETE", below+"/sign-in", "", ofPage); got != 204 || b.cookie != nil {
			t.Errorf("sign out at %s/: got %d, %v", below, got, b.cookie)
		}
	}
}
