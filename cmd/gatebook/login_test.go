package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/creack/pty"

	"gatebook/cmd/gatebook/internal/servertest"
)

// person is a user of the client commands, with a configuration folder of their own, who does
// not work on the server's machine.
type person struct {
	t    *testing.T
	home string
}

func newPerson(t *testing.T) *person {
	t.Helper()
	return &person{t: t, home: t.TempDir()}
}

// command returns a command of the person, in a folder without a server.
func (p *person) command(args ...string) *exec.Cmd {
	c := exec.Command(binary, args...)
	c.Dir = p.home
	c.Env = append(os.Environ(), "XDG_CONFIG_HOME="+p.home, "TERM=xterm-256color", "NO_COLOR=1")
	return c
}

// run runs a command in a pipe, and returns what it prints, says, and its exit status.
func (p *person) run(args ...string) (out, said string, status int) {
	p.t.Helper()
	c := p.command(args...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	_ = c.Run() // the status says it
	return stdout.String(), stderr.String(), c.ProcessState.ExitCode()
}

// must runs a command that has to succeed, and returns what it prints.
func (p *person) must(args ...string) string {
	p.t.Helper()
	out, said, status := p.run(args...)
	if status != 0 || said != "" {
		p.t.Fatalf("%v: status %d: %s", args, status, said)
	}
	return out
}

// fails runs a command that has to fail with one line, and returns that.
func (p *person) fails(status int, args ...string) string {
	p.t.Helper()
	out, said, got := p.run(args...)
	if got != status || out != "" || strings.Count(said, "\n") != 1 {
		p.t.Errorf("%v: status %d, want %d: it prints %q and says %q", args, got, status, out, said)
	}
	return strings.TrimSuffix(said, "\n")
}

// secret returns the path of a file with a secret.
func (p *person) secret(name, text string) string {
	p.t.Helper()
	path := filepath.Join(p.home, name)
	must(p.t, os.WriteFile(path, []byte(text+"\n"), 0o600))
	return path
}

// guarded is a gatebook over TLS with accounts before a real MariaDB, and a client at work.
type guarded struct {
	*program
	secured   *secured
	data      string
	authority string // its path
	password  string // the path of ann's
	session   string // the id of the client's
}

// serveGuarded starts the server and a client that has sent a query which takes a while.
func serveGuarded(t *testing.T, ann *person) *guarded {
	t.Helper()
	login := servertest.StartMariaDB(t).Login
	s := newSecured(t)
	text, err := os.ReadFile(s.config)
	must(t, err)
	must(t, os.WriteFile(s.config, fmt.Appendf(text, "[servers.db-1]\naddress = %q\n[services.orders]\nprotocol = \"mysql\"\nlisten = [\"127.0.0.1:0\"]\nservers = [\"db-1\"]\n", login.Address), 0o600))
	d := &desk{t: t, folder: t.TempDir()}
	d.user(0, annsPassword, "add", "ann", "--role", "admin", "--password-file", "-")
	d.user(0, bobsPassword, "add", "bob", "--role", "basic", "--password-file", "-")
	g := &guarded{
		program: serve(t, "--config", s.config, "--data", d.folder), secured: s, data: d.folder,
		authority: filepath.Join(ann.home, "authority.pem"), password: ann.secret("password", annsPassword),
	}
	must(t, os.WriteFile(g.authority, s.authority.Certificate, 0o644))
	host, port, _ := strings.Cut(g.services["orders"], ":")
	client := exec.Command("mariadb", "--host="+host, "--port="+port, "--user="+login.User, "--password="+login.Password, "--skip-ssl", "--execute=SELECT SLEEP(600)")
	must(t, client.Start())
	t.Cleanup(func() {
		_ = client.Process.Kill()
		_ = client.Wait()
	})
	eventually(t, "the client is at work", func() bool {
		out, _, _ := ann.run("list", "--data", g.data, "--service", "orders", "--activity", "waiting", "-o", "json")
		var all []struct{ ID json.Number }
		if json.Unmarshal([]byte(out), &all) != nil || len(all) != 1 {
			return false
		}
		g.session = all[0].ID.String()
		return true
	})
	return g
}

// typed runs a command on a terminal, answers what it asks, and returns what is shown.
func (p *person) typed(steps [][2]string, args ...string) (shown string, status int) {
	p.t.Helper()
	c := p.command(args...)
	terminal, err := pty.StartWithSize(c, &pty.Winsize{Cols: 120, Rows: 40})
	must(p.t, err)
	defer terminal.Close()
	screen, read := &output{}, make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(screen, terminal) // it fails when the program has ended
	}()
	for _, step := range steps {
		eventually(p.t, "it asks "+step[0], func() bool {
			return strings.Contains(screen.String(), step[0]) && (!strings.HasPrefix(step[0], "Password") || silent(p.t, terminal))
		})
		_, err := io.WriteString(terminal, step[1]+"\n")
		must(p.t, err)
	}
	_ = c.Wait() // the status says it
	<-read
	return screen.String(), c.ProcessState.ExitCode()
}

