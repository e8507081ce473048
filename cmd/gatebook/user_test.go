package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

const (
	annsPassword = "annie's password"
	annsNewOne   = "another of annie's"
	bobsPassword = "bobby's password"
)

// desk runs gatebook user on a data folder, and keeps all that is printed.
type desk struct {
	t       *testing.T
	folder  string
	printed strings.Builder // but tokens, which are printed on purpose
}

// user runs a command, with a password on its standard input, and returns what it
// prints. It must end with that status.
func (d *desk) user(status int, password string, args ...string) string {
	d.t.Helper()
	command := exec.Command(binary, append([]string{"user", "--data", d.folder}, args...)...)
	command.Stdin = strings.NewReader(password + "\n")
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	_ = command.Run() // the status says it
	if got := command.ProcessState.ExitCode(); got != status {
		d.t.Fatalf("user %v: status %d, want %d\n%s%s", args, got, status, &out, &errs)
	}
	d.printed.WriteString(errs.String())
	if status != 0 {
		return errs.String()
	}
	if !slices.Contains(args, "--token") && args[0] != "token" {
		d.printed.WriteString(out.String())
	}
	return out.String()
}

// as is an exchange of somebody who logs in as login does.
func (p *program) as(login func(*http.Request), method, path string, header ...string) (int, string) {
	p.t.Helper()
	client := &http.Client{Timeout: deadline, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.api+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	if login != nil {
		login(r)
	}
	answer, err := client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func withPassword(name, password string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(name, password) }
}

func withToken(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(token)) }
}

// follow follows the log as somebody. The channel is closed when they are cut off.
func (p *program) follow(login func(*http.Request)) <-chan struct{} {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.api+"/events?follow=true", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	login(r)
	client := &http.Client{Timeout: deadline, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		p.t.Fatalf("follow: %s", answer.Status)
	}
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		defer answer.Body.Close()
		if _, err := io.Copy(io.Discard, answer.Body); err == nil || os.IsTimeout(err) {
			p.t.Errorf("the feed ends with %v", err)
		}
	}()
	return cut
}

// changes are those of accounts that are on the record, told to somebody.
func (p *program) changes(login func(*http.Request)) []string {
	p.t.Helper()
	status, body := p.as(login, http.MethodGet, "/events?kind=account_changed")
	if status != http.StatusOK {
		p.t.Fatalf("GET /events: %d %s", status, body)
	}
	var all []struct{ Kind, Change, Account, Role, By string }
	if err := json.Unmarshal([]byte(body), &all); err != nil {
		p.t.Fatalf("%v in %s", err, body)
	}
	var told []string
	for _, c := range all {
		if c.Kind != "account_changed" || c.By == "" {
			p.t.Errorf("got %+v", c)
		}
		told = append(told, fmt.Sprintf("%s %s %s", c.Account, c.Role, c.Change))
	}
	return told
}

