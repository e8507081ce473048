package main_test

import (
	"crypto/tls"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"

	"gatebook/cmd/gatebook/internal/certtest"
	"gatebook/cmd/gatebook/internal/servertest"
)

// SIGHUP brings a new certificate to those who come and drops nobody. The record
// tells of the TLS there was.
func TestHangup(t *testing.T) {
	server := servertest.StartMariaDB(t)
	authority := certtest.NewAuthority(t, "authority")
	folder := t.TempDir()
	write := func(pair certtest.Pair) (string, string) {
		return certtest.WriteFile(t, folder, "service.pem", pair.Certificate), certtest.WriteFile(t, folder, "service.key", pair.Key)
	}
	certificate, key := write(authority.Issue(t, "old"))
	path := configure(t, "mysql", server)
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(file, "tls = { certificate = %q, key = %q }\n", certificate, key)
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	p := serve(t, "--config", path, "--data", filepath.Join(t.TempDir(), "data"))
	seen := ""
	connect := func() *sql.DB {
		t.Helper()
		to := server.Login
		to.Address = p.services["orders"]
		c, err := mysql.ParseDSN(to.MySQL())
		if err != nil {
			t.Fatal(err)
		}
		c.TLS = &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost", VerifyConnection: func(s tls.ConnectionState) error {
			seen = s.PeerCertificates[0].Subject.CommonName
			return nil
		}}
		connector, err := mysql.NewConnector(c)
		if err != nil {
			t.Fatal(err)
		}
		db := sql.OpenDB(connector)
		db.SetMaxOpenConns(1)
		t.Cleanup(func() { _ = db.Close() })
		if err := db.PingContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		return db
	}
	number := func(db *sql.DB) (n int) {
		t.Helper()
		if err := db.QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := connect()
	first := number(before)
	if seen != "old" {
		t.Errorf("served %q", seen)
	}
	write(authority.Issue(t, "new"))
	if err := p.command.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new certificate is served", func() bool {
		_ = connect().Close()
		return seen == "new"
	})
	if got := number(before); got != first {
		t.Errorf("the session was dropped: connection %d became %d", first, got)
	}
}

// TestHangupSaysWhatChanged sends SIGHUP without a change, and with one that needs a restart.
func TestHangupSaysWhatChanged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "gatebook.toml")
	p := func() *program {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return serve(t, "--config", path, "--data", filepath.Join(t.TempDir(), "data"))
	}()
	for _, c := range []struct{ text, want string }{
		{"", "SIGHUP: nothing has changed in the configuration"},
		{"access_log = true\n", "SIGHUP: what has changed in the configuration needs a restart"},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.command.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		eventually(t, c.want, func() bool { return strings.Contains(p.stderr.String(), c.want) })
	}
	if strings.Contains(p.stderr.String(), "reloaded") {
		t.Errorf("it says %s", p.stderr)
	}
}
