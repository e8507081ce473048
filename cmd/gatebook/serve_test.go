package main_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"gatebook/cmd/gatebook/internal/certtest"
	"gatebook/cmd/gatebook/internal/servertest"
)

// With no configuration the first request finds itself in the book.
func TestFirstRequest(t *testing.T) {
	p := serve(t, "--data", filepath.Join(t.TempDir(), "data"))
	if !strings.HasSuffix(p.found, "a new book") {
		t.Errorf("it says %q of a new book", p.found)
	}
	var all []session
	p.get("/sessions", &all)
	if len(all) != 1 || all[0].ID != 1 || all[0].Service != "/services/gatebook" || all[0].Address != "127.0.0.1" || all[0].State != "Session ready for routing" {
		t.Errorf("the first request sees %+v", all)
	}
	var service struct {
		Name    string `json:"name"`
		Current int    `json:"current_connections"`
	}
	p.get(all[0].Service, &service)
	if service.Name != "gatebook" {
		t.Errorf("its service is %+v", service)
	}
	if status, _, body := p.request(http.MethodGet, "/metrics"); status != http.StatusOK || !strings.Contains(body, "\ngatebook_gateway_panics_total 0\n") {
		t.Errorf("the metrics have no panics: %d\n%s", status, body)
	}
	if status := p.stop(); status != 0 {
		t.Errorf("stopped with status %d\n%s", status, p.stderr)
	}
}

// login opens one connection through the gateway.
func login(t *testing.T, to servertest.Login) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", to.MySQL())
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	if err := db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// DELETE answers 204 when the client and the server's side are gone and that is on
// the record, after the request for it.
func TestDelete(t *testing.T) {
	server := servertest.StartMariaDB(t)
	if err := server.AddUser("jdoe", "secret"); err != nil {
		t.Fatal(err)
	}
	p := serve(t, "--config", configure(t, "mysql", server), "--data", filepath.Join(t.TempDir(), "data"))
	to := server.Login
	to.Address, to.User, to.Password = p.services["orders"], "jdoe", "secret"
	db := login(t, to)
	id := p.sessions("live")[0].ID
	begun := time.Now()
	status, _, body := p.request(http.MethodDelete, fmt.Sprintf("/sessions/%d?reason=runaway", id))
	if status != http.StatusNoContent || body != "" {
		t.Fatalf("DELETE answers %d %q", status, body)
	}
	eventually(t, "gone from the server", func() bool {
		processes, err := server.Processes()
		if err != nil {
			t.Fatal(err)
		}
		return len(processes) == 0
	})
	if took := time.Since(begun); took > time.Second {
		t.Errorf("it took %s", took)
	}
	if err := db.PingContext(t.Context()); err != nil {
		t.Errorf("the client cannot come back: %v", err) // the driver dials again
	}
	ended := p.sessions("closed")
	if len(ended) != 1 || ended[0].ID != id || ended[0].Reason != "killed" || ended[0].By != "anonymous@127.0.0.1" {
		t.Errorf("it ended as %+v", ended)
	}
	if status, _, _ := p.request(http.MethodDelete, fmt.Sprintf("/sessions/%d", id)); status != http.StatusConflict {
		t.Errorf("a second DELETE answers %d", status)
	}
}

