package accounts_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"gatebook/httpd/accounts"
)

// tokensOf returns the tokens of an account as they are in the file.
func tokensOf(t testing.TB, f accounts.File, account string) []accounts.Token {
	t.Helper()
	all, err := f.List()
	check(t, err)
	for _, a := range all {
		if strings.EqualFold(a.Name, account) {
			return a.Tokens
		}
	}
	return nil
}

// A token is refused from its end on, with an error that says so. Until then it has its own
// role.
func TestTokenEnds(t *testing.T) {
	t.Parallel()
	c := newClock()
	f, _ := filled(t, c)
	ends := c.Now().Add(time.Hour)
	secret := newToken(t, f, "ann", accounts.NewToken{Name: "laptop", Role: accounts.Basic, Ends: ends})
	g := openGate(t, f)
	a, err := g.Token(here, secret)
	if err != nil || a.Name != "Ann" || a.Role != accounts.Basic || a.Password != "" || len(a.Tokens) != 1 {
		t.Fatalf("got %+v, %v", a, err)
	}
	browser, err := g.SignInByToken(here, secret)
	check(t, err)
	if s, err := g.SignedIn(browser.Secret); err != nil || s.Account.Role != accounts.Basic || !g.Holds(s.Account) {
		t.Errorf("a browser that it signed in: %+v, %v", s, err)
	}
	c.advance(time.Hour - time.Second)
	if g.Expired() || !g.Holds(a) {
		t.Error("it has ended too early")
	}
	c.advance(time.Second)
	if g.Holds(a) || !g.Expired() || g.Expired() {
		t.Error("its end is not noticed, or noticed twice")
	}
	for range 50 { // more than wrong tokens may be tried
		_, err = g.Token(here, secret)
	}
	expired, ok := errors.AsType[*accounts.ExpiredError](err)
	if !ok || expired.Account != "Ann" || expired.Token != "laptop" || !expired.Ended.Equal(ends) {
		t.Errorf("got %v", err)
	}
	if want := "the token laptop of account Ann expired at 2026-11-24T04:12:00Z"; err.Error() != want {
		t.Errorf("it says %q, want %q", err, want)
	}
	if _, err := g.SignedIn(browser.Secret); !errors.Is(err, accounts.ErrDenied) {
		t.Errorf("a browser that it signed in: %v", err)
	}
	// It is forgotten when a token is made long afterwards.
	c.advance(31 * 24 * time.Hour)
	newToken(t, f, "ann", accounts.NewToken{Name: "desk"})
	if all := tokensOf(t, f, "ann"); len(all) != 1 || all[0].Name != "desk" {
		t.Errorf("the tokens are %+v", all)
	}
}

// A request is cut off by what it logged in with, and by nothing else.
func TestHolds(t *testing.T) {
	t.Parallel()
	f, _ := filled(t, newClock())
	one := newToken(t, f, "bob", accounts.NewToken{Name: "one"})
	two := newToken(t, f, "bob", accounts.NewToken{Name: "two"})
	g := openGate(t, f)
	withOne, err := g.Token(here, one)
	check(t, err)
	withTwo, err := g.Token(here, two)
	check(t, err)
	withPassword, err := g.Password(t.Context(), here, "bob", another)
	check(t, err)
	hold := func(want ...bool) {
		t.Helper()
		if _, err := g.Reload(); err != nil {
			t.Fatal(err)
		}
		got := []bool{g.Holds(withOne), g.Holds(withTwo), g.Holds(withPassword)}
		if !slices.Equal(got, want) {
			t.Errorf("they hold: %v, want %v", got, want)
		}
	}
	hold(true, true, true)
	check(t, f.RevokeToken(t.Context(), "bob", "one"))
	hold(false, true, true)
	check(t, f.SetPassword(t.Context(), "bob", password, true))
	hold(false, true, false)
	check(t, f.SetPassword(t.Context(), "bob", password, false))
	hold(false, false, false)
	if all := tokensOf(t, f, "bob"); len(all) > 0 {
		t.Errorf("another password left the tokens %+v", all)
	}
}

