package main_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// nobody is a user that a service may run as.
const nobody = 65534

// serviceFolder returns a data folder of nobody, in a folder that every user can reach.
func serviceFolder(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can run a server as another user")
	}
	parent, err := os.MkdirTemp("", "gatebook-service")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(parent) })
	folder := filepath.Join(parent, "data")
	for _, err := range []error{os.Chmod(parent, 0o755), os.Mkdir(folder, 0o700), os.Chown(folder, nobody, nobody)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// owners checks that all files in a folder are nobody's.
func owners(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if s := info.Sys().(*syscall.Stat_t); s.Uid != nobody {
			t.Errorf("%s belongs to user %d", e.Name(), s.Uid)
		}
	}
}

// TestAccountsAsRoot manages the accounts of a server of another user as root, while it runs
// and while it does not: each change holds as soon as the command has ended, and the server
// can read the file, also when it starts again.
func TestAccountsAsRoot(t *testing.T) {
	folder := serviceFolder(t)
	d := &desk{t: t, folder: folder}
	d.user(0, annsPassword, "add", "ann", "--role", "admin", "--password-file", "-")
	owners(t, folder)
	service := &syscall.Credential{Uid: nobody, Gid: nobody}
	p := serveAs(t, service, "--data", folder)
	expect := func(what string, login func(*http.Request), want int) {
		t.Helper()
		if got, body := p.as(login, http.MethodGet, "/sessions"); got != want {
			t.Errorf("%s: got %d, want %d: %s", what, got, want, body)
		}
	}
	expect("ann", withPassword("ann", annsPassword), 200)
	d.user(0, annsNewOne, "passwd", "ann", "--password-file", "-")
	expect("ann with the old password", withPassword("ann", annsPassword), 401)
	expect("ann with the new password", withPassword("ann", annsNewOne), 200)
	d.user(0, bobsPassword, "add", "bob", "--role", "basic", "--password-file", "-")
	expect("bob", withPassword("bob", bobsPassword), 200)
	token := d.user(0, "", "token", "bob")
	expect("bob with a token", withToken(token), 200)
	d.user(0, "", "token", "bob", "--revoke")
	expect("bob with a token that is revoked", withToken(token), 401)
	d.user(0, "", "remove", "bob")
	expect("bob, removed", withPassword("bob", bobsPassword), 401)
	owners(t, folder)
	_, log := p.as(withPassword("ann", annsNewOne), http.MethodGet, "/events?kind=account_changed")
	if n := strings.Count(log, `"by":"unix:root"`); n != 6 {
		t.Errorf("%d changes are recorded as root's: %s", n, log)
	}
	if status := p.stop(); status != 0 {
		t.Fatalf("stopped with status %d\n%s", status, p.stderr)
	}
	d.user(0, bobsPassword, "add", "bob", "--role", "basic", "--password-file", "-")
	owners(t, folder)
	p = serveAs(t, service, "--data", folder)
	expect("bob, after a restart", withPassword("bob", bobsPassword), 200)
}

// TestAccountsOfOthers has a user that owns no data folder try to change accounts.
func TestAccountsOfOthers(t *testing.T) {
	folder := serviceFolder(t)
	serveAs(t, &syscall.Credential{Uid: nobody, Gid: nobody}, "--data", folder)
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary, "user", "add", "mallory", "--role", "admin", "--token", "--data", folder)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody - 1, Gid: nobody - 1}}
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	_ = command.Run() // the status says it
	want := "gatebook: " + filepath.Join(folder, "gatebook.sock") + " is for the owner of the data folder and root: permission denied\n"
	if command.ProcessState.ExitCode() != 1 || out.String() != want {
		t.Errorf("status %d: %s", command.ProcessState.ExitCode(), &out)
	}
}

// TestAccountsWithoutSocket changes accounts in a folder that is locked by a program which
// has no control socket.
func TestAccountsWithoutSocket(t *testing.T) {
	t.Parallel()
	d := &desk{t: t, folder: t.TempDir()}
	p := serve(t, "--data", d.folder)
	if err := os.Remove(filepath.Join(d.folder, "gatebook.sock")); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if said := d.user(1, "", "add", "ann", "--role", "admin", "--token"); !strings.Contains(said, "is in use by another process") {
		t.Errorf("it says %s", said)
	}
	if took := time.Since(begun); took < time.Second {
		t.Errorf("it gives up after %s, and a server may just be starting", took)
	}
	if status := p.stop(); status != 0 {
		t.Errorf("stopped with status %d\n%s", status, p.stderr)
	}
}

// TestInit begins a book, in which accounts can then be added, and begins none where there
// is something already.
func TestInit(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	run := func(want string, args ...string) {
		t.Helper()
		out, _ := exec.Command(binary, append(args, "--data", folder)...).CombinedOutput() // the output says it
		if string(out) != want {
			t.Errorf("%v: it says %q, want %q", args, out, want)
		}
	}
	const add = "gatebook: there is no data folder "
	run(add+folder+"; name the right one with --data\n", "user", "add", "ann", "--role", "admin", "--token")
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("the folder: %v", err)
	}
	run("data  "+folder+", a new book\n", "init")
	run("gatebook: "+folder+" is in use already: there is alive in it\n", "init")
	if token := (&desk{t: t, folder: folder}).user(0, "", "add", "ann", "--role", "admin", "--token"); !strings.HasPrefix(token, "gatebook_") {
		t.Errorf("it prints %q", token)
	}
}
