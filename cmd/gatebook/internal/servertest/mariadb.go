package servertest

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// StartMariaDB starts a MariaDB server that is stopped when the test ends.
func StartMariaDB(t testing.TB, opts ...Option) *Server {
	t.Helper()
	return startServer(t, NewMariaDB, opts)
}

// NewMariaDB starts a MariaDB server that its caller closes. It lets the
// administrator and every user log in from any address, by password, and does
// not look up the names of clients.
func NewMariaDB(opts ...Option) (*Server, error) {
	server, err := findProgram("mariadbd")
	if err != nil {
		return nil, err
	}
	installer, err := findProgram("mariadb-install-db")
	if err != nil {
		return nil, err
	}
	return newServer(mariaDB{server: server, installer: installer}, opts)
}

// mariaDB holds the paths of MariaDB's programs.
type mariaDB struct{ server, installer string }

func (mariaDB) name() string                    { return "MariaDB" }
func (mariaDB) credential() *syscall.Credential { return nil }
func (mariaDB) stopSignal() syscall.Signal      { return syscall.SIGKILL }

// initFile holds what the server runs at every start, before it listens.
const initFile = "init.sql"

// small keeps the log of a new server at 4 MB instead of 96.
func (mariaDB) small() []string {
	return []string{"--innodb-log-file-size=4M", "--innodb-buffer-pool-size=16M"}
}

// user lets root run the server as root, so that no folder changes hands.
func (mariaDB) user() []string {
	if os.Geteuid() != 0 {
		return nil
	}
	return []string{"--user=root"}
}

func (m mariaDB) install(s *Server) error {
	admin := "'" + s.User + "'@'%'"
	// One statement to a line, as the server wants it.
	script := strings.Join([]string{
		"CREATE USER IF NOT EXISTS " + admin + " IDENTIFIED BY '" + s.Password + "';",
		"GRANT ALL ON *.* TO " + admin + " WITH GRANT OPTION;",
		"CREATE DATABASE IF NOT EXISTS " + s.Database + ";",
	}, "\n") + "\n"
	if err := s.write(initFile, []byte(script)); err != nil {
		return err
	}
	args := []string{
		"--no-defaults", "--datadir=" + s.data(),
		"--auth-root-authentication-method=normal", "--skip-test-db",
	}
	args = append(append(args, m.user()...), m.small()...)
	return run(s.childCommand(m.installer, args...))
}

func (m mariaDB) command(s *Server) (string, []string) {
	host, port := s.hostPort()
	args := []string{
		"--no-defaults",
		"--datadir=" + s.data(),
		"--bind-address=" + host, "--port=" + port,
		// Relative to the data folder: an absolute path may be too long.
		"--socket=mariadbd.sock",
		"--pid-file=" + filepath.Join(s.dir, "mariadbd.pid"),
		"--init-file=" + filepath.Join(s.dir, initFile),
		// Written at each commit, synced once a second: enough to survive a Stop.
		"--innodb-flush-log-at-trx-commit=2",
		"--skip-log-bin", "--performance-schema=OFF", "--skip-name-resolve",
	}
	args = append(append(args, m.user()...), m.small()...)
	if s.speaksTLS() {
		args = append(args, "--ssl-cert="+s.certificate(), "--ssl-key="+s.key())
	}
	return m.server, append(args, s.options.args...)
}

func (mariaDB) open(l Login) (*sql.DB, error) {
	config := l.mysqlConfig()
	// The driver would print each refusal of a server that is still starting.
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("configure the administrator's connection: %w", err)
	}
	return sql.OpenDB(connector), nil
}

func (mariaDB) processes() string {
	return `SELECT id, user, COALESCE(db, ''), command, COALESCE(info, '')
		FROM information_schema.processlist
		WHERE user NOT IN ('system user', 'event_scheduler', '` + administrator + `')
		ORDER BY id`
}

func (mariaDB) addUser(name, password string) []string {
	quote := strings.NewReplacer(`\`, `\\`, `'`, `''`)
	account := "'" + quote.Replace(name) + "'@'%'"
	return []string{
		"CREATE USER " + account + " IDENTIFIED BY '" + quote.Replace(password) + "'",
		"GRANT ALL ON " + Database + ".* TO " + account,
	}
}
