package httpd_test

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"gatebook/httpd"
	"gatebook/httpd/accounts"
)

const (
	annsPassword = "annie's password"
	bobsPassword = "bobby's password"
)

// testAccounts holds an account of each role, with its credentials.
type testAccounts struct {
	gate *accounts.Gate
	file accounts.File
	// tokenOf is the token of edge-1, which has no password.
	tokenOf string
}

func newTestAccounts(t testing.TB) testAccounts {
	t.Helper()
	f := accounts.File{Folder: t.TempDir(), Cost: bcrypt.MinCost}
	check(t, f.Add(t.Context(), "ann", accounts.Admin, annsPassword))
	check(t, f.Add(t.Context(), "bob", accounts.Basic, bobsPassword))
	check(t, f.Add(t.Context(), "edge-1", accounts.Source, ""))
	_, token, err := f.AddToken(t.Context(), "edge-1", accounts.NewToken{Name: "token"})
	check(t, err)
	gate, err := accounts.OpenGate(f)
	check(t, err)
	return testAccounts{gate: gate, file: f, tokenOf: token}
}

// basic returns the header of a login with a password.
func basic(name, password string) string {
	r := &http.Request{Header: make(http.Header)}
	r.SetBasicAuth(name, password)
	return "Authorization: " + r.Header.Get("Authorization")
}

func (p testAccounts) headers() map[string][]string {
	return map[string][]string{
		"anonymous": nil,
		"source":    {"Authorization: Bearer " + p.tokenOf},
		"basic":     {basic("bob", bobsPassword)},
		"admin":     {basic("ann", annsPassword)},
	}
}

// allowedRoles holds the roles that each operation allows. A route that is not in it fails
// the test.
var allowedRoles = map[string]string{
	"GET /":                           "anonymous source basic admin",
	"GET /web/:folder/:file":          "anonymous source basic admin",
	"GET /sign-in":                    "anonymous source basic admin",
	"POST /sign-in":                   "anonymous source basic admin",
	"DELETE /sign-in":                 "anonymous source basic admin",
	"GET /health":                     "anonymous source basic admin",
	"GET /ready":                      "anonymous source basic admin",
	"GET /metrics":                    "basic admin",
	"GET /version":                    "basic admin",
	"GET /openapi.yaml":               "basic admin",
	"GET /backup":                     "admin",
	"GET /info":                       "admin",
	"GET /log/checkpoint":             "basic admin",
	"GET /log/key":                    "basic admin",
	"GET /log/proof/inclusion":        "basic admin",
	"GET /log/proof/consistency":      "basic admin",
	"GET /log/records/:sequence":      "basic admin",
	"GET /events":                     "source basic admin",
	"GET /sessions/:id/events":        "basic admin",
	"GET /sessions":                   "basic admin",
	"GET /sessions/:id":               "basic admin",
	"GET /sessions/counts":            "basic admin",
	"DELETE /sessions/:id":            "admin",
	"GET /sessions/:id/connections":   "basic admin",
	"POST /events":                    "source admin",
	"GET /services":                   "basic admin",
	"GET /services/:name":             "basic admin",
	"GET /services/:name/sessions":    "basic admin",
	"DELETE /services/:name/sessions": "admin",
	"GET /services/:name/listeners":   "basic admin",
	"GET /servers/:name/sessions":     "basic admin",
	"PUT /services/:name/stop":        "admin",
	"PUT /services/:name/start":       "admin",
	"GET /servers":                    "basic admin",
	"GET /servers/:name":              "basic admin",
	"GET /sources":                    "basic admin",
	"GET /sources/:name":              "basic admin",
	"GET /tokens":                     "source basic admin",
	"POST /tokens":                    "source basic admin",
	"DELETE /tokens/:name":            "source basic admin",
}

func TestRoles(t *testing.T) {
	t.Parallel()
	p := newTestAccounts(t)
	server, err := httpd.New(httpd.Config{Registry: openBook(t, newClock())})
	check(t, err)
	base := "http://" + serve(t, httpd.Config{Registry: openBook(t, newClock()), Accounts: p.gate})
	asker := client(t)
	served := 0
	for path, methods := range server.Routes() {
		for _, method := range methods {
			operation := method + " " + path
			served++
			allowed, ok := allowedRoles[operation]
			if !ok {
				t.Errorf("%s is not in the table of roles", operation)
				continue
			}
			t.Run(operation, func(t *testing.T) { tryAll(t, asker, base, method, path, p.headers(), allowed) })
		}
	}
	if served != len(allowedRoles) {
		t.Errorf("%d operations are served, %d are in the table", served, len(allowedRoles))
	}
}

// tryAll requests an operation with each role, and HEAD and OPTIONS besides. The things that
// the path names do not exist, which a role that is allowed learns.
func tryAll(t *testing.T, asker *http.Client, base, method, path string, headers map[string][]string, allowed string) {
	target := base + strings.NewReplacer(":id", "99", ":name", "none", ":sequence", "99").Replace(path)
	methods := []string{method}
	if method == http.MethodGet {
		methods = append(methods, http.MethodHead)
	}
	for role, header := range headers {
		for _, m := range methods {
			want := http.StatusForbidden
			if role == "anonymous" {
				want = http.StatusUnauthorized
			}
			if path == "/sign-in" {
				header = append(header[:len(header):len(header)], "Gatebook-Page: 1")
			}
			got := ask(t, asker, m, target, header...)
			refused := got.status == http.StatusUnauthorized || got.status == http.StatusForbidden
			switch may := strings.Contains(allowed, role); {
			case may && (refused || got.status >= http.StatusInternalServerError):
				t.Errorf("%s as %s: got %d %s", m, role, got.status, got.body)
			case !may && got.status != want:
				t.Errorf("%s as %s: got %d, want %d", m, role, got.status, want)
			}
		}
		got := ask(t, asker, http.MethodOptions, target, header...)
		want := http.StatusNoContent
		if role == "anonymous" && !strings.Contains(allowed, role) {
			want = http.StatusUnauthorized
		}
		if got.status != want || got.header.Get("Allow") == "" {
			t.Errorf("OPTIONS as %s: got %d, Allow %q", role, got.status, got.header.Get("Allow"))
		}
	}
}
