package servertest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// connections is how many the servers under test are configured to take.
const connections = "33"

// TestServer takes one server of each kind through everything in turn, because
// starting one is most of the cost of a test.
func TestServer(t *testing.T) {
	t.Parallel()
	certificate, key := selfSigned(t)
	eachKind(t, func(t *testing.T, k kind) {
		s := startServer(t, k.start, []Option{k.limit(connections), WithTLS(certificate, key)})
		for _, step := range []struct {
			name string
			test func(t *testing.T, k kind, s *Server)
		}{
			{"administrator", testAdministrator},
			{"arguments win", testArgsWin},
			{"processes show only clients", testProcessesShowOnlyClients},
			{"client programs", testClientPrograms},
			{"interrupted client", testInterruptedClient},
			{"TLS", testTLS},
			{"stop cuts clients and start keeps data", testStopCutsClientsAndStartKeepsData},
			{"start waits for its port", testStartWaitsForItsPort},
			{"close leaves nothing", testCloseLeavesNothing},
		} {
			t.Run(step.name, func(t *testing.T) { step.test(t, k, s) })
		}
	})
}

func testAdministrator(t *testing.T, k kind, s *Server) {
	for _, statement := range []string{
		"CREATE TABLE fruit (name VARCHAR(20), price INT)",
		"INSERT INTO fruit VALUES ('pear', 3), ('quince', NULL)",
	} {
		if err := s.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Query("SELECT name, price FROM fruit ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"pear", "3"}, {"quince", ""}}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := s.Exec("SELECT nonsense"); err == nil {
		t.Error("a statement that cannot run gave no error")
	}
	if _, err := s.Query("SELECT nonsense"); err == nil {
		t.Error("a query that cannot run gave no error")
	}
}

func testProcessesShowOnlyClients(t *testing.T, k kind, s *Server) {
	if got := processes(t, s); len(got) != 0 {
		t.Errorf("before any client: got %v", got)
	}
	login := addUser(t, s, "o'brien", `it's a \ "secret"`)
	c := open(t, s, login)
	id := c.connectionID(k.whoami)
	got := processes(t, s)
	if len(got) != 1 || got[0].ID != id || got[0].User != login.User || got[0].Database != Database {
		t.Errorf("with one client, id %d: got %v", id, got)
	}
	c.disconnect()
	eventually(t, "the client is gone", func() bool { return len(processes(t, s)) == 0 })
}

func testStopCutsClientsAndStartKeepsData(t *testing.T, k kind, s *Server) {
	c := open(t, s, addUser(t, s, "ann", "secret"))
	c.exec("CREATE TABLE note (text VARCHAR(20))")
	before := s.Login
	for range 2 {
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.db.Ping(); err == nil {
		t.Error("a stopped server answers")
	}
	if err := s.Exec("SELECT 1"); err == nil {
		t.Error("a stopped server answers its administrator")
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if s.Login != before {
		t.Errorf("the login changed from %v to %v", before, s.Login)
	}
	c.exec("INSERT INTO note VALUES ('still there')")
	if err := s.Start(); err == nil {
		t.Error("a second start gave no error")
	}
}

func testStartWaitsForItsPort(t *testing.T, k kind, s *Server) {
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	squatter, err := net.Listen("tcp4", s.Address)
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan error, 1)
	go func() { started <- s.Start() }()
	eventually(t, "the server finds its port taken", func() bool {
		return strings.Contains(s.logTail(), "Address already in use")
	})
	if err := squatter.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-started; err != nil {
		t.Error(err)
	}
}

func TestFailedStartShowsTheLog(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, k kind) {
		s, err := k.start(WithArgs("--no-such-option"))
		if err == nil {
			t.Fatal(errors.Join(errors.New("it started"), s.Close()))
		}
		if !strings.Contains(err.Error(), "no-such-option") {
			t.Errorf("the error does not carry the log: %v", err)
		}
	})
}

func testArgsWin(t *testing.T, k kind, s *Server) {
	got, err := s.Query(k.ask)
	if err != nil || got[0][0] != connections {
		t.Errorf("got %q, %v", got, err)
	}
}

func testCloseLeavesNothing(t *testing.T, k kind, s *Server) {
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

// TestServerDiesWithItsProcess kills a process that has started a server, as a
// test run that exceeds its time is killed.
func TestServerDiesWithItsProcess(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, k kind) {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), childVariable+"="+k.name)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		var pid int
		var dir string
		if _, err := fmt.Sscan(line, &pid, &dir); err != nil {
			t.Fatal(err)
		}
		if !alive(pid) {
			t.Error("the server does not run")
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := child.Wait(); err == nil {
			t.Error("the child was not killed")
		}
		eventually(t, "the server has ended", func() bool { return !alive(pid) })
		eventually(t, "its folder can be removed", func() bool { return os.RemoveAll(dir) == nil })
	})
}

// alive reports whether a process runs; a zombie does not.
func alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return false
	}
	status, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "status"))
	return err == nil && !strings.Contains(string(status), "State:\tZ")
}

func TestFindProgramNamesTheRemedy(t *testing.T) {
	t.Parallel()
	_, err := findProgram("no-such-program")
	if !errors.Is(err, errNotInstalled) || !strings.Contains(err.Error(), ".ci/install-servers") {
		t.Errorf("got %v", err)
	}
}

func processes(t *testing.T, s *Server) []Process {
	t.Helper()
	all, err := s.Processes()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// addUser adds a user and returns how to log in as him.
func addUser(t *testing.T, s *Server, name, password string) Login {
	t.Helper()
	if err := s.AddUser(name, password); err != nil {
		t.Fatal(err)
	}
	login := s.Login
	login.User, login.Password = name, password
	return login
}
