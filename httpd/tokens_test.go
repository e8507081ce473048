package httpd_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatebook/httpd"
	"gatebook/httpd/accounts"
	apiclient "gatebook/httpd/client"
)

// tokenHarness is a server whose accounts can be changed over the API, on a clock that a test
// moves.
type tokenHarness struct {
	t testing.TB
	testAccounts
	clock  *clock
	base   string
	http   *http.Client
	socket *apiclient.Client
}

func newTokenHarness(t *testing.T) *tokenHarness {
	t.Helper()
	h := &tokenHarness{t: t, testAccounts: newTestAccounts(t), clock: newClock(), http: client(t)}
	h.file.Now = h.clock.Now
	gate, err := accounts.OpenGate(h.file)
	check(t, err)
	h.gate = gate
	socket, address := serveControl(t, httpd.Config{
		Registry: openBook(t, h.clock), Accounts: gate,
		ManageAccounts: func(_ context.Context, by string, change func(accounts.File) error) error {
			f := h.file
			f.By = by
			if err := change(f); err != nil {
				return err
			}
			_, err := gate.Reload()
			return err
		},
	})
	h.socket, h.base = socket, "http://"+address
	return h
}

// ask sends a request with a body and a login, and returns the answer.
func (h *tokenHarness) ask(login, method, path, body string) (status int, answer string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.base+path, strings.NewReader(body))
	check(h.t, err)
	if name, value, ok := strings.Cut(login, ": "); ok {
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", "application/json")
	got, err := h.http.Do(r)
	check(h.t, err)
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	check(h.t, err)
	return got.StatusCode, string(text)
}

// token makes a token and returns the login with it.
func (h *tokenHarness) token(login, body string) string {
	h.t.Helper()
	status, answer := h.ask(login, "POST", "/tokens", body)
	var made apiclient.MadeToken
	if err := json.Unmarshal([]byte(answer), &made); err != nil || status != http.StatusCreated || made.Secret == "" {
		h.t.Fatalf("%s: %d %s, %v", body, status, answer, err)
	}
	return "Authorization: Bearer " + made.Secret
}

// TestTokens makes, lists and revokes tokens as each role.
func TestTokens(t *testing.T) {
	t.Parallel()
	h := newTokenHarness(t)
	ann, bob, edge := basic("ann", annsPassword), basic("bob", bobsPassword), "Authorization: Bearer "+h.tokenOf
	annReads := h.token(ann, `{"name":"reads","role":"basic","ends":"2h"}`)
	annAll := h.token(ann, `{"name":"all","ends":"24h"}`)
	bobs := h.token(bob, "")
	ends := h.clock.Now().Add(48 * time.Hour).UTC().Format(time.RFC3339)
	for _, x := range []struct {
		login, method, path, body string
		status                    int
		want                      string // a part of the answer
	}{
		{annReads, "GET", "/sessions", "", 200, "[]"},
		{annReads, "DELETE", "/services/none/sessions", "", 403, "The account ann has the role basic; this needs admin."},
		{annAll, "DELETE", "/services/none/sessions", "", 404, ""},
		{bobs, "GET", "/sessions", "", 200, "[]"},
		// An account sees its own, an administrator all.
		{bob, "GET", "/tokens?fields=account,name,role", "", 200, `[{"account":"bob","name":"token","role":"basic"}]`},
		{edge, "GET", "/tokens?fields=account,name", "", 200, `[{"account":"edge-1","name":"token"}]`},
		{annReads, "GET", "/tokens?fields=name", "", 200, `[{"name":"reads"},{"name":"all"}]`},
		{ann, "GET", "/tokens?fields=name,account", "", 200, `[{"account":"ann","name":"reads"},{"account":"ann","name":"all"},{"account":"bob","name":"token"},{"account":"edge-1","name":"token"}]`},
		{ann, "GET", "/tokens?account=BOB&fields=name", "", 200, `[{"name":"token"}]`},
		{bob, "GET", "/tokens?account=ann", "", 403, "The account bob has the role basic: it may see and change only its own tokens."},
		{annReads, "GET", "/tokens?account=bob", "", 403, "it may see and change only its own tokens."},
		// Nobody gets more than they have.
		{bob, "POST", "/tokens", `{"account":"ann"}`, 403, "only its own tokens"},
		{bob, "POST", "/tokens", `{"name":"x","role":"admin"}`, 403, "This login has the role basic; it cannot make a token with the role admin."},
		{annReads, "POST", "/tokens", `{"name":"x","role":"admin"}`, 403, "cannot make a token with the role admin"},
		{annReads, "POST", "/tokens", `{"name":"x","ends":"3h"}`, 403, "A token cannot make one that lasts longer than itself"},
		{annReads, "POST", "/tokens", `{"name":"all","replace":true}`, 403, "The token all has the role admin; it cannot be changed with the role basic."},
		{annReads, "DELETE", "/tokens/all", "", 403, "The token all has the role admin"},
		{annReads, "POST", "/tokens", `{"name":"less"}`, 201, `"role":"basic"`},
		{ann, "POST", "/tokens", `{"account":"bob","name":"x","role":"admin"}`, 400, "The account bob has the role basic"},
		{ann, "POST", "/tokens", `{"account":"edge-1","name":"x","ends":"` + ends + `"}`, 201, `"account":"edge-1","name":"x","role":"source"`},
		{ann, "POST", "/tokens", `{"account":"cy","name":"x"}`, 404, "There is no account cy"},
		{bob, "POST", "/tokens", `{}`, 409, "Account bob has a token token already"},
		{bob, "POST", "/tokens", `{"name":"x","ends":"never"}`, 400, "can be made only on the server's own machine"},
		{bob, "POST", "/tokens", `{"name":"x","ends":"soon"}`, 400, "ends=soon is neither a time, as in 2027-01-31T00:00:00Z, nor a duration from now, as in 90d."},
		{bob, "POST", "/tokens", `{"name":"x","ends":"2010-01-01T00:00:00Z"}`, 400, "would have ended already"},
		{bob, "POST", "/tokens", `{"nme":"x"}`, 400, `unknown field \"nme\"`},
		{bob, "DELETE", "/tokens/none", "", 404, "Account bob has no token none; it has: token."},
		{bob, "DELETE", "/tokens/x?account=edge-1", "", 403, "only its own tokens"},
		{ann, "DELETE", "/tokens/x?account=edge-1", "", 204, ""},
		// A token that revokes itself gets its answer, and nothing after it.
		{bobs, "DELETE", "/tokens/token", "", 204, ""},
		{bobs, "GET", "/sessions", "", 401, "The name, the password or the token is wrong."},
	} {
		if status, answer := h.ask(x.login, x.method, x.path, x.body); status != x.status || !strings.Contains(answer, x.want) {
			t.Errorf("%s %s %s: got %d %s, want %d %s", x.method, x.path, x.body, status, answer, x.status, x.want)
		}
	}
	h.clock.advance(2 * time.Hour)
	if status, answer := h.ask(annReads, "GET", "/sessions", ""); status != 401 || !strings.Contains(answer, "The token reads of the account ann expired at ") {
		t.Errorf("after its end: %d %s", status, answer)
	}
}

