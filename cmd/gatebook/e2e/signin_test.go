package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// TestSignIn signs in with an account and with a token, sees what a basic account may do, and
// is signed out by a new password.
func TestSignIn(t *testing.T) {
	t.Parallel()
	s := serve(t, "ann:admin", "ben:basic")
	s.mariaDB()
	p := open(t, s.base())
	p.allow("status of 401", "status of 403", "Failed to load resource: net::ERR_")
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
