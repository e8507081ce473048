package gateway_test

import (
	"context"
	"crypto/md5"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"gatebook"

	"github.com/go-sql-driver/mysql"

	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
	"gatebook/projection"
)

// md5Of returns a password in the form in which PostgreSQL once kept it.
func md5Of(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// TestMariaDBClient checks MariaDB's own client, each session on the next of two
// servers, by each plugin and with compression asked for.
func TestMariaDBClient(t *testing.T) {
	t.Parallel()
	first, second := mariadb1(t), mariadb2(t)
	h := open(t, gateway.MySQL, first, second)
	ports := []string{portOf(first.Address), portOf(second.Address)}
	for i, test := range []struct {
		user string
		args []string
	}{
		{"jdoe", nil},
		{"jdoe", nil},
		{"ed", nil},
		{"jdoe", []string{"--compress"}},
	} {
		outcome := servertest.RunMariaDBClient(t, h.login(test.user, "secret"), "SELECT @@port, CONNECTION_ID()", test.args...)
		port, connection, _ := strings.Cut(strings.TrimSpace(outcome.Stdout), "\t")
		if outcome.Code != 0 || port != ports[i%2] {
			t.Fatalf("%v: got %+v, want port %s", test, outcome, ports[i%2])
		}
		v := h.wantEnd(uint64(i+1), projection.Login{User: test.user, Database: servertest.Database, Program: "mysql"}, events.ReasonClientClosed)
		c, ok := v.Connection(1)
		if !ok || len(v.Connections) != 1 || strconv.FormatUint(c.ServerID, 10) != connection || c.Server() != fmt.Sprintf("db%d", 1+i%2) {
			t.Errorf("%v: connection %+v to %s, want %s", test, c, c.Server(), connection)
		}
		client, server := v.Counters(), c.Counters()
		if client.BytesRead == 0 || client.BytesRead != server.BytesWritten || client.BytesWritten != server.BytesRead || client.Reads < 2 {
			t.Errorf("%v: counters %+v, %+v", test, client, server)
		}
	}
}

// portOf returns the port of an address.
func portOf(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

// TestMariaDBWrongPassword checks that the client gets the server's own error with
// either plugin, and that the record has the login that was tried.
func TestMariaDBWrongPassword(t *testing.T) {
	t.Parallel()
	h := open(t, gateway.MySQL, mariadb1(t))
	for i, user := range []string{"jdoe", "ed"} {
		outcome := servertest.RunMariaDBClient(t, h.login(user, "wrong"), "SELECT 1")
		if outcome.Code == 0 || !strings.Contains(outcome.Stderr, "ERROR 1045 (28000): Access denied for user '"+user) {
			t.Errorf("got %+v", outcome)
		}
		v := h.wantEnd(uint64(i+1), projection.Login{User: user, Database: servertest.Database, Program: "mysql"}, events.ReasonAuthFailed)
		if !strings.HasPrefix(v.Ending().Description, "1045 (28000): Access denied for user '"+user) {
			t.Errorf("described as %q", v.Ending().Description)
		}
	}
}

// TestGoDriverInsistsOnTLS checks that a client which insists on TLS reads in the
// greeting that there is none, and hangs up, which is no failed login.
func TestGoDriverInsistsOnTLS(t *testing.T) {
	t.Parallel()
	h := open(t, gateway.MySQL, mariadb1(t))
	db, err := sql.Open("mysql", h.login("jdoe", "secret").MySQL()+"?tls=skip-verify")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ping(); !errors.Is(err, mysql.ErrNoTLS) {
		t.Errorf("got %v", err)
	}
	h.wantEnd(1, projection.Login{}, events.ReasonClientClosed)
}

// TestMariaDBUnknownDatabase checks that an error after a right password is a failed
// login too.
func TestMariaDBUnknownDatabase(t *testing.T) {
	t.Parallel()
	h := open(t, gateway.MySQL, mariadb1(t))
	login := h.login("jdoe", "secret")
	login.Database = "attic"
	if outcome := servertest.RunMariaDBClient(t, login, "SELECT 1"); !strings.Contains(outcome.Stderr, "ERROR 1044") {
		t.Errorf("got %+v", outcome)
	}
	h.wantEnd(1, projection.Login{User: "jdoe", Database: "attic", Program: "mysql"}, events.ReasonAuthFailed)
}

// TestGoDriver checks go-sql-driver: its program's name, its counters while it is
// connected, and a large result.
func TestGoDriver(t *testing.T) {
	t.Parallel()
	h := open(t, gateway.MySQL, mariadb1(t))
	db, err := sql.Open("mysql", h.login("jdoe", "secret").MySQL()+"?connectionAttributes=program_name:till")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var connection uint64
	if err := db.QueryRow("SELECT CONNECTION_ID()").Scan(&connection); err != nil {
		t.Fatal(err)
	}
	v := h.session(1)
	if want := (projection.Login{User: "jdoe", Database: servertest.Database, Program: "till"}); v.Login() != want || v.Stage != projection.Routing {
		t.Errorf("got %+v at stage %v, want %+v", v.Login(), v.Stage, want)
	}
	if c, ok := v.Connection(1); !ok || c.ServerID != connection {
		t.Errorf("connection is %+v, want %d", c, connection)
	}
	var text string
	if err := db.QueryRow("SELECT REPEAT('x', 8 << 20)").Scan(&text); err != nil || len(text) != 8<<20 {
		t.Fatalf("got %d bytes, %v", len(text), err)
	}
	eventually(t, "the counters move", func() bool {
		v := h.session(1)
		c, active := v.Current(0)
		return c.BytesWritten > 8<<20 && active != 0
	})
	db.Close()
	h.wantEnd(1, v.Login(), events.ReasonClientClosed)
}

// TestMariaDBKilled checks that the client is cut off, that the server notices, and
// that the administrator is on the record.
func TestMariaDBKilled(t *testing.T) {
	t.Parallel()
	h := open(t, gateway.MySQL, mariadb1(t))
	db, err := sql.Open("mysql", h.login("jdoe", "secret").MySQL())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var connection int64
	if err := conn.QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&connection); err != nil {
		t.Fatal(err)
	}
	v, err := h.Kill(t.Context(), 1, gatebook.Request{By: "admin", Why: "too long"})
	if err != nil || v.Status != projection.Closed || v.Ending().Reason != events.ReasonKilled || v.Ending().By != "admin" {
		t.Errorf("got %v %+v, %v", v.Status, v.Ending(), err)
	}
	if err := conn.PingContext(t.Context()); err == nil {
		t.Error("the killed connection still answers")
	}
	eventually(t, "the server has let go", func() bool {
		list, err := mariadb1(t).Processes()
		for _, p := range list {
			if p.ID == connection {
				return false
			}
		}
		return err == nil
	})
}

// TestServerDies checks the end of sessions whose server dies, with an idle client and
// with one that waits for an answer.
func TestServerDies(t *testing.T) {
	t.Parallel()
	server := servertest.StartMariaDB(t)
	if err := server.AddUser("jdoe", "secret"); err != nil {
		t.Fatal(err)
	}
	h := open(t, gateway.MySQL, server, mariadb1(t))
	db, err := sql.Open("mysql", h.login("jdoe", "secret").MySQL())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	login := projection.Login{User: "jdoe", Database: servertest.Database}
	h.wantEnd(1, login, events.ReasonServerClosed)
	// The next one whose turn it would be goes to the server that is left.
	for id := uint64(2); id <= 3; id++ {
		if outcome := servertest.RunMariaDBClient(t, h.login("jdoe", "secret"), "SELECT 1"); outcome.Code != 0 {
			t.Fatalf("got %+v", outcome)
		}
	}
	login.Program = "mysql"
	h.wantEnd(2, login, events.ReasonClientClosed)
	v := h.wantEnd(3, login, events.ReasonClientClosed)
	if len(v.Connections) != 2 || v.Connections[0].State != projection.Failed || v.Connections[1].Server() != "db2" {
		t.Errorf("connections %+v", v.Connections)
	}
}

// TestGatewayCloses checks that established sessions end with reason shutdown.
func TestGatewayCloses(t *testing.T) {
	t.Parallel()
	h := open(t, gateway.MySQL, mariadb1(t))
	db, err := sql.Open("mysql", h.login("jdoe", "secret").MySQL())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ping(); err != nil {
		t.Fatal(err)
	}
	h.close()
	h.wantEnd(1, projection.Login{User: "jdoe", Database: servertest.Database}, events.ReasonShutdown)
}
