package httpd_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
	"gatebook/projection"
)

const unauthorized = "Unauthorized"

// TestRefusedLogins compares the whole answer to each way of not logging in.
func TestRefusedLogins(t *testing.T) {
	t.Parallel()
	p := newTestAccounts(t)
	base := "http://" + serve(t, httpd.Config{Registry: openBook(t, newClock()), Accounts: p.gate})
	const (
		ask401 = "Log in with HTTP Basic, or with a bearer token."
		wrong  = "The name, the password or the token is wrong."
		scheme = "The header Authorization has a scheme that is not known here: it is Basic or Bearer."
		basics = "The credentials in the header Authorization are no name and password, joined by a colon, in base64."
	)
	for _, g := range []golden{
		{"GET", "/sessions", nil, 401, "", refused(unauthorized, ask401)},
		{"GET", "/nothing", nil, 401, "", refused(unauthorized, ask401)},
		{"BREW", "/sessions", nil, 401, "", refused(unauthorized, ask401)},
		{"DELETE", "/sessions/1", nil, 401, "", refused(unauthorized, ask401)},
		{"GET", "/sessions", []string{basic("bob", "wrong password")}, 401, "", refused(unauthorized, wrong)},
		{"GET", "/sessions", []string{basic("unknown", bobsPassword)}, 401, "", refused(unauthorized, wrong)},
		{"GET", "/sessions", []string{"Authorization: Bearer gatebook_wrong"}, 401, "", refused(unauthorized, wrong)},
		{"GET", "/sessions", []string{"Authorization: Digest x"}, 401, "", refused(unauthorized, scheme)},
		{"GET", "/sessions", []string{"Authorization: "}, 401, "", refused(unauthorized, scheme)},
		{"GET", "/sessions", []string{"Authorization: Basic %%%"}, 401, "", refused(unauthorized, basics)},
		{"GET", "/sessions", []string{"Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("bob"))}, 401, "", refused(unauthorized, basics)},
		{
			"GET", "/sessions",
			[]string{basic("ann", annsPassword), basic("bob", bobsPassword)},
			400, "",
			refused("Invalid request", "The header Authorization is given 2 times; once is enough."),
		},
		{"GET", "/nothing", []string{basic("bob", bobsPassword)}, 404, "", refused("Not found", "There is nothing at /nothing.")},
		{
			"GET", "/sessions",
			[]string{basic("bob", bobsPassword), "Host: evil.example"},
			403, "",
			refused("Forbidden", `This API does not answer to the host name "evil.example": use an IP address or localhost, or add the name to hosts in the configuration.`),
		},
		{
			"GET", "/sessions",
			[]string{basic("bob", bobsPassword), "Origin: http://evil.example"},
			403, "",
			refused("Forbidden", `This API is not for web pages of another origin, such as "http://evil.example".`),
		},
		{"DELETE", "/sessions/1", []string{basic("bob", bobsPassword)}, 403, "", refused("Forbidden", "The account bob has the role basic; this needs admin.")},
		{
			"GET", "/sessions",
			[]string{"Authorization: bearer " + p.tokenOf},
			403, "",
			refused("Forbidden", "The account edge-1 has the role source; this needs basic or admin."),
		},
		// With accounts a proxy may pass requests on.
		{
			"GET", "/sessions/1",
			[]string{basic("BOB", bobsPassword), "Forwarded: for=192.0.2.1"},
			404, "",
			refused("Session not found", "No session 1 is in the book."),
		},
	} {
		t.Run(g.name(), func(t *testing.T) {
			got := ask(t, client(t), g.method, base+g.target, g.header...)
			if got.status != g.status || got.body != g.body+"\n" {
				t.Errorf("got %d\n%s\nwant %d\n%s", got.status, got.body, g.status, g.body)
			}
			want := []string{`Basic realm="gatebook", charset="UTF-8"`, `Bearer realm="gatebook"`}
			if g.status != http.StatusUnauthorized {
				want = nil
			}
			if challenges := got.header.Values("WWW-Authenticate"); !slices.Equal(challenges, want) {
				t.Errorf("challenges %q, want %q", challenges, want)
			}
		})
	}
}

// A client whose logins fail again and again is let in with the right password, after its turn.
// One that tries tokens has to wait, and gets the time in its answer.
func TestTooManyFailedLogins(t *testing.T) {
	t.Parallel()
	base := "http://" + serve(t, httpd.Config{Registry: openBook(t, newClock()), Accounts: newTestAccounts(t).gate})
	asker := client(t)
	for i := range 6 {
		for _, login := range []string{basic("ann", fmt.Sprintf("password %d", i)), "Authorization: Bearer no-token"} {
			if got := ask(t, asker, "GET", base+"/sessions", login); got.status != 401 {
				t.Fatalf("attempt %d: got %d", i, got.status)
			}
		}
	}
	if got := ask(t, asker, "GET", base+"/sessions", basic("ann", annsPassword)); got.status != 200 {
		t.Errorf("the right password: got %d %s", got.status, got.body)
	}
	got := ask(t, asker, "GET", base+"/sessions", "Authorization: Bearer no-token")
	want := refused("Too many failed logins", "Logins to this account from this network have failed too often. Try again in 1 s.") + "\n"
	if got.status != 429 || got.header.Get("Retry-After") != "1" || got.body != want {
		t.Errorf("got %d, Retry-After %q\n%s", got.status, got.header.Get("Retry-After"), got.body)
	}
	if got := ask(t, asker, "GET", base+"/health"); got.status != 200 {
		t.Errorf("what is open: got %d", got.status)
	}
}

// Without accounts there is no login, and credentials are ignored.
func TestCredentialsWithoutAccounts(t *testing.T) {
	t.Parallel()
	base := "http://" + serve(t, httpd.Config{Registry: openBook(t, newClock())})
	if got := ask(t, client(t), "GET", base+"/sessions", basic("ann", "whatever it is")); got.status != 200 {
		t.Errorf("got %d", got.status)
	}
}

// The session of a client of the API is opened with its first request that is let in, and
// belongs to its account.
func TestSessionOfAccount(t *testing.T) {
	t.Parallel()
	p := newTestAccounts(t)
	d := newHarness(t, func(c *httpd.Config) { c.Accounts = p.gate })
	c := d.dial()
	request := func(target string, extra ...string) answer {
		t.Helper()
		c.send(append([]string{"GET " + target + " HTTP/1.1", "Host: localhost"}, extra...)...)
		return c.receive("GET")
	}
	for _, target := range []string{"/", "/health", "/sessions"} {
		request(target)
	}
	if _, m, _ := d.registry.Session(1); m.Live != 0 {
		t.Fatalf("%d sessions before anybody has logged in", m.Live)
	}
	userOf := func() string {
		t.Helper()
		v, m, err := d.registry.Session(1)
		check(t, err)
		if m.Live != 1 {
			t.Errorf("%d sessions", m.Live)
		}
		return v.Login().User
	}
	if got := request("/sessions", basic("ann", annsPassword)); got.status != 200 || userOf() != "ann" {
		t.Errorf("got %d, the session is of %q", got.status, userOf())
	}
	// The refused request is recorded too, with its account.
	if got := request("/sessions", "Authorization: Bearer "+p.tokenOf); got.status != 403 || userOf() != "edge-1" {
		t.Errorf("got %d, the session is of %q", got.status, userOf())
	}
	if got := request("/services", basic("bob", bobsPassword)); got.status != 200 || userOf() != "bob" {
		t.Errorf("got %d, the session is of %q", got.status, userOf())
	}
}

// Changes are recorded with the account that made them.
func TestActor(t *testing.T) {
	t.Parallel()
	p := newTestAccounts(t)
	d := newHarness(t, func(c *httpd.Config) { c.Accounts = p.gate })
	asker := client(t)
	ask(t, asker, "GET", "http://"+d.address+"/sessions", basic("bob", bobsPassword))
	got := ask(t, client(t), "DELETE", "http://"+d.address+"/sessions/1", basic("ann", annsPassword))
	v, _, err := d.registry.Session(1)
	check(t, err)
	if got.status != 204 || v.Ending().By != "ann" {
		t.Errorf("got %d, it was closed by %q", got.status, v.Ending().By)
	}
}

// Failed logins are recorded, at most one a minute, address and user, and are found by the user. The next record has the number
// of those between.
func TestFailedLoginsAreRecorded(t *testing.T) {
	t.Parallel()
	p, c := newTestAccounts(t), newClock()
	registry := openBook(t, c)
	_, address := serveThat(t, httpd.Config{
		Registry: registry, Source: startSource(t, registry, "gatebook"), RecordAdmin: true, Accounts: p.gate,
	})
	try := func() {
		t.Helper()
		if got := ask(t, client(t), "GET", "http://"+address+"/sessions", basic("ann\n", "a wrong password")); got.status != 401 && got.status != 429 {
			t.Fatalf("got %d", got.status)
		}
	}
	recorded := func(id uint64, description string) {
		t.Helper()
		v, m, err := registry.Session(id)
		check(t, err)
		end := v.Ending()
		if m.Closed != id || m.Live != 0 || end.Reason != events.ReasonAuthFailed || end.Description != description ||
			v.Address() != "127.0.0.1" || v.Login().User != "ann\n" {
			t.Errorf("%d closed, %d live; session %d ended with %v: %q", m.Closed, m.Live, id, end.Reason, end.Description)
		}
	}
	for range 8 {
		try()
		recorded(1, `login as "ann\n" failed`)
	}
	c.advance(time.Minute)
	try()
	recorded(2, `login as "ann\n" failed; 7 more from this address since the last record`)
	c.advance(time.Minute)
	try()
	recorded(3, `login as "ann\n" failed`)
	var found int
	all, err := registry.Sessions(gatebook.Query{Closed: true, Filter: projection.Filter{Users: []string{"ann\n"}}})
	check(t, err)
	for _, err := range all.All() {
		check(t, err)
		found++
	}
	if found != 3 {
		t.Errorf("%d of 3 are found by the user that was tried", found)
	}
}

// written collects the lines of a log.
type written struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *written) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// No answer and no line of the log contains a password or a token.
func TestNoSecretIsTold(t *testing.T) {
	t.Parallel()
	p := newTestAccounts(t)
	var log written
	base := "http://" + serve(t, httpd.Config{
		Registry: openBook(t, newClock()), Accounts: p.gate, Logger: zerolog.New(&log),
	})
	secrets := []string{annsPassword, bobsPassword, "a wrong password", p.tokenOf, base64.StdEncoding.EncodeToString([]byte("ann:" + annsPassword))}
	headers := []string{
		basic("ann", annsPassword), basic("bob", annsPassword), basic("ann", "a wrong password"),
		"Authorization: Bearer " + p.tokenOf, "Authorization: Bearer x" + p.tokenOf,
		"Authorization: Basic x" + annsPassword, "Authorization: Other " + annsPassword,
	}
	noSecretIn := func(text, where string) {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s has %q in it: %s", where, secret, text)
			}
		}
	}
	for operation := range allowedRoles {
		method, path, _ := strings.Cut(operation, " ")
		for _, header := range headers {
			got := ask(t, client(t), method, base+strings.NewReplacer(":id", "1", ":name", "none").Replace(path), header)
			noSecretIn(got.body, operation)
			noSecretIn(fmt.Sprint(got.header), operation)
		}
	}
	if !strings.Contains(log.String(), "login failed") {
		t.Error("failed logins are not logged")
	}
	noSecretIn(log.String(), "the log")
}