// TestLogin logs in on a terminal with the password typed once, works with the login that is
// kept, and logs out.
func TestLogin(t *testing.T) {
	t.Parallel()
	ann, elsewhere := newPerson(t), newPerson(t)
	g := serveGuarded(t, ann)
	host := strings.TrimPrefix(g.api, "https://")
	shown, status := ann.typed([][2]string{{"Account (", "ann"}, {"Password for ann: ", annsPassword}}, "login", g.api, "--cacert", g.authority)
	if status != 0 || strings.Contains(shown, annsPassword) || !strings.Contains(shown, "logged in to "+g.api+" as ann, with the role admin; it ends in 90d") {
		t.Fatalf("status %d: %s", status, shown)
	}
	path := filepath.Join(ann.home, "gatebook", "profiles.json")
	info, err := os.Stat(path)
	must(t, err)
	kept, err := os.ReadFile(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 || strings.Contains(string(kept), annsPassword) {
		t.Errorf("kept with mode %o: %s", info.Mode().Perm(), kept)
	}
	// The login goes with its server, and with no server named.
	for _, args := range [][]string{{}, {"--url", g.api}, {"--url", g.api + "/"}, {"--profile", host}} {
		if out := ann.must(append([]string{"list", "--service", "orders"}, args...)...); !strings.Contains(out, "\n"+g.session+"  ") && !strings.Contains(out, " "+g.session+"  ") {
			t.Errorf("%v: it prints\n%s", args, out)
		}
	}
	// On a terminal it is said where a command goes that does not name a server.
	if shown, status := ann.typed(nil, "list", "--service", "orders"); status != 0 || !strings.HasPrefix(shown, "at "+g.api+" as ann\r\n") {
		t.Errorf("status %d: %s", status, shown)
	}
	if out := ann.must("profiles"); !regexp.MustCompile(`(?m)^PROFILE +DEFAULT +URL +ACCOUNT +ROLE +ENDS\n` + regexp.QuoteMeta(host) + ` +\* +` + regexp.QuoteMeta(g.api) + ` +ann +admin +20\S+Z\n$`).MatchString(out) {
		t.Errorf("the profiles are\n%s", out)
	}
	// A second one, for reading.
	ann.must("login", g.api, "--account", "ann", "--password-file", g.password, "--cacert", g.authority, "--role", "basic", "--profile", "watch", "--name", "watch", "--ends", "2h")
	if said := ann.fails(1, "kill", g.session, "--profile", "watch"); said != "gatebook: the account ann has the role basic; this needs admin" {
		t.Errorf("it says %s", said)
	}
	if out := ann.must("user", "token", "--url", g.api, "--profile", "watch"); !strings.Contains(out, "ann      watch") {
		t.Errorf("the tokens are\n%s", out)
	}
	// The token of the first is used on another machine, and revoked.
	first := tokenIn(t, kept)
	stolen := elsewhere.secret("token", first)
	elsewhere.must("status", "--url", g.api, "--token-file", stolen, "--cacert", g.authority)
	if out := ann.must("logout", host); out != "logged out of "+g.api+"; the token is revoked\n" {
		t.Errorf("it prints %s", out)
	}
	if said := elsewhere.fails(1, "status", "--url", g.api, "--token-file", stolen, "--cacert", g.authority); !strings.Contains(said, "does not accept the token in "+stolen+": it was revoked") {
		t.Errorf("it says %s", said)
	}
	if said := ann.fails(1, "list", "--profile", host); said != "gatebook: there is no profile "+host+"; there are: watch" {
		t.Errorf("it says %s", said)
	}
	// A login that others may read is not used, and one whose password has changed is over.
	must(t, os.Chmod(path, 0o640))
	if said := ann.fails(1, "list", "--profile", "watch"); !strings.Contains(said, "others can read the logins in "+path+" (mode 0640); say chmod 600 ") {
		t.Errorf("it says %s", said)
	}
	must(t, os.Chmod(path, 0o600))
	(&desk{t: t, folder: g.data}).user(0, annsNewOne, "passwd", "ann", "--password-file", "-")
	if said := ann.fails(1, "list", "--profile", "watch"); said != "gatebook: "+g.api+" does not accept the login watch any more: it was revoked; say gatebook login "+g.api+" --profile watch" {
		t.Errorf("it says %s", said)
	}
	ann.must("logout", "watch")
	if said := ann.fails(1, "logout"); said != "gatebook: there is no login to end; gatebook profiles lists them" {
		t.Errorf("it says %s", said)
	}
}

// tokenIn returns the token that is kept in a file of profiles with one.
func tokenIn(t *testing.T, kept []byte) string {
	t.Helper()
	var file struct {
		Profiles []struct {
			Token string `json:"token"`
		} `json:"profiles"`
	}
	if err := json.Unmarshal(kept, &file); err != nil || len(file.Profiles) != 1 {
		t.Fatalf("%v in %s", err, kept)
	}
	return file.Profiles[0].Token
}

// TestEveryCommand runs every client command against a real server over TLS with accounts and
// with a client at work: with a login that is kept, and in every way in which it can fail to
// reach the server or to be let in.
func TestEveryCommand(t *testing.T) {
	t.Parallel()
	ann := newPerson(t)
	g := serveGuarded(t, ann)
	ann.must("login", g.api, "--account", "ann", "--password-file", g.password, "--cacert", g.authority, "--profile", "guarded")
	brief := newPerson(t)
	brief.must("login", g.api, "--account", "ann", "--password-file", g.password, "--cacert", g.authority, "--name", "brief", "--ends", "1s")
	commands := map[string]struct {
		args []string
		want string // a pattern of what it prints in a pipe
	}{
		"list":       {[]string{"list", "--service", "orders"}, `^ID +USER +ADDRESS +SERVICE .*\n +` + g.session + " "},
		"list csv":   {[]string{"list", "--service", "orders", "-o", "csv"}, `^id,state,user,`},
		"show":       {[]string{"show", g.session}, `(?s)^Session +` + g.session + `\n.*connection_opened`},
		"kill":       {[]string{"kill", "--service", "none", "--dry-run"}, ""},
		"history":    {[]string{"history", "--since", "1h"}, `^ID +USER +`},
		"counts":     {[]string{"list", "--group", "service"}, `orders`},
		"events":     {[]string{"events", "--session", g.session}, `session_opened`},
		"services":   {[]string{"services"}, `(?m)^orders +`},
		"servers":    {[]string{"servers"}, `(?m)^db-1 +`},
		"sources":    {[]string{"sources"}, `(?m)^gateway +`},
		"status":     {[]string{"status"}, `(?m)^Ready +yes$`},
		"user token": {[]string{"user", "token"}, `(?m)^ann +`},
	}
	certificate := "gatebook: the certificate of " + g.api + " is of an authority that is not known here; name it with --cacert"
	closed := "http://127.0.0.1:" + unusedPort(t)
	wrong := ann.secret("wrong", "not annie's")
	// The login of brief has ended when one command says so.
	eventually(t, "a login ends", func() bool {
		_, said, _ := brief.run("list")
		return strings.Contains(said, "has expired")
	})
	var verifying sync.Mutex // held for logins that fail: the server verifies few at a time
	for name, c := range commands {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann, brief := &person{t, ann.home}, &person{t, brief.home}
			with := func(more ...string) []string { return append(slices.Clone(c.args), more...) }
			if name == "kill" {
				if said := ann.fails(1, with("--profile", "guarded")...); said != "gatebook: there is no service none" && !strings.Contains(said, "none") {
					t.Errorf("it says %s", said)
				}
			} else if out := ann.must(with("--profile", "guarded")...); !regexp.MustCompile(c.want).MatchString(out) {
				t.Errorf("it prints\n%s", out)
			}
			// Each has a wrong account of its own: those that fail too often have to wait.
			stranger := "no-" + strings.ReplaceAll(name, " ", "-")
			for _, x := range []struct {
				args []string
				want string
			}{
				{with("--url", closed), "gatebook: no server answers at " + closed + "; start one (gatebook serve), or name another with --url"},
				{with("--url", g.api, "--account", stranger, "--password-file", wrong, "--cacert", g.authority), "gatebook: " + g.api + " does not accept the account " + stranger + " with that password"},
				{with("--url", g.api, "--account", "ann", "--password-file", g.password), certificate},
			} {
				verifying.Lock()
				said := ann.fails(1, x.args...)
				verifying.Unlock()
				if said != x.want {
					t.Errorf("%v: it says\n%s\nwant\n%s", x.args, said, x.want)
				}
			}
			if said := brief.fails(1, with("--url", g.api)...); !strings.HasPrefix(said, "gatebook: the login to "+g.api+" has expired at ") || !strings.HasSuffix(said, "; say gatebook login "+g.api) {
				t.Errorf("it says %s", said)
			}
		})
	}
}

