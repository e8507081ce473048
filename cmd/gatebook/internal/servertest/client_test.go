package servertest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"database/sql"
	"encoding/pem"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// client is one connection of a user's program.
type client struct {
	t  *testing.T
	db *sql.DB
}

// open connects as a client would, through the driver of the server's kind.
func open(t *testing.T, s *Server, l Login) client {
	t.Helper()
	db, err := s.engine.open(l)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return client{t: t, db: db}
}

func (c client) exec(statement string) {
	c.t.Helper()
	if _, err := c.db.ExecContext(c.t.Context(), statement); err != nil {
		c.t.Fatal(err)
	}
}

// connectionID asks the server how it calls this connection.
func (c client) connectionID(query string) int64 {
	c.t.Helper()
	var id int64
	if err := c.db.QueryRowContext(c.t.Context(), query).Scan(&id); err != nil {
		c.t.Fatal(err)
	}
	return id
}

func (c client) disconnect() { c.db.SetMaxIdleConns(-1) }

func testClientPrograms(t *testing.T, k kind, s *Server) {
	run := func(statements string, login Login) Outcome {
		t.Helper()
		return runClient(t, k.client, login, statements, nil)
	}
	login := addUser(t, s, "bob", "secret")
	good := run("CREATE TABLE pair (a INT, b INT); INSERT INTO pair VALUES (1, 2); SELECT a FROM pair", login)
	if good.Code != 0 || !strings.HasSuffix(good.Stdout, "1\n") || good.Stderr != "" {
		t.Errorf("a good statement: got %+v", good)
	}
	bad := run("SELECT nonsense", login)
	if bad.Code == 0 || !strings.Contains(bad.Stderr, "nonsense") {
		t.Errorf("a bad statement: got %+v", bad)
	}
	login.Password = "guess"
	refused := run("SELECT 1", login)
	if refused.Code == 0 || !strings.Contains(refused.Stderr, "bob") {
		t.Errorf("a wrong password: got %+v", refused)
	}
}

func testInterruptedClient(t *testing.T, k kind, s *Server) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd, err := k.client(ctx, addUser(t, s, "eve", "secret"), k.pause)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the statement runs", func() bool {
		return slices.ContainsFunc(processes(t, s), func(p Process) bool { return p.Statement == k.pause })
	})
	cancel()
	if err := cmd.Wait(); err == nil {
		t.Error("a client that was killed ended well")
	}
}

func testTLS(t *testing.T, k kind, s *Server) {
	login := addUser(t, s, "tom", "secret")
	var got Outcome
	if k.name == "MariaDB" {
		got = RunMariaDBClient(t, login, "SHOW STATUS LIKE 'Ssl_version'", "--ssl")
	} else {
		login.Database = "dbname=shop sslmode=require"
		got = RunPsql(t, login, "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
	}
	if got.Code != 0 || !strings.Contains(got.Stdout, "TLSv1.") {
		t.Errorf("got %+v", got)
	}
}

// selfSigned returns a certificate for 127.0.0.1 and its key, both PEM.
func selfSigned(t *testing.T) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: privateDER})
}