// TestUsers makes, changes and removes accounts while a server runs and while none
// does. Each change holds soon, is on the record, and nothing that is printed has a
// secret in it.
func TestUsers(t *testing.T) {
	d := &desk{t: t, folder: t.TempDir()}
	d.user(0, annsPassword, "add", "ann", "--role", "admin", "--password-file", "-")
	p := serve(t, "--data", d.folder)
	secrets := []string{annsPassword, annsNewOne, bobsPassword}
	expect := func(what string, login func(*http.Request), method, path string, want int, header ...string) {
		t.Helper()
		if got, body := p.as(login, method, path, header...); got != want {
			t.Errorf("%s: %s %s: got %d, want %d: %s", what, method, path, got, want, body)
		}
	}
	ann := withPassword("ann", annsPassword)
	expect("nobody", nil, "GET", "/sessions", 401)
	expect("nobody", nil, "GET", "/health", 200)
	expect("ann", ann, "GET", "/sessions", 200)
	recorded := []string{"ann admin added"}
	record := func(login func(*http.Request), more ...string) {
		t.Helper()
		recorded = append(recorded, more...)
		eventually(t, "on the record: "+strings.Join(more, ", "), func() bool { return slices.Equal(p.changes(login), recorded) })
	}
	record(ann)

	// While it runs.
	d.user(0, bobsPassword, "add", "bob", "--role", "basic", "--password-file", "-")
	token := d.user(0, "", "token", "bob")
	secrets = append(secrets, strings.TrimSpace(token))
	record(ann, "bob basic added", "bob basic token")
	bob := withToken(token)
	expect("bob", bob, "GET", "/sessions", 200)
	expect("bob", withPassword("bob", bobsPassword), "GET", "/sessions", 200)
	expect("bob", bob, "DELETE", "/sessions/1", 403)
	expect("bob", bob, "POST", "/sessions/1", 403, "X-HTTP-Method-Override: DELETE")
	d.user(0, annsNewOne, "passwd", "ann", "--password-file", "-")
	record(bob, "ann admin password")
	expect("ann", withPassword("ann", annsNewOne), "GET", "/sessions", 200)
	expect("ann, as before", ann, "GET", "/sessions", 401)
	ann = withPassword("ann", annsNewOne)
	cut := p.follow(bob)
	d.user(0, "", "remove", "bob")
	<-cut
	record(ann, "bob basic removed")
	expect("bob, removed", bob, "GET", "/sessions", 401)

	// While it does not.
	if status := p.stop(); status != 0 {
		t.Fatalf("stopped with status %d\n%s", status, p.stderr)
	}
	first := p
	edge := d.user(0, "", "add", "edge-1", "--role", "source", "--token")
	secrets = append(secrets, strings.TrimSpace(edge))
	p = serve(t, "--data", d.folder)
	record(ann, "edge-1 source added", "edge-1 source token")
	expect("edge-1", withToken(edge), "GET", "/sessions", 403)
	expect("edge-1", withToken(edge), "GET", "/events", 200)
	d.user(0, "", "token", "edge-1", "--revoke")
	record(ann, "edge-1 source token_revoked")
	expect("edge-1, revoked", withToken(edge), "GET", "/events", 401)

	var listed []struct {
		Name, Role string
		Password   bool
		Tokens     int
	}
	if err := json.Unmarshal([]byte(d.user(0, "", "list", "--output", "json")), &listed); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(listed); got != "[{ann admin true 0} {edge-1 source false 0}]" {
		t.Errorf("listed are %s", got)
	}
	d.user(0, "", "list")
	_, log := p.as(ann, "GET", "/events")
	if status := p.stop(); status != 0 {
		t.Fatalf("stopped with status %d\n%s", status, p.stderr)
	}
	said := d.printed.String() + log
	for _, run := range []*program{first, p} {
		said += run.stdout.String() + run.stderr.String()
	}
	if !strings.Contains(said, "login failed") || !strings.Contains(said, "accounts have changed") {
		t.Errorf("what is said is not all there: %s", said)
	}
	for _, secret := range secrets {
		if len(secret) < 8 || strings.Contains(said, secret) {
			t.Errorf("%q is told in\n%s", secret, said)
		}
	}
}

