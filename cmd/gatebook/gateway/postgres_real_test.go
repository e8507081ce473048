package gateway_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatebook"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
	"gatebook/projection"
)

// TestPsql checks PostgreSQL's own client, with each kind of password.
func TestPsql(t *testing.T) {
	t.Parallel()
	h := open(t, gateway.Postgres, postgres(t))
	for i, user := range []string{"jdoe", "old"} {
		outcome := servertest.RunPsql(t, h.login(user, "secret"), "SELECT pg_backend_pid()")
		if outcome.Code != 0 {
			t.Fatalf("%s: got %+v", user, outcome)
		}
		v := h.wantEnd(uint64(i+1), projection.Login{User: user, Database: servertest.Database, Program: "psql"}, events.ReasonClientClosed)
		c, ok := v.Connection(1)
		if !ok || len(v.Connections) != 1 || strconv.FormatUint(c.ServerID, 10) != strings.TrimSpace(outcome.Stdout) || c.Server() != "db1" {
			t.Errorf("%s: connection %+v, want %s", user, c, outcome.Stdout)
		}
		if client, server := v.Counters(), c.Counters(); client.BytesRead <= server.BytesWritten || client.BytesWritten != server.BytesRead+1 {
			// The request for TLS, and its answer, never reach the server.
			t.Errorf("%s: counters %+v, %+v", user, client, server)
		}
	}
}

// TestPsqlRefused checks logins that fail, and clients that insist on what is not
// offered.
func TestPsqlRefused(t *testing.T) {
	t.Parallel()
	h := open(t, gateway.Postgres, postgres(t))
	tests := []struct {
		user, password, database string
		stderr                   string
		reason                   events.Reason
		description              string
	}{
		{"jdoe", "wrong", "shop", "password authentication failed", events.ReasonAuthFailed, "28P01: password authentication failed"},
		{"old", "wrong", "shop", "password authentication failed", events.ReasonAuthFailed, "28P01: password authentication failed"},
		{"nobody", "secret", "shop", "password authentication failed", events.ReasonAuthFailed, "28P01"},
		{"jdoe", "secret", "attic", `database "attic" does not exist`, events.ReasonAuthFailed, "3D000"},
		{"", "secret", "dbname=shop sslmode=require", "server does not support SSL", events.ReasonClientClosed, ""},
	}
	for i, test := range tests {
		login := h.login(test.user, test.password)
		login.Database = test.database
		if test.user == "" {
			login.User = "jdoe"
		}
		outcome := servertest.RunPsql(t, login, "SELECT 1")
		if outcome.Code == 0 || !strings.Contains(outcome.Stderr, test.stderr) {
			t.Errorf("%+v: got %+v", test, outcome)
		}
		tried := projection.Login{User: test.user, Database: test.database, Program: "psql"}
		if test.user == "" { // it went before it sent anything
			tried = projection.Login{}
		}
		v := h.wantEnd(uint64(i+1), tried, test.reason)
		if !strings.HasPrefix(v.Ending().Description, test.description) {
			t.Errorf("%+v: described as %q", test, v.Ending().Description)
		}
	}
}

// connect logs in with pgx, without asking for TLS.
func (h *endToEnd) connect(parameters string) *pgx.Conn {
	h.t.Helper()
	conn, err := pgx.Connect(h.t.Context(), h.login("jdoe", "secret").Postgres()+"?"+parameters)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = conn.Close(ctx) // it may be killed by then
	})
	return conn
}

