package httpd_test

import (
	"testing"

	"gatebook/httpd"
)

func TestMethodOverride(t *testing.T) {
	t.Parallel()
	base := "http://" + serve(t, httpd.Config{Registry: fillBook(t, newClock()), KillWait: 1})
	asker := client(t)
	for _, c := range []struct {
		method, target string
		header         []string
		status         int
		body           string
	}{
		{"POST", "/sessions/4", []string{"X-HTTP-Method-Override: DELETE"}, 409, ""},
		{"PUT", "/sessions/42", []string{"X-HTTP-Method-Override: DELETE"}, 404, ""},
		{"POST", "/sessions/2", []string{"X-HTTP-Method-Override: DELETE", `If-Match: "1"`}, 412, ""},
		{"POST", "/sessions/2", []string{"X-HTTP-Method-Override: DELETE"}, 202, ""},
		{"POST", "/sessions/2", []string{"X-HTTP-Method-Override: PATCH"}, 405, refused("Method not allowed", "PATCH cannot be done with /sessions/2; these can: DELETE, GET, HEAD, OPTIONS.")},
		{"POST", "/sessions/2", []string{"X-HTTP-Method-Override: PURGE"}, 400, refused("Invalid header", `X-HTTP-Method-Override: "PURGE" is not known: with PUT and POST it is DELETE or PATCH, and given once.`)},
		{"POST", "/sessions/2", []string{"X-HTTP-Method-Override: delete"}, 400, ""},
		{"POST", "/sessions/2", []string{"X-HTTP-Method-Override: DELETE", "X-HTTP-Method-Override: DELETE"}, 400, ""},
		{"PUT", "/services/my-service/stop", []string{"X-HTTP-Method-Override: GET"}, 400, ""},
		{"GET", "/sessions/4", []string{"X-HTTP-Method-Override: DELETE"}, 200, four},
		{"POST", "/sessions/2", nil, 405, ""},
	} {
		got := ask(t, asker, c.method, base+c.target, c.header...)
		if got.status != c.status || c.body != "" && got.body != c.body+"\n" {
			t.Errorf("%s %s %v: got %d %s", c.method, c.target, c.header, got.status, got.body)
		}
	}
}

// A method in a header is authorised like the same method in the request line.
func TestOverrideIsAuthorisedAsItsMethod(t *testing.T) {
	t.Parallel()
	p, registry := newTestAccounts(t), fillBook(t, newClock())
	base := "http://" + serve(t, httpd.Config{Registry: registry, Accounts: p.gate, KillWait: 1})
	for _, c := range []struct {
		role, method, target string
		status               int
	}{
		{"anonymous", "POST", "/sessions/2", 401},
		{"basic", "POST", "/sessions/2", 403},
		{"basic", "PUT", "/sessions/2", 403},
		{"source", "POST", "/sessions/2", 403},
		{"basic", "POST", "/services/my-service/sessions", 403},
		{"basic", "PUT", "/services/my-service/stop", 405},
		// A source may POST here; the path has no DELETE.
		{"source", "POST", "/events", 405},
		{"admin", "POST", "/sessions/2", 202},
	} {
		before := registry.Moment().Sequence
		got := ask(t, client(t), c.method, base+c.target, append(p.headers()[c.role], "X-HTTP-Method-Override: DELETE")...)
		if got.status != c.status {
			t.Errorf("%s of %s as %s: got %d %s", c.method, c.target, c.role, got.status, got.body)
		}
		if changed := registry.Moment().Sequence != before; changed != (c.status == 202) {
			t.Errorf("%s of %s as %s: recorded %v", c.method, c.target, c.role, changed)
		}
	}
}