// SIGTERM closes the clients, says so on the record, and ends well.
func TestTerm(t *testing.T) {
	server := servertest.StartMariaDB(t)
	if err := server.AddUser("jdoe", "secret"); err != nil {
		t.Fatal(err)
	}
	args := []string{"--config", configure(t, "mysql", server), "--data", filepath.Join(t.TempDir(), "data")}
	p := serve(t, args...)
	to := server.Login
	to.Address, to.User, to.Password = p.services["orders"], "jdoe", "secret"
	for range 20 {
		login(t, to)
	}
	begun := time.Now()
	if status := p.stop(); status != 0 {
		t.Fatalf("stopped with status %d\n%s", status, p.stderr)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	p = serve(t, args...)
	ended := p.sessions("all")
	if len(ended) != 20 {
		t.Errorf("%d sessions are in the book", len(ended))
	}
	for _, s := range ended {
		if s.Status != "closed" || s.Reason != "shutdown" || s.User != "jdoe" {
			t.Errorf("session %d is %s with reason %q", s.ID, s.Status, s.Reason)
		}
	}
}

// refused runs serve on what it must refuse: one line that says what, status 1.
func refused(t *testing.T, want string, args ...string) {
	t.Helper()
	out, err := exec.Command(binary, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...).CombinedOutput()
	exit, ok := err.(*exec.ExitError) //nolint:errorlint // Output returns it bare
	if !ok || exit.ExitCode() != 1 {
		t.Fatalf("%v, want exit status 1\n%s", err, out)
	}
	text := strings.TrimSuffix(string(out), "\n")
	if strings.Contains(text, "\n") || !strings.Contains(text, want) || !strings.HasPrefix(text, "gatebook: ") {
		t.Errorf("it says %q, want one line with %q", text, want)
	}
}

// A folder that is damaged, foreign, read-only or in use is refused in one line,
// and nothing in it is changed.
func TestFolderRefused(t *testing.T) {
	good := func(t *testing.T) string {
		folder := filepath.Join(t.TempDir(), "data")
		p := serve(t, "--data", folder)
		p.get("/sessions", &[]session{})
		if p.stop() != 0 {
			t.Fatal(p.stderr)
		}
		return folder
	}
	put := func(t *testing.T, folder, name, content string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		damage func(t *testing.T, folder string)
		want   string
	}{
		"foreign": {func(t *testing.T, folder string) { put(t, folder, "log/00000000000000000001.db", "#!/bin/sh\n") }, "00000000000000000001.db is damaged: it is no bbolt file"},
		"empty":   {func(t *testing.T, folder string) { put(t, folder, "log/00000000000000000001.db", "") }, "00000000000000000001.db is damaged: it is empty"},
		"cut": {func(t *testing.T, folder string) {
			if err := os.Truncate(filepath.Join(folder, "log/00000000000000000001.db"), 9000); err != nil {
				t.Fatal(err)
			}
		}, "it was cut short"},
		"log gone": {func(t *testing.T, folder string) {
			if err := os.RemoveAll(filepath.Join(folder, "log")); err != nil {
				t.Fatal(err)
			}
		}, "log is damaged: it is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := good(t)
			c.damage(t, folder)
			before := content(t, folder)
			refused(t, c.want, "--data", folder)
			if content(t, folder) != before {
				t.Error("the files were changed")
			}
		})
	}
	t.Run("accounts gone", func(t *testing.T) {
		folder := good(t)
		(&desk{t: t, folder: folder}).user(0, annsPassword, "add", "ann", "--role", "admin", "--password-file", "-")
		path := filepath.Join(folder, "accounts")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		before := content(t, folder)
		refused(t, "accounts file "+path+" cannot be used: it is missing, and "+path+".lock says that there are accounts; put it back from a backup", "--data", folder)
		if content(t, folder) != before {
			t.Error("the files were changed")
		}
	})
	t.Run("in use", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "data")
		serve(t, "--data", folder)
		refused(t, "data folder "+folder+" is in use", "--data", folder)
	})
	t.Run("in use without a lock", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "data")
		serve(t, "--data", folder)
		if err := os.Remove(filepath.Join(folder, "lock")); err != nil {
			t.Fatal(err)
		}
		refused(t, "data folder "+folder+" is in use", "--data", folder)
		if out, err := exec.Command(binary, "status", "--data", folder).CombinedOutput(); err != nil {
			t.Errorf("the server that runs is not found any more: %v\n%s", err, out)
		}
	})
	t.Run("no parent", func(t *testing.T) {
		refused(t, "no such file or directory", "--data", filepath.Join(t.TempDir(), "none", "data"))
	})
	t.Run("a file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "data")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, "is no folder", "--data", path)
	})
	t.Run("read-only", func(t *testing.T) {
		folder := good(t)
		readOnly(t, folder)
		before := content(t, folder)
		refused(t, "cannot be written to", "--data", folder)
		if content(t, folder) != before {
			t.Error("the files were changed")
		}
	})
}

// readOnly makes a folder one that cannot be written to, also by root, who is not
// bound by modes.
func readOnly(t *testing.T, folder string) {
	t.Helper()
	if os.Geteuid() != 0 {
		if err := os.Chmod(filepath.Join(folder, "lock"), 0o400); err != nil {
			t.Fatal(err)
		}
		return
	}
	if out, err := exec.Command("mount", "--bind", "-o", "ro", folder, folder).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", folder).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
}

