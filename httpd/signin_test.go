package httpd_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatebook/httpd"
	"gatebook/httpd/accounts"
)

// browser signs in and keeps the cookie that it is given, as a browser does.
type browser struct {
	t      *testing.T
	base   string
	client *http.Client
	cookie *http.Cookie
}

// request sends a request with the cookie, and keeps the one it is answered.
func (b *browser) request(method, target, body string, header ...string) *http.Response {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.base+target, strings.NewReader(body))
	check(b.t, err)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	w, err := b.client.Do(r)
	check(b.t, err)
	check(b.t, w.Body.Close())
	for _, c := range w.Cookies() {
		b.cookie = c
		if c.MaxAge < 0 {
			b.cookie = nil
		}
	}
	return w
}

// status sends a request and returns the status of its answer.
func (b *browser) status(method, target, body string, header ...string) int {
	b.t.Helper()
	return b.request(method, target, body, header...).StatusCode
}

const (
	ofPage  = "Gatebook-Page: 1"
	annsBox = `{"name":"ann","password":"` + annsPassword + `"}`
	bobsBox = `{"name":"bob","password":"` + bobsPassword + `"}`
)

func serveAccounts(t *testing.T, p testAccounts) *browser {
	t.Helper()
	base := "http://" + serve(t, httpd.Config{Registry: fillBook(t, newClock()), Accounts: p.gate})
	return &browser{t: t, base: base, client: client(t)}
}

// TestSignIn follows a sign-in from its cookie to its end.
func TestSignIn(t *testing.T) {
	t.Parallel()
	b := serveAccounts(t, newTestAccounts(t))
	if got := b.status("GET", "/sessions", ""); got != 401 {
		t.Fatalf("before: got %d", got)
	}
	if got := b.status("POST", "/sign-in", annsBox); got != 403 || b.cookie != nil {
		t.Errorf("a foreign page, which cannot set the header: got %d", got)
	}
	if got := b.status("POST", "/sign-in", `{"name":"ann","password":"not this one"}`, ofPage); got != 401 || b.cookie != nil {
		t.Errorf("a wrong password: got %d", got)
	}
	if got := b.status("POST", "/sign-in", annsBox, ofPage); got != 200 || b.cookie == nil {
		t.Fatalf("got %d", got)
	}
	c := b.cookie
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure || c.Path != "/" || time.Until(c.Expires).Round(time.Minute) != 12*time.Hour {
		t.Errorf("the cookie is %v", c)
	}
	if got := b.status("GET", "/sessions", ""); got != 200 {
		t.Errorf("signed in: got %d", got)
	}
	if got := b.status("DELETE", "/sessions/4", ""); got != 403 {
		t.Errorf("a change without the header: got %d", got)
	}
	if got := b.status("DELETE", "/sessions/4", "", ofPage); got != 409 {
		t.Errorf("a change with the header: got %d, want that it has ended", got)
	}
	stolen := b.cookie
	if got := b.status("DELETE", "/sign-in", "", ofPage); got != 204 || b.cookie != nil {
		t.Errorf("signing out: got %d", got)
	}
	b.cookie = stolen
	if got := b.status("GET", "/sessions", ""); got != 401 {
		t.Errorf("a copy of the cookie after signing out: got %d", got)
	}
}

// TestSignInOutlivesTheServer opens the accounts again, as a server does that is started again.
func TestSignInOutlivesTheServer(t *testing.T) {
	t.Parallel()
	p := newTestAccounts(t)
	b := serveAccounts(t, p)
	if got := b.status("POST", "/sign-in", annsBox, ofPage); got != 200 {
		t.Fatalf("got %d", got)
	}
	kept := filepath.Join(p.file.Folder, "accounts.signins")
	info, err := os.Stat(kept)
	check(t, err)
	text, err := os.ReadFile(kept)
	check(t, err)
	if info.Mode().Perm() != 0o600 || strings.Contains(string(text), b.cookie.Value) {
		t.Errorf("mode %o, %s", info.Mode(), text)
	}
	p.gate, err = accounts.OpenGate(p.file)
	check(t, err)
	again := serveAccounts(t, p)
	again.cookie = &http.Cookie{Name: "gatebook-" + again.base[strings.LastIndex(again.base, ":")+1:], Value: b.cookie.Value}
	if got := again.status("GET", "/sessions", ""); got != 200 {
		t.Errorf("after a start: got %d", got)
	}
}

// TestSignedOutEverywhere shows that sign-ins end with what they were made by.
func TestSignedOutEverywhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body   func(p testAccounts) string
		change func(t *testing.T, f accounts.File) error
	}{
		"another password": {
			func(testAccounts) string { return bobsBox },
			func(t *testing.T, f accounts.File) error {
				return f.SetPassword(t.Context(), "bob", "another password", true)
			},
		},
		"the account goes": {
			func(testAccounts) string { return bobsBox },
			func(t *testing.T, f accounts.File) error { return f.Remove(t.Context(), "bob", false) },
		},
		"the token is revoked": {
			func(p testAccounts) string { return `{"token":"` + p.tokenOf + `"}` },
			func(t *testing.T, f accounts.File) error { return f.RevokeTokens(t.Context(), "edge-1") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newTestAccounts(t)
			one := serveAccounts(t, p)
			two := &browser{t: t, base: one.base, client: client(t)}
			for _, b := range []*browser{one, two} {
				if got := b.status("POST", "/sign-in", c.body(p), ofPage); got != 200 {
					t.Fatalf("got %d", got)
				}
				if got := b.status("GET", "/events?limit=1", ""); got != 200 {
					t.Fatalf("signed in: got %d", got)
				}
			}
			check(t, c.change(t, p.file))
			_, err := p.gate.Reload()
			check(t, err)
			for _, b := range []*browser{one, two} {
				if got := b.status("GET", "/events?limit=1", ""); got != 401 {
					t.Errorf("afterwards: got %d", got)
				}
			}
		})
	}
}

// TestSignInHasAnEnd moves the clock.
func TestSignInHasAnEnd(t *testing.T) {
	t.Parallel()
	c := newClock()
	p := newTestAccounts(t)
	p.file.Now = c.Now
	var err error
	p.gate, err = accounts.OpenGate(p.file)
	check(t, err)
	b := serveAccounts(t, p)
	if got := b.status("POST", "/sign-in", annsBox, ofPage); got != 200 {
		t.Fatalf("got %d", got)
	}
	c.advance(12*time.Hour - time.Second)
	if got := b.status("GET", "/sessions", ""); got != 200 {
		t.Errorf("just before: got %d", got)
	}
	c.advance(time.Second)
	if got := b.status("GET", "/sessions", ""); got != 401 {
		t.Errorf("after 12 h: got %d", got)
	}
}

// TestPageIsNotAskedForAPassword shows that the browser's own window for passwords never
// opens for a request of the page.
func TestPageIsNotAskedForAPassword(t *testing.T) {
	t.Parallel()
	b := serveAccounts(t, newTestAccounts(t))
	w := b.request("GET", "/sessions", "", ofPage)
	if got := strings.Join(w.Header.Values("WWW-Authenticate"), "; "); w.StatusCode != 401 || strings.Contains(got, "Basic") || got == "" {
		t.Errorf("got %d, %q", w.StatusCode, got)
	}
	if got := b.status("GET", "/sign-in", ""); got != 200 {
		t.Errorf("asking for the viewer: got %d", got)
	}
}
