package servertest

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// StartPostgres starts a PostgreSQL server that is stopped when the test ends.
func StartPostgres(t testing.TB, opts ...Option) *Server {
	t.Helper()
	return startServer(t, NewPostgres, opts)
}

// NewPostgres starts a PostgreSQL server that its caller closes. Every login is
// by SCRAM-SHA-256.
func NewPostgres(opts ...Option) (*Server, error) {
	server, err := findProgram("postgres")
	if err != nil {
		return nil, err
	}
	installer, err := findProgram("initdb")
	if err != nil {
		return nil, err
	}
	account, err := unprivileged()
	if err != nil {
		return nil, err
	}
	return newServer(postgres{server: server, installer: installer, account: account}, opts)
}

// postgres holds the paths of PostgreSQL's programs and the user that they run as.
type postgres struct {
	server, installer string
	account           *syscall.Credential
}

func (postgres) name() string                      { return "PostgreSQL" }
func (p postgres) credential() *syscall.Credential { return p.account }

// stopSignal asks for an immediate shutdown. After SIGKILL the backends would
// live on until each noticed that its parent is gone.
func (postgres) stopSignal() syscall.Signal { return syscall.SIGQUIT }

func (p postgres) install(s *Server) error {
	const passwordFile = "password"
	if err := s.write(passwordFile, []byte(s.Password+"\n")); err != nil {
		return err
	}
	install := s.childCommand(
		p.installer,
		"--pgdata="+s.data(), "--username="+s.User,
		"--pwfile="+filepath.Join(s.dir, passwordFile),
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync",
	)
	if err := run(install); err != nil {
		return err
	}
	// A single-user server reads one statement a line. A grant in the template
	// holds in the new database too.
	create := s.childCommand(p.server, "--single", "-D", s.data(), "-c", "fsync=off", "template1")
	create.Stdin = strings.NewReader(
		"GRANT ALL ON SCHEMA public TO PUBLIC\n" +
			"CREATE DATABASE " + s.Database + "\n")
	return run(create)
}

func (p postgres) command(s *Server) (string, []string) {
	host, port := s.hostPort()
	args := []string{
		"-D", s.data(), "-p", port,
		"-c", "listen_addresses=" + host,
		"-c", "unix_socket_directories=",
		"-c", "fsync=off", "-c", "full_page_writes=off",
		"-c", "shared_buffers=16MB",
	}
	if s.speaksTLS() {
		args = append(args, "-c", "ssl=on", "-c", "ssl_cert_file="+s.certificate(), "-c", "ssl_key_file="+s.key())
	}
	return p.server, append(args, s.options.args...)
}

func (postgres) open(l Login) (*sql.DB, error) {
	config, err := pgx.ParseConfig(l.Postgres())
	if err != nil {
		return nil, fmt.Errorf("configure the administrator's connection: %w", err)
	}
	// One connection a login, and none that only asks for TLS.
	config.TLSConfig, config.Fallbacks = nil, nil
	return stdlib.OpenDB(*config), nil
}

func (postgres) processes() string {
	return `SELECT pid, COALESCE(usename, ''), COALESCE(datname, ''), COALESCE(state, ''), COALESCE(query, '')
		FROM pg_stat_activity
		WHERE backend_type = 'client backend' AND usename IS DISTINCT FROM '` + administrator + `'
		ORDER BY pid`
}

func (postgres) addUser(name, password string) []string {
	role := `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	return []string{
		"CREATE ROLE " + role + " LOGIN PASSWORD '" + strings.ReplaceAll(password, `'`, `''`) + "'",
		"GRANT ALL ON DATABASE " + Database + " TO " + role,
	}
}
