package access_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"gatebook/httpd/access"
)

// TestSignInCookie compares the cookie without TLS, under TLS and under that of a proxy, for
// hosts with a port and without, and below a base path.
func TestSignInCookie(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 11, 23, 19, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		host  string
		scope access.CookieScope
		proto string // that a proxy names
		want  string
	}{
		{"localhost:8989", access.CookieScope{}, "", "gatebook-8989=x; Path=/; Expires=Mon, 23 Nov 2026 19:00:00 GMT; HttpOnly; SameSite=Strict"},
		{"book.example", access.CookieScope{}, "http", "gatebook=x; Path=/; Expires=Mon, 23 Nov 2026 19:00:00 GMT; HttpOnly; SameSite=Strict"},
		{"book.example", access.CookieScope{Secured: true}, "", "__Host-gatebook=x; Path=/; Expires=Mon, 23 Nov 2026 19:00:00 GMT; HttpOnly; Secure; SameSite=Strict"},
		{"book.example", access.CookieScope{}, "https", "__Host-gatebook=x; Path=/; Expires=Mon, 23 Nov 2026 19:00:00 GMT; HttpOnly; Secure; SameSite=Strict"},
		{"book.example", access.CookieScope{Base: "/gate"}, "", "gatebook=x; Path=/gate/; Expires=Mon, 23 Nov 2026 19:00:00 GMT; HttpOnly; SameSite=Strict"},
		{"book.example", access.CookieScope{Base: "/gate", Secured: true}, "", "__Secure-gatebook=x; Path=/gate/; Expires=Mon, 23 Nov 2026 19:00:00 GMT; HttpOnly; Secure; SameSite=Strict"},
	} {
		r := httptest.NewRequest("GET", "http://"+c.host+"/", nil)
		if c.proto != "" {
			r.Header.Set("X-Forwarded-Proto", c.proto)
		}
		cookie := access.SignInCookie(r, "x", until, c.scope)
		if got := cookie.String(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.host, got, c.want)
		}
		r.AddCookie(cookie)
		if got := access.SignInOf(r); got != "x" {
			t.Errorf("%s: read back as %q", c.host, got)
		}
	}
}
