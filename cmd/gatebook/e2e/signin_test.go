package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// TestSignIn signs in with an account and with a token, sees what a basic account may do, and
// is signed out by a new password.
func TestSignIn(t *testing.T) {
	t.Parallel()
	s := serve(t, "ann:admin", "ben:basic")
	s.mariaDB()
	p := open(t, s.base())
	p.allow("status of 401", "status of 403", "status of 503", "Failed to load resource: net::ERR_")
	p.until(`document.activeElement?.name === "name"`)
	p.enter("input[name=name]", "ann")
	p.enter("input[name=password]", "wrong-password")
	p.key(keyEnter)
	p.until(`document.querySelector(".said").innerText !== ""`)
	p.signIn("ann")
	p.until(rows + `.includes("orders")`)
	p.until(`document.querySelector(".who").innerText.includes("ann")`)

	// It holds over a reload and a start of the server.
	s.kill()
	s.start()
	p.run(reload())
	p.until(`document.querySelector(".status")?.dataset.state === "live"`)

	// A cookie that scripts cannot read, and a change that needs the page's header.
	if cookies := value[string](p, "document.cookie"); cookies != "" {
		t.Errorf("scripts can read the cookie: %s", cookies)
	}
	status := value[int](p, `fetch("sessions/1", { method: "DELETE" }).then((a) => a.status)`)
	if status != http.StatusForbidden {
		t.Errorf("a change without the page's header: got %d", status)
	}
	p.press("Sign out")
	p.shows("You are signed out.")

	// A basic account sees, and has nothing to end sessions with.
	p.signIn("ben")
	p.until(`document.querySelector(".status")?.dataset.state === "live"`)
	p.shows("read only")
	p.until(`!document.querySelector(".row input") && ![...document.querySelectorAll("button")].some((b) => b.innerText.startsWith("End"))`)

	// A new password ends the sign-in, in every tab.
	beside := open(t, s.base(), p)
	beside.allow("status of 401")
	beside.until(`document.querySelector(".status")?.dataset.state === "live"`)
	s.run("user", "passwd", "ben", "--data", s.data(), "--password-file", s.passwordFile("ben", "another password"))
	p.shows("Sign in again.")
	beside.until(`document.querySelector("input[name=password]")`)

	// A token.
	p.press("Use a token instead")
	p.enter("input[name=token]", s.token("ann"))
	p.press("Sign in")
	p.until(`document.querySelector(".status")?.dataset.state === "live"`)
}

// TestSignedOutEverywhere signs in with one account in two browsers, one of which has two tabs: a
// new password, and the end of the account, sign it out in all of them, and its cookie is
// worth nothing; the account beside it stays.
func TestSignedOutEverywhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		end  func(s *server)
	}{
		{"password", func(s *server) {
			s.run("user", "passwd", "ben", "--data", s.data(), "--password-file", s.passwordFile("ben", "another password"))
		}},
		{"removed", func(s *server) { s.run("user", "remove", "ben", "--data", s.data()) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, "ann:admin", "ben:basic")
			in := func(name string, beside ...*tab) *tab {
				p := open(t, s.base(), beside...)
				p.allow("status of 401", "Failed to load resource: net::ERR_", "Failed to fetch")
				if len(beside) == 0 {
					p.signIn(name)
				}
				p.until(`document.querySelector(".status")?.dataset.state === "live" && document.querySelector(".who").innerText.includes("` + name + `")`)
				return p
			}
			here, elsewhere, other := in("ben"), in("ben"), in("ann")
			beside := in("ben", here)
			elsewhere.goTo("#/book")
			elsewhere.until(`document.querySelector(".tiles")`)
			cookies := here.cookies()
			if status := s.withCookies("sessions", cookies); status != http.StatusOK {
				t.Fatalf("before: got %d with the cookies %v", status, cookies)
			}
			c.end(s)
			for _, p := range []*tab{here, beside, elsewhere} {
				p.until(`document.querySelector("input[name=password]") && !document.querySelector(".shell")`)
				p.shows("Sign in again.")
			}
			if status := s.withCookies("sessions", cookies); status != http.StatusUnauthorized {
				t.Errorf("the cookie of before: got %d", status)
			}
			other.goTo("#/history")
			other.until(`document.querySelector(".view.history") && !document.querySelector(".notice.loading, .notice.error")`)
		})
	}
}

// cookies returns what the browser would send.
func (p *tab) cookies() (all []*http.Cookie) {
	p.t.Helper()
	found, err := chromedp.Call(p.ctx, network.GetCookies, network.GetCookiesParams{})
	check(p.t, err)
	for _, c := range found.Cookies {
		all = append(all, &http.Cookie{Name: c.Name, Value: c.Value})
	}
	return all
}

// withCookies returns the status of an answer to a request with cookies.
func (s *server) withCookies(path string, cookies []*http.Cookie) int {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.base()+path, nil)
	check(s.t, err)
	for _, c := range cookies {
		request.AddCookie(c)
	}
	answer, err := http.DefaultClient.Do(request)
	check(s.t, err)
	check(s.t, answer.Body.Close())
	return answer.StatusCode
}

// passwordFile writes a password into a file.
func (s *server) passwordFile(name, password string) string {
	s.t.Helper()
	file := s.path(name + ".password")
	check(s.t, os.WriteFile(file, []byte(password+"\n"), 0o600))
	return file
}

// token makes a bearer token of an account.
func (s *server) token(name string) string {
	s.t.Helper()
	request, err := http.NewRequest(http.MethodPost, s.base()+"tokens", strings.NewReader(`{"name": "browser"}`))
	check(s.t, err)
	request.SetBasicAuth(name, password(name))
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	check(s.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	check(s.t, err)
	var made struct {
		Token string `json:"token"`
	}
	if check(s.t, json.Unmarshal(body, &made)); made.Token == "" {
		s.t.Fatalf("no token: %d %s", answer.StatusCode, body)
	}
	return made.Token
}
