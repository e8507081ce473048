package control_test

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gatebook/httpd/control"
	"gatebook/storage"
)

// serve accepts connections, sends each the user at its other end, and closes it. It returns
// the peers that were rejected.
func serve(t *testing.T, folder string) <-chan control.Peer {
	t.Helper()
	rejected := make(chan control.Peer, 1)
	l, err := control.Listen(folder, func(p control.Peer) { rejected <- p })
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				served <- err
				return
			}
			_, err = io.WriteString(c, control.Actor(int(c.(*control.Conn).Peer.UID)))
			if err := errors.Join(err, c.Close()); err != nil {
				t.Error(err)
			}
		}
	}()
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if _, err := os.Lstat(control.Path(folder)); !os.IsNotExist(err) {
			t.Errorf("the socket is left behind: %v", err)
		}
	})
	return rejected
}

// TestSocket connects as this user: to a folder with a short path and one whose path is
// longer than an address, and where an earlier process has left its socket behind.
func TestSocket(t *testing.T) {
	t.Parallel()
	for name, sub := range map[string]string{"short": "d", "long": strings.Repeat("long", 40)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(t.TempDir(), sub)
			if err := os.Mkdir(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(control.Path(folder), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			serve(t, folder)
			info, err := os.Lstat(control.Path(folder))
			if err != nil || info.Mode() != os.ModeSocket|0o600 {
				t.Errorf("the socket: %v, %v", info.Mode(), err)
			}
			c, err := control.Dial(t.Context(), control.Path(folder))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			text, err := io.ReadAll(c)
			if want := control.Actor(os.Geteuid()); err != nil || string(text) != want {
				t.Errorf("got %q, %v, want %q", text, err, want)
			}
		})
	}
}

// TestInUse listens where another listener is: that is refused, and the socket that is there stays.
func TestInUse(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	serve(t, folder)
	before, err := os.Lstat(control.Path(folder))
	if err != nil {
		t.Fatal(err)
	}
	l, err := control.Listen(folder, func(control.Peer) {})
	if _, ok := errors.AsType[*storage.InUseError](err); !ok {
		t.Errorf("another listener: %v, %v", l, err)
	}
	if after, err := os.Lstat(control.Path(folder)); err != nil || !os.SameFile(before, after) {
		t.Errorf("the socket: %v", err)
	}
	c, err := control.Dial(t.Context(), control.Path(folder))
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close() // nothing was sent
}

// nobody is a user that owns no data folder.
const nobody = 65534

// TestOtherUsers connects as a user that is neither the folder's owner nor root: the mode of
// the socket keeps it out, and without the mode the comparison of users does.
func TestOtherUsers(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	folder, err := os.MkdirTemp("", "control") // another user can reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	rejected := serve(t, folder)
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if said := asNobody(t, folder); said != "refused" {
		t.Errorf("with the mode: %s", said)
	}
	if err := os.Chmod(control.Path(folder), 0o666); err != nil {
		t.Fatal(err)
	}
	if said := asNobody(t, folder); said != "said nothing" {
		t.Errorf("without the mode: %s", said)
	}
	if p := <-rejected; p.UID != nobody {
		t.Errorf("rejected is %+v", p)
	}
}

// TestOwner makes the socket as root in a folder of another user, which then connects.
func TestOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	folder, err := os.MkdirTemp("", "control")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chown(folder, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	serve(t, folder)
	if said := asNobody(t, folder); said != "said unix:nobody" {
		t.Errorf("the owner: %s", said)
	}
}

// asNobody connects from a process of another user, and returns what became of it.
func asNobody(t *testing.T, folder string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run", "^TestAsNobody$", "-test.v")
	command.Env = []string{"CONTROL_FOLDER=" + folder}
	command.Dir = "/"
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, rest, _ := strings.Cut(string(out), "it ")
	said, _, _ := strings.Cut(rest, "\n")
	return said
}

// TestAsNobody is the process of another user in the other tests.
func TestAsNobody(t *testing.T) {
	folder := os.Getenv("CONTROL_FOLDER")
	if folder == "" {
		t.Skip("it is started by other tests")
	}
	c, err := control.Dial(t.Context(), control.Path(folder))
	if errors.Is(err, os.ErrPermission) {
		t.Log("it refused")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	text, _ := io.ReadAll(c) // a reset is silence too
	if len(text) == 0 {
		t.Log("it said nothing")
		return
	}
	t.Logf("it said %s", text)
}