// TestTokensAtSocket makes tokens at the control socket, where they need no end and have to
// name their account.
func TestTokensAtSocket(t *testing.T) {
	t.Parallel()
	h := newTokenHarness(t)
	if _, err := h.socket.MakeToken(t.Context(), apiclient.NewToken{Name: "x"}); !apiclient.IsStatus(err, 400) || err.Error() != "Name the account of the token: account is missing." {
		t.Errorf("without an account: %v", err)
	}
	made, err := h.socket.MakeToken(t.Context(), apiclient.NewToken{Account: "BOB", Name: "x", Ends: "never"})
	if err != nil || made.Account != "bob" || made.Role != "basic" || !made.Ends.IsZero() {
		t.Errorf("got %+v, %v", made, err)
	}
	all, err := h.socket.Tokens(t.Context(), "bob")
	if err != nil || fmt.Sprint(all) != fmt.Sprint([]apiclient.Token{{Account: "bob", Name: "x", Role: "basic", Made: made.Made}}) {
		t.Errorf("got %+v, %v", all, err)
	}
	check(t, h.socket.RevokeToken(t.Context(), "bob", "x"))
}

// A client that follows the log with a token is cut off when the token ends.
func TestFollowerIsCutOffWhenItsTokenEnds(t *testing.T) {
	t.Parallel()
	p, c := newTestAccounts(t), newClock()
	p.file.Now = c.Now
	_, secret, err := p.file.AddToken(t.Context(), "bob", accounts.NewToken{Name: "x", Ends: c.Now().Add(time.Hour)})
	check(t, err)
	p.gate, err = accounts.OpenGate(p.file)
	check(t, err)
	d := newHarness(t, func(config *httpd.Config) { config.Accounts = p.gate })
	gone, _ := listen(t, "http://"+d.address+"/events?follow=true&kind=recording_gap", "Authorization: Bearer "+secret)
	next(t, gone)
	c.advance(time.Hour)
	if !p.gate.Expired() {
		t.Fatal("the end is not noticed")
	}
	d.server.AccountsChanged()
	for e := range gone {
		t.Errorf("after it: %+v", e)
	}
}

// While there are no accounts there is nobody that a token could be of.
func TestTokensWithoutAccounts(t *testing.T) {
	t.Parallel()
	file := accounts.File{Folder: t.TempDir(), Cost: 4, Now: newClock().Now}
	gate, err := accounts.OpenGate(file)
	check(t, err)
	base := "http://" + serve(t, httpd.Config{
		Registry: openBook(t, newClock()), Accounts: gate,
		ManageAccounts: func(_ context.Context, _ string, change func(accounts.File) error) error { return change(file) },
	})
	h := &tokenHarness{t: t, base: base, http: client(t)}
	if status, answer := h.ask("", "POST", "/tokens", `{"account":"ann"}`); status != 404 || !strings.Contains(answer, "There is no account ann: there are none.") {
		t.Errorf("got %d %s", status, answer)
	}
	if status, answer := h.ask("", "GET", "/tokens", ""); status != 200 || strings.TrimSpace(answer) != "[]" {
		t.Errorf("got %d %s", status, answer)
	}
}