// TestTokenIsRefused asks for tokens that no account can have. None of them changes the file.
func TestTokenIsRefused(t *testing.T) {
	t.Parallel()
	c := newClock()
	f, _ := filled(t, c)
	for i := range 99 {
		newToken(t, f, "edge-1", accounts.NewToken{Name: fmt.Sprint("t", i)})
	}
	before, err := os.ReadFile(f.Path())
	check(t, err)
	for name, x := range map[string]struct {
		account string
		n       accounts.NewToken
		why     accounts.Refusal
		want    string
	}{
		"unknown account": {"cy", accounts.NewToken{Name: "x"}, accounts.Unknown, "there is no account cy; there are: Ann, bob, edge-1"},
		"no name":         {"bob", accounts.NewToken{}, accounts.Invalid, "a token needs a name"},
		"a long name":     {"bob", accounts.NewToken{Name: strings.Repeat("n", 65)}, accounts.Invalid, "the name has 65 bytes, 64 are allowed"},
		"a slash":         {"bob", accounts.NewToken{Name: "a/b"}, accounts.Invalid, `the name "a/b" has '/' in it: a name is made of the letters a to z, digits, and . _ - @ after the first`},
		"no role":         {"bob", accounts.NewToken{Name: "x", Role: "king"}, accounts.Invalid, `"king" is no role; it can be admin, basic or source`},
		"more":            {"bob", accounts.NewToken{Name: "x", Role: accounts.Admin}, accounts.Invalid, "the account bob has the role basic, so a token of it cannot have the role admin"},
		"another role":    {"bob", accounts.NewToken{Name: "x", Role: accounts.Source}, accounts.Invalid, "the account bob has the role basic, so a token of it cannot have the role source"},
		"past":            {"bob", accounts.NewToken{Name: "x", Ends: c.Now()}, accounts.Invalid, "the token would have ended already, at 2026-11-24T03:12:00Z; it is 2026-11-24T03:12:00Z"},
		"far":             {"bob", accounts.NewToken{Name: "x", Ends: c.Now().AddDate(20, 0, 0)}, accounts.Invalid, "the token would end at 2046-11-24T03:12:00Z; at most 10 years are allowed"},
		"there already":   {"edge-1", accounts.NewToken{Name: "T5"}, accounts.Exists, "account edge-1 has a token t5 already; revoke it, replace it, or give this one another name"},
		"too many":        {"edge-1", accounts.NewToken{Name: "x"}, accounts.TooMany, "account edge-1 has 100 tokens, as many as are allowed; revoke one of them"},
	} {
		_, secret, err := f.AddToken(t.Context(), x.account, x.n)
		refused, ok := errors.AsType[*accounts.RefusedError](err)
		if !ok || refused.Why != x.why || refused.Text != x.want || secret != "" {
			t.Errorf("%s: got %q, %v", name, secret, err)
		}
	}
	err = f.RevokeToken(t.Context(), "bob", "x")
	if err == nil || err.Error() != "account bob has no token x; it has none" {
		t.Errorf("revoke: got %v", err)
	}
	after, err := os.ReadFile(f.Path())
	check(t, err)
	if string(before) != string(after) {
		t.Error("the file has changed")
	}
	newToken(t, f, "edge-1", accounts.NewToken{Name: "t5", Replace: true}) // there is room for one that replaces another
}

// TestFormer reads a file of format 1, as the former program wrote it. Its tokens are of use
// as before, and the first change brings the file up to date.
func TestFormer(t *testing.T) {
	t.Parallel()
	c := newClock()
	f := accounts.File{Folder: t.TempDir(), By: "root@console", Cost: bcrypt.MinCost, Now: c.Now}
	old, err := os.ReadFile("testdata/format1")
	check(t, err)
	check(t, os.WriteFile(f.Path(), old, 0o600))
	lets := func() {
		t.Helper()
		g := openGate(t, f)
		for _, secret := range []string{"gatebook_-0g0v9vDQdGinXW01ovkqtVvGmdowkd_QhIzegs2AkQ", "gatebook_oLAHFa1hPT_J0DeteBtYLmgGktuFvVJDdR0nA4PaDm0"} {
			if a, err := g.Token(here, secret); err != nil || a.Name != "edge-1" || a.Role != accounts.Source {
				t.Errorf("a token: %+v, %v", a, err)
			}
		}
		if a, err := g.Password(t.Context(), here, "ann", password); err != nil || a.Role != accounts.Admin {
			t.Errorf("the password: %+v, %v", a, err)
		}
	}
	lets()
	check(t, f.Add(t.Context(), "bob", accounts.Basic, another))
	text, err := os.ReadFile(f.Path())
	check(t, err)
	if !strings.HasPrefix(string(text), `{"format":2,`) {
		t.Errorf("it is written as %.30s", text)
	}
	lets()
	var names []string
	for _, token := range tokensOf(t, f, "edge-1") {
		names = append(names, token.Name+" "+string(token.Role))
		if !token.Made.IsZero() || !token.Ends.IsZero() {
			t.Errorf("a token of format 1 has times: %+v", token)
		}
	}
	if got := strings.Join(names, ", "); got != "token source, token-2 source" {
		t.Errorf("the tokens are %s", got)
	}
	recorded := 0
	check(t, f.Record(t.Context(), func(accounts.Change) error { recorded++; return nil }))
	if recorded != 5 {
		t.Errorf("%d changes were to be recorded, want the 4 of format 1 and another", recorded)
	}
}