// TestLoginRefused has the one line that each mistake is answered with. Nothing is kept then.
func TestLoginRefused(t *testing.T) {
	t.Parallel()
	b := newBook(t) // without accounts
	p := newPerson(t)
	password := p.secret("password", annsPassword)
	url := "http://" + b.address
	for _, c := range []struct {
		status int
		args   []string
		want   string
	}{
		{1, []string{"login", "http://gatebook.example.org:8989", "--account", "ann", "--password-file", password}, "http://gatebook.example.org:8989 is not encrypted, and the password could be read on its way; name the server with https://"},
		{1, []string{"login", "gatebook.example.org", "--account", "ann", "--password-file", password}, `server address "gatebook.example.org" is no http:// or https:// address of a host`},
		{1, []string{"login", url}, "standard input is no terminal to ask for the account; use --account"},
		{1, []string{"login", url, "--account", "ann"}, "standard input is no terminal to ask for the password; use --password-file"},
		{1, []string{"login", url, "--account", "ann", "--password-file", password, "--ends", "soon"}, `--ends "soon" is neither a duration from now, as in 90d, nor a date or a time, as in 2027-12-31, nor never`},
		{1, []string{"login", url, "--account", "ann", "--password-file", password}, url + " needs no login: it has no accounts"},
		{2, []string{"login"}, `expected "<url>"; see gatebook --help`},
		{1, []string{"logout", "x"}, "there is no profile x: there are none; make one with gatebook login URL --profile x"},
		{1, []string{"list", "--profile", "x"}, "there is no profile x: there are none; make one with gatebook login URL --profile x"},
		{1, []string{"list", "--profile", "x", "--account", "ann"}, "--profile is given with --account or --token-file; a profile has its own login"},
	} {
		if said := p.fails(c.status, c.args...); said != "gatebook: "+c.want {
			t.Errorf("%v: it says\n%s\nwant\ngatebook: %s", c.args, said, c.want)
		}
	}
	if _, err := os.Stat(filepath.Join(p.home, "gatebook")); err == nil {
		t.Error("something was kept")
	}
}