func content(t *testing.T, folder string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(&all, "%s %d %s\n", path, len(text), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// Wrong usage ends with status 2 and names the nearest thing that is known.
func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"sevre"}, `did you mean "serve"`},
		{[]string{"serve", "--dtaa", "x"}, `did you mean "--data"`},
		{[]string{"serve", "--log-level", "loud"}, "must be one of"},
	} {
		out, err := exec.Command(binary, c.args...).CombinedOutput()
		exit, ok := err.(*exec.ExitError) //nolint:errorlint // Output returns it bare
		if !ok || exit.ExitCode() != 2 || !strings.Contains(string(out), c.want) {
			t.Errorf("%v: %v, want status 2 and %q\n%s", c.args, err, c.want, out)
		}
	}
	if out, _ := exec.Command(binary, "--version").CombinedOutput(); !strings.HasPrefix(string(out), "gatebook 0.") || !strings.Contains(string(out), "(go1.") {
		t.Errorf("--version: %s", out)
	}
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}} {
		if out, err := exec.Command(binary, args...).CombinedOutput(); err != nil || len(out) == 0 {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}

// A configuration file is checked without starting anything.
func TestCheckConfig(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "gatebook.toml")
	pair := certtest.NewAuthority(t, "authority").Issue(t, "api")
	certtest.WriteFile(t, folder, "api.pem", pair.Certificate)
	certtest.WriteFile(t, folder, "api.key", pair.Key)
	for _, err := range []error{
		os.WriteFile(filepath.Join(folder, "open.key"), pair.Key, 0o644),
		os.Mkdir(filepath.Join(folder, "open"), 0o755),
		os.Chmod(filepath.Join(folder, "open.key"), 0o644), os.Chmod(filepath.Join(folder, "open"), 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	const taken = "[servers.a]\naddress = \"127.0.0.1:1\"\n[services.s]\nprotocol = \"mysql\"\nservers = [\"a\"]\n"
	for _, c := range []struct {
		text   string
		status int
		want   string
	}{
		{"[servers.a]\naddress = \"127.0.0.1:1\"\n", 0, "is right: 0 services, 1 server\n"},
		{taken + "listen = [\"127.0.0.1:2\"]\n", 0, "is right: 1 service, 1 server\n"},
		{"data = 1\nlisten = 2\n", 1, "data is 1, it must be text in quotes; line 2, column 10: listen is 2, it must be text in quotes\n"},
		{"[tls]\ncertificate = \"none.pem\"\nkey = \"none.key\"\n", 1, "API: certificate FOLDER/none.pem with key FOLDER/none.key: open FOLDER/none.pem"},
		{"listen = \"192.0.2.1:8989\"\n[tls]\ncertificate = \"api.pem\"\nkey = \"api.key\"\n", 0, "warning: listen is 192.0.2.1:8989, for other machines too, and there are no hosts: the API then answers to its addresses and localhost alone"},
		{"hosts = [\"x\"]\nlisten = \"192.0.2.1:8989\"\n[tls]\ncertificate = \"api.pem\"\nkey = \"api.key\"\n", 0, "gatebook.toml is right: 0 services, 0 servers"},
		{"[tls]\ncertificate = \"api.pem\"\nkey = \"open.key\"\n", 0, "warning: the key FOLDER/open.key can be read by every user of this machine (mode 0644); say chmod 600 FOLDER/open.key\n"},
		{taken + "listen = [\"127.0.0.1:2\"]\ntls = { certificate = \"api.pem\", key = \"open.key\" }\n", 0, "warning: the key FOLDER/open.key can be read by"},
		{"data = \"open\"\n", 0, "warning: the data folder FOLDER/open can be read by every user of this machine (mode 0755); say chmod 700 FOLDER/open\n"},
		{"[servers.a]\naddres = \"127.0.0.1:1\"\n", 1, `did you mean "address"?`},
		{taken + "listen = [\"127.0.0.1:8989\"]\n", 1, "127.0.0.1:8989 is taken by the API"},
		{taken + "listen = [\"127.0.0.1:2\"]\ntls = { certificate = \"none.pem\", key = \"none.key\" }\n", 1, "service s: load certificate FOLDER/none.pem and key FOLDER/none.key: open FOLDER/none.pem"},
		{"listen = \"0.0.0.0:8989\"\n", 0, "warning: listen is 0.0.0.0:8989, for other machines too: serve then wants a certificate ([tls]) and an account"},
		{"listen = \"localhost:8989\"\n", 0, "gatebook.toml is right: 0 services, 0 servers"},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{path}, {"--config", path}} {
			command := exec.Command(binary, append([]string{"check-config"}, args...)...)
			command.Dir = t.TempDir()          // paths mean beside the file
			out, _ := command.CombinedOutput() // the status says it
			out = bytes.ReplaceAll(out, []byte(folder), []byte("FOLDER"))
			if command.ProcessState.ExitCode() != c.status || !strings.Contains(string(out), c.want) {
				t.Errorf("%q: status %d, %s", c.text, command.ProcessState.ExitCode(), out)
			}
		}
	}
}
