package access_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"gatebook/httpd/access"
)

// TestSignInCookie compares the cookie without TLS and under TLS, for hosts with a port and
// without.
func TestSignInCookie(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 11, 23, 19, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		host    string
		secured bool
		want    string
	}{
		{"localhost:8989", false, "gatebook-8989=x; Path=/; Expires=Mon, 23 Nov 2026 19:00:00 GMT; HttpOnly; SameSite=Strict"},
		{"book.example", false, "gatebook=x; Path=/; Expires=Mon, 23 Nov 2026 19:00:00 GMT; HttpOnly; SameSite=Strict"},
		{"book.example", true, "__Host-gatebook=x; Path=/; Expires=Mon, 23 Nov 2026 19:00:00 GMT; HttpOnly; Secure; SameSite=Strict"},
	} {
		r := httptest.NewRequest("GET", "http://"+c.host+"/", nil)
		cookie := access.SignInCookie(r, "x", until, c.secured)
		if got := cookie.String(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.host, got, c.want)
		}
		r.AddCookie(cookie)
		if got := access.SignInOf(r); got != "x" {
			t.Errorf("%s: read back as %q", c.host, got)
		}
	}
}
