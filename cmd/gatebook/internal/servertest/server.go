package servertest

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// administrator is the name of every server's administrator.
const administrator = "gatebook_admin"

// engine is what differs between MariaDB and PostgreSQL.
type engine interface {
	// name is for messages.
	name() string
	// credential is the user that the server runs as; nil is this process's user.
	credential() *syscall.Credential
	// install fills the data folder: an administrator, and an empty database.
	install(s *Server) error
	// command returns the server's program and its arguments.
	command(s *Server) (path string, args []string)
	// open returns a pool of the administrator's connections.
	open(l Login) (*sql.DB, error)
	// stopSignal ends the server at once, together with its connections.
	stopSignal() syscall.Signal
	// processes is the query behind Server.Processes.
	processes() string
	// addUser returns the statements behind Server.AddUser.
	addUser(name, password string) []string
}

// Server is a running database server. Its methods may be called by several
// goroutines at a time.
type Server struct {
	// Login is the administrator's. Nothing of it changes while the server
	// lives, over a Stop and a Start neither.
	Login

	engine  engine
	options options
	// dir holds the data folder, the log and the keys; Close removes it.
	dir   string
	admin *sql.DB

	// mu guards process, which is nil while the server is stopped.
	mu      sync.Mutex
	process *process
}

// newServer installs and starts a server in a folder of its own.
func newServer(e engine, opts []Option) (*Server, error) {
	// Not the test's own folder: its path may be too long for a socket, and its
	// parent is closed to the user that the server runs as.
	dir, err := os.MkdirTemp("", "gatebook-"+strings.ToLower(e.name())+"-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for %s: %w", e.name(), err)
	}
	s := &Server{engine: e, dir: dir}
	s.User, s.Password, s.Database = administrator, rand.Text(), Database
	for _, o := range opts {
		o(&s.options)
	}
	if err := s.installAndStart(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) installAndStart() error {
	if err := s.own(s.dir); err != nil {
		return err
	}
	if err := s.writeKeys(); err != nil {
		return err
	}
	if err := s.engine.install(s); err != nil {
		return fmt.Errorf("install %s: %w", s.engine.name(), err)
	}
	return s.Start()
}

// startServer is newServer for a test, which ends the server when it ends.
func startServer(t testing.TB, make func(...Option) (*Server, error), opts []Option) *Server {
	t.Helper()
	s, err := make(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// childCommand is a command that runs as the server's user, in its folder, and
// speaks English.
func (s *Server) childCommand(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Dir = s.dir
	// A folder for temporary files that two servers share is one that they
	// collide in.
	cmd.Env = append(os.Environ(), "LC_ALL=C", "HOME="+s.dir, "TMPDIR="+s.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.engine.credential()}
	return cmd
}

// run runs a command to its end; an error carries what it printed.
func run(cmd *exec.Cmd) error {
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s: %w\n%s", cmd.Path, err, output)
	}
	return nil
}

func (s *Server) data() string        { return filepath.Join(s.dir, "data") }
func (s *Server) logFile() string     { return filepath.Join(s.dir, "server.log") }
func (s *Server) certificate() string { return filepath.Join(s.dir, "server.pem") }
func (s *Server) key() string         { return filepath.Join(s.dir, "server.key") }

// logTail returns the last lines of the server's log.
func (s *Server) logTail() string {
	text, err := os.ReadFile(s.logFile())
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