// TestPgx checks that a client which hangs up and dials again when it is not offered
// TLS has two sessions, neither of them a failed login.
func TestPgx(t *testing.T) {
	t.Parallel()
	h := open(t, gateway.Postgres, postgres(t))
	conn := h.connect("application_name=till")
	var number int
	if err := conn.QueryRow(t.Context(), "SELECT $1::int + 1", 41).Scan(&number); err != nil || number != 42 {
		t.Errorf("got %d, %v", number, err)
	}
	// Which of the two is recorded first is open: the one that asked for TLS
	// is in it when it is clear that it wants nothing else.
	declined, session := uint64(1), uint64(2)
	eventually(t, "both are in the book", func() bool { return h.Moment().Live+int(h.Moment().Closed) == 2 })
	if h.session(declined).Login().User != "" {
		declined, session = session, declined
	}
	h.wantEnd(declined, projection.Login{}, events.ReasonClientClosed)
	if c, ok := h.session(session).Connection(1); !ok || c.ServerID != uint64(conn.PgConn().PID()) {
		t.Errorf("connection %+v, want %d", c, conn.PgConn().PID())
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
	h.wantEnd(session, projection.Login{User: "jdoe", Database: servertest.Database, Program: "till"}, events.ReasonClientClosed)
}

// TestPostgresKilled checks that a query that runs stops, although its server has no
// reason to look at its client.
func TestPostgresKilled(t *testing.T) {
	t.Parallel()
	h := open(t, gateway.Postgres, postgres(t))
	conn := h.connect("sslmode=disable")
	pid := int64(conn.PgConn().PID())
	failed := make(chan error, 1)
	go func() {
		_, err := conn.Exec(context.WithoutCancel(t.Context()), "SELECT pg_sleep(600)")
		failed <- err
	}()
	eventually(t, "the query runs", func() bool { return running(t, pid) == "active" })
	v, err := h.Kill(t.Context(), 1, gatebook.Request{By: "admin"})
	if err != nil || v.Ending().Reason != events.ReasonKilled || v.Ending().By != "admin" {
		t.Errorf("got %+v, %v", v.Ending(), err)
	}
	if err := <-failed; err == nil {
		t.Error("the client was not told")
	}
	eventually(t, "the query has stopped", func() bool { return running(t, pid) == "" })
}

// running returns the state of a backend, "" when it is gone.
func running(t *testing.T, pid int64) string {
	t.Helper()
	list, err := postgres(t).Processes()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		if p.ID == pid {
			return p.State
		}
	}
	return ""
}

// TestPostgresCancel checks that a client cancels its own query, and goes on.
func TestPostgresCancel(t *testing.T) {
	t.Parallel()
	h := open(t, gateway.Postgres, postgres(t))
	conn := h.connect("sslmode=disable")
	pid := int64(conn.PgConn().PID())
	failed := make(chan error, 1)
	go func() {
		_, err := conn.Exec(context.WithoutCancel(t.Context()), "SELECT pg_sleep(600)")
		failed <- err
	}()
	eventually(t, "the query runs", func() bool { return running(t, pid) == "active" })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := conn.PgConn().CancelRequest(ctx); err != nil {
		t.Fatal(err)
	}
	var refused *pgconn.PgError
	if err := <-failed; !errors.As(err, &refused) || refused.Code != "57014" {
		t.Errorf("the query ended with %v", err)
	}
	if err := conn.Ping(t.Context()); err != nil {
		t.Errorf("after the cancel: %v", err)
	}
	v := h.wantEnd(2, projection.Login{}, events.ReasonServerClosed)
	if v.Type() != events.TypeCancel {
		t.Errorf("type is %v", v.Type())
	}
	if h.session(1).Status != projection.Live {
		t.Error("the session whose query was cancelled has ended")
	}
}

// TestSilentClientIsShown checks that a client which has not logged in is recorded.
func TestSilentClientIsShown(t *testing.T) {
	t.Parallel()
	h := open(t, gateway.Postgres, postgres(t))
	begun := time.Now()
	conn := h.dial()
	eventually(t, "the session is there", func() bool {
		_, _, err := h.Session(1)
		return err == nil
	})
	if v := h.session(1); v.Stage != projection.Accepted || v.Opened.Time().Before(begun.Add(-time.Second)) {
		t.Errorf("stage %v, opened %v", v.Stage, v.Opened.Time())
	}
	conn.Close()
	h.wantEnd(1, projection.Login{}, events.ReasonClientClosed)
}
