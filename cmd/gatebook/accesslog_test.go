package main_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// reporting sends a report as somebody.
func reporting(login func(*http.Request), report string) func(*http.Request) {
	return func(r *http.Request) {
		login(r)
		r.Header.Set("Content-Type", "application/json")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(report)), int64(len(report))
	}
}

// TestAccessLogTellsNoSecret has a server with an access log go through logins of all
// kinds, kills, reports and changes of accounts. Nothing that it says has a password, a
// token, what was sent in Authorization, or what is kept of any of them.
func TestAccessLogTellsNoSecret(t *testing.T) {
	d := &desk{t: t, folder: filepath.Join(t.TempDir(), "data")}
	if err := os.Mkdir(d.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	d.user(0, annsPassword, "add", "ann", "--role", "admin", "--password-file", "-")
	d.user(0, bobsPassword, "add", "bob", "--role", "basic", "--password-file", "-")
	config := filepath.Join(t.TempDir(), "gatebook.toml")
	if err := os.WriteFile(config, []byte("access_log = true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSpace(d.user(0, "", "add", "edge-1", "--role", "source", "--token"))
	p := serve(t, "--data", d.folder, "--config", config, "--log-level", "debug")
	secrets := []string{annsPassword, annsNewOne, bobsPassword, "a wrong password", token, "x" + token}
	kept := func() {
		hashes := regexp.MustCompile(`"(\$2[aby]\$[^"]+|\$argon2[^"]+|[0-9a-f]{64}|[A-Za-z0-9+/_-]{43}=?)"`)
		text, err := os.ReadFile(filepath.Join(d.folder, "accounts"))
		if err != nil {
			t.Fatal(err)
		}
		found := hashes.FindAllStringSubmatch(string(text), -1)
		if len(found) < 3 {
			t.Fatalf("%d hashes of two passwords and a token in %s", len(found), text)
		}
		for _, hash := range found {
			secrets = append(secrets, hash[1])
		}
	}
	kept()
	authorized := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", value) }
	}
	said := ""
	expect := func(login func(*http.Request), method, path string, want int) {
		t.Helper()
		got, body := p.as(login, method, path)
		if got != want {
			t.Errorf("%s %s: got %d, want %d: %s", method, path, got, want, body)
		}
		said += body
	}
	ann, edge := withPassword("ann", annsPassword), withToken(token)
	expect(ann, "GET", "/sessions?status=all", 200)
	expect(withPassword("bob", bobsPassword), "DELETE", "/sessions/1", 403)
	expect(edge, "GET", "/events", 200)
	expect(edge, "GET", "/sessions", 403)
	expect(reporting(edge, `{"source":"edge-1","incarnation":"1","events":[{"kind":"session_opened","key":"a","service":"orders","address":"192.0.2.1"}]}`),
		"POST", "/events", 200)
	expect(reporting(edge, token), "POST", "/events", 400)
	expect(ann, "GET", "/sessions?password="+token, 400)
	expect(ann, "DELETE", "/sessions/1?reason=over", 409)
	expect(ann, "GET", "/metrics", 200)
	expect(withPassword("bob", "a wrong password"), "GET", "/sessions", 401)
	expect(withToken("x"+token), "GET", "/sessions", 401)
	expect(authorized("Digest "+annsPassword), "GET", "/sessions", 401)
	expect(authorized("Basic "+base64.StdEncoding.EncodeToString([]byte(annsPassword))), "GET", "/sessions", 401)
	d.user(0, annsNewOne, "passwd", "ann", "--password-file", "-")
	kept()
	eventually(t, "ann's former password is none", func() bool {
		status, _ := p.as(ann, "GET", "/sessions")
		return status == http.StatusUnauthorized
	})
	if status := p.stop(); status != 0 {
		t.Fatalf("stopped with status %d\n%s", status, p.stderr)
	}
	said += d.printed.String() + p.stdout.String() + p.stderr.String()
	for _, line := range []string{
		`"status":401,"bytes":`, `"status":403,"bytes":`, `"status":409,"bytes":`, `"actor":"ann"`, `"actor":"edge-1"`, `"parameters":["reason"]`,
		`"login failed"`,
	} {
		if !strings.Contains(p.stderr.String(), line) {
			t.Errorf("there is no %s in\n%s", line, p.stderr)
		}
	}
	for _, name := range []string{"ann", "bob"} {
		for _, password := range secrets {
			secrets = append(secrets, base64.StdEncoding.EncodeToString([]byte(name+":"+password)))
		}
	}
	secrets = append(secrets, base64.StdEncoding.EncodeToString([]byte(annsPassword)))
	for _, secret := range secrets {
		if len(secret) < 8 || strings.Contains(said, secret) {
			t.Errorf("%q is told in\n%s", secret, said)
		}
	}
}
