package e2e

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
)

// deadline bounds every wait, on a machine that has much else to do too.
const deadline = 60 * time.Second

// server is a running gatebook, with a service before each database.
type server struct {
	t       testing.TB
	folder  string
	address string // of the API
	mysql   string // of the service orders
	pg      string // of the service reports
	login   string // the account by which the test itself uses the API, "" for none
	command *exec.Cmd
	log     bytes.Buffer
}

// free returns an address on which nothing listens.
func free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	return l.Addr().String()
}

// serve starts a server with a new book. accounts are names with their roles; the password of
// each is the name, three times.
func serve(t testing.TB, accounts ...string) *server {
	t.Helper()
	return serveWith(t, "", accounts...)
}

// serveWith starts a server with further keys in its configuration.
func serveWith(t testing.TB, keys string, accounts ...string) *server {
	t.Helper()
	return serveIn(t, t.TempDir(), keys, accounts...)
}

// serveIn starts a server in a folder.
func serveIn(t testing.TB, folder, keys string, accounts ...string) *server {
	t.Helper()
	s := &server{t: t, folder: folder, address: free(t), mysql: free(t), pg: free(t)}
	config := fmt.Sprintf(`data = %q
listen = %q
hosts = ["book.example"]
%s
[servers.db-1]
address = %q
[servers.db-2]
address = %q
[services.orders]
protocol = "mysql"
listen = [%q]
servers = ["db-1"]
[services.reports]
protocol = "postgres"
listen = [%q]
servers = ["db-2"]
`, s.data(), s.address, keys, shared.mariaDB.Login.Address, shared.postgres.Login.Address, s.mysql, s.pg)
	check(t, os.WriteFile(s.path("gatebook.toml"), []byte(config), 0o600))
	s.run("init", "--data", s.data())
	for _, account := range accounts {
		name, role, _ := strings.Cut(account, ":")
		s.addAccount(name, role)
	}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *server) path(name string) string { return filepath.Join(s.folder, name) }
func (s *server) data() string            { return s.path("data") }
func (s *server) base() string            { return "http://" + s.address + "/" }

// password returns the password of an account.
func password(name string) string { return name + name + name }

func (s *server) addAccount(name, role string) {
	s.t.Helper()
	file := s.path(name + ".password")
	check(s.t, os.WriteFile(file, []byte(password(name)+"\n"), 0o600))
	s.run("user", "add", name, "--role", role, "--data", s.data(), "--password-file", file)
}

// run runs a command of the program.
func (s *server) run(args ...string) {
	s.t.Helper()
	out, err := exec.Command(shared.binary, args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("gatebook %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// start starts the program, and waits until it is ready.
func (s *server) start() {
	s.t.Helper()
	s.command = exec.Command(shared.binary, "serve", "--config", s.path("gatebook.toml"))
	s.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	s.command.Stdout, s.command.Stderr = io.Discard, &s.log
	check(s.t, s.command.Start())
	eventually(s.t, "the server is ready", func() bool {
		answer, err := http.Get(s.base() + "ready")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// kill ends the program at once, as a power cut does.
func (s *server) kill() {
	s.t.Helper()
	check(s.t, s.command.Process.Kill())
	_ = s.command.Wait()
}

// stop ends the program in order.
func (s *server) stop() {
	if s.command.ProcessState != nil {
		return
	}
	_ = s.command.Process.Signal(syscall.SIGTERM)
	if err := s.command.Wait(); err != nil && !s.t.Failed() {
		s.t.Errorf("the server ended: %v\n%s", err, s.log.String())
	}
}

// report sends a report of sessions of another source.
func (s *server) report(body string) {
	s.t.Helper()
	if answer, text := s.ask(http.MethodPost, "events", body); answer.StatusCode != http.StatusOK {
		s.t.Fatalf("report: %d %s", answer.StatusCode, text)
	}
}

// get returns the body of an answer of the API.
func (s *server) get(path string) string {
	s.t.Helper()
	_, text := s.ask(http.MethodGet, path, "")
	return text
}

// ask sends a request to the API, and returns the answer and its body.
func (s *server) ask(method, path, body string) (*http.Response, string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.base()+path, strings.NewReader(body))
	check(s.t, err)
	request.Header.Set("Content-Type", "application/json")
	if s.login != "" {
		request.SetBasicAuth(s.login, password(s.login))
	}
	answer, err := http.DefaultClient.Do(request)
	check(s.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	check(s.t, err)
	return answer, string(text)
}

// client is one connection of a database client through the gateway.
type client struct {
	t    testing.TB
	conn *sql.Conn
}

// mariaDB connects a client to the service orders, as the server's administrator or as a user
// with a password.
func (s *server) mariaDB(user ...string) *client {
	s.t.Helper()
	login := shared.mariaDB.Login
	if len(user) == 2 {
		login.User, login.Password = user[0], user[1]
	}
	login.Address, login.Database = s.mysql, "shop"
	return connect(s.t, "mysql", login.MySQL())
}

// postgres connects a client to the service reports, likewise.
func (s *server) postgres(user ...string) *client {
	s.t.Helper()
	login := shared.postgres.Login
	if len(user) == 2 {
		login.User, login.Password = user[0], user[1]
	}
	login.Address, login.Database = s.pg, "shop"
	return connect(s.t, "pgx", login.Postgres()+"?sslmode=disable&application_name=nightly-report")
}

func connect(t testing.TB, driverName, dsn string) *client {
	t.Helper()
	db, err := sql.Open(driverName, dsn)
	check(t, err)
	t.Cleanup(func() { _ = db.Close() })
	conn, err := db.Conn(t.Context())
	check(t, err)
	c := &client{t: t, conn: conn}
	c.query("SELECT 1")
	return c
}

// query runs a query and reads what it answers.
func (c *client) query(text string) {
	c.t.Helper()
	rows, err := c.conn.QueryContext(c.t.Context(), text)
	check(c.t, err)
	for rows.Next() {
	}
	check(c.t, errors.Join(rows.Err(), rows.Close()))
}

// gone reports whether the connection was closed.
func (c *client) gone() bool { return c.conn.PingContext(c.t.Context()) != nil }

func (c *client) close() {
	_ = c.conn.Raw(func(any) error { return driver.ErrBadConn }) // not back into the pool
	_ = c.conn.Close()
}

// eventually waits until a condition holds. Where it does not, but says what there is.
func eventually(t testing.TB, what string, holds func() bool, but ...func() string) {
	t.Helper()
	eventuallyIn(t, deadline, what, holds, but...)
}

// eventuallyIn waits so long until a condition holds.
func eventuallyIn(t testing.TB, most time.Duration, what string, holds func() bool, but ...func() string) {
	t.Helper()
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if holds() {
			return
		}
	}
	for _, say := range but {
		what += "; " + say()
	}
	t.Fatalf("it did not happen within %s: %s", most, what)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