// TestMisuseOfUsers has the one line that each mistake is answered with.
func TestMisuseOfUsers(t *testing.T) {
	d := &desk{t: t, folder: t.TempDir()}
	d.user(0, annsPassword, "add", "ann", "--role", "admin", "--password-file", "-")
	for _, c := range []struct {
		status   int
		password string
		args     []string
		want     string
	}{
		{2, "", []string{"add"}, "missing flags: --role=admin|basic|source; see gatebook --help"},
		{2, "", []string{"add", "--role", "admin"}, `expected "<name>"; see gatebook --help`},
		{2, "", []string{"add", "", "--role", "admin", "--token"}, "<name> is empty; give it a value; see gatebook --help"},
		{2, "", []string{"add", "a b", "--role", "king", "--token"}, `user add: the name "a b" has ' ' in it: a name is made of the letters a to z, digits, and . _ - @ after the first; see gatebook --help`},
		{2, "", []string{"add", "bob", "--role", "king"}, `--role must be one of "admin","basic","source" but got "king"; see gatebook --help`},
		{2, "", []string{"add", "gatebook", "--role", "basic"}, `user add: the name "gatebook" is reserved; see gatebook --help`},
		{2, "", []string{"add", "bob", "--role", "basic", "--token", "--password-file", "-"}, "--password-file and --token can't be used together; see gatebook --help"},
		{2, "", []string{"token", "ann", "--list", "--revoke"}, "--list and --revoke can't be used together; see gatebook --help"},
		{2, "", []string{"token", "--revoke"}, "user token: name the account of the token; see gatebook --help"},
		{2, "", []string{"token", "ann", "--revoke", "--ends", "1d"}, "user token: --ends and --role are of a new token; see gatebook --help"},
		{1, "", []string{"token", "ann", "--ends", "soon"}, `--ends "soon" is neither a duration from now, as in 90d, nor a date or a time, as in 2027-12-31, nor never`},
		{1, "", []string{"token", "ann", "--name", "a/b"}, `the name "a/b" has '/' in it: a name is made of the letters a to z, digits, and . _ - @ after the first`},
		{2, "", []string{"token", "ann", "--role", "king"}, `user token: "king" is no role; it can be admin, basic or source; see gatebook --help`},
		{1, "", []string{"token", "cy", "--revoke"}, "account cy has no tokens, or there is no such account"},
		{1, "", []string{"token", "ann", "--revoke", "--name", "x"}, "account ann has no token x; it has none"},
		{1, "", []string{"token", "cy"}, "there is no account cy; there are: ann"},
		{2, "", []string{"list", "-o", "xml"}, `--output must be one of "table","json" but got "xml"; see gatebook --help`},
		{1, "short", []string{"add", "bob", "--role", "basic", "--password-file", "-"}, "the password has 5 characters; it needs at least 8"},
		{1, "", []string{"add", "bob", "--role", "basic", "--password-file", "-"}, "the password has 0 characters; it needs at least 8"},
		{1, "\n" + bobsPassword, []string{"add", "bob", "--role", "basic", "--password-file", "-"}, "the password has 0 characters; it needs at least 8"},
		{1, bobsPassword, []string{"add", "ANN", "--role", "basic", "--password-file", "-"}, "there is an account ann already"},
		{1, "", []string{"add", "bob", "--role", "basic"}, "standard input is no terminal to ask for the password; use --password-file"},
		{1, bobsPassword, []string{"passwd", "bob", "--password-file", "-"}, "there is no account bob; there are: ann"},
		{1, "", []string{"remove", "bob", "--data", d.folder + "-"}, "there is no data folder " + d.folder + "-; name the right one with --data"},
		{1, "", []string{"list", "--data", d.folder + "-"}, "there is no data folder " + d.folder + "-; name the right one with --data"},
	} {
		if got := d.user(c.status, c.password, c.args...); got != "gatebook: "+c.want+"\n" {
			t.Errorf("user %v: got\n%swant\ngatebook: %s", c.args, got, c.want)
		}
	}
}

// TestPasswordIsNotShown types passwords at a terminal.
func TestPasswordIsNotShown(t *testing.T) {
	for _, c := range []struct {
		name, again string
		status      int
		says        string
	}{
		{"twice the same", annsPassword, 0, "account ann added, with the role admin"},
		{"different ones", bobsPassword, 1, "the two passwords differ; nothing was changed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			command := exec.Command(binary, "user", "add", "ann", "--role", "admin", "--data", folder)
			terminal, err := pty.Start(command)
			if err != nil {
				t.Fatal(err)
			}
			defer terminal.Close()
			shown, read := &output{}, make(chan struct{})
			go func() {
				defer close(read)
				_, _ = io.Copy(shown, terminal) // it fails when the program has ended
			}()
			for _, step := range []struct{ prompt, typed string }{{"Password for ann: ", annsPassword}, {"The same again: ", c.again}} {
				eventually(t, "asks "+step.prompt, func() bool { return strings.HasSuffix(shown.String(), step.prompt) && silent(t, terminal) })
				if _, err := io.WriteString(terminal, step.typed+"\n"); err != nil {
					t.Fatal(err)
				}
			}
			_ = command.Wait() // the status says it
			<-read
			if got := command.ProcessState.ExitCode(); got != c.status || !strings.Contains(shown.String(), c.says) {
				t.Errorf("status %d, it shows\n%s", got, shown)
			}
			if strings.Contains(shown.String(), annsPassword) || strings.Contains(shown.String(), bobsPassword) {
				t.Errorf("it shows what was typed:\n%s", shown)
			}
			_, err = os.Stat(filepath.Join(folder, "accounts"))
			if added := err == nil; added != (c.status == 0) {
				t.Errorf("accounts: %v", err)
			}
		})
	}
}

// silent tells whether a terminal does not show what is typed.
func silent(t *testing.T, terminal *os.File) bool {
	t.Helper()
	mode, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return mode.Lflag&unix.ECHO == 0
}
