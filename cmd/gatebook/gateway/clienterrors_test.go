package gateway

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatebook"

	"github.com/jackc/pgx/v5"

	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
)

// TestErrorsForRealMySQLClients checks what the clients of MariaDB show when the
// gateway does not let them in, or ends them.
func TestErrorsForRealMySQLClients(t *testing.T) {
	t.Parallel()
	server := servertest.StartMariaDB(t)
	r := newHarness(t, MySQL, func(_ *harness, s *Service) { s.MaxSessions, s.IdleTimeout = 1, time.Hour }, server.Address)
	login := server.Login
	login.Address = r.Addresses("front")[0].String()
	db, err := sql.Open("mysql", login.MySQL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := ask(t, conn); err != nil {
		t.Fatal(err)
	}
	wantClientError(t, servertest.RunMariaDBClient(t, login, "SELECT 1", "--skip-ssl"), "ERROR 1040 (HY000): Too many connections: service front takes 1 sessions")
	// A client that prefers TLS shows the same.
	wantClientError(t, servertest.RunMariaDBClient(t, login, "SELECT 1"), "1040 - Too many connections: service front takes 1 sessions")
	if _, err := db.Conn(t.Context()); err == nil || !strings.Contains(err.Error(), "Error 1040: Too many connections") {
		t.Errorf("got %v", err)
	}
	r.endIdle(time.Now().Add(time.Hour))
	wantReason(t, r, 1, events.ReasonIdleTimeout)
	if err := ask(t, conn); err == nil {
		t.Error("an idle session went on")
	}
	conn.Close()
	r.turn(gatebook.Switch{Service: "front", Stopped: true})
	wantClientError(t, servertest.RunMariaDBClient(t, login, "SELECT 1", "--skip-ssl"), "ERROR 1053 (HY000): service front is stopped")
	r.turn(gatebook.Switch{Service: "front"})
	if got := servertest.RunMariaDBClient(t, login, "SELECT 1"); got.Code != 0 || strings.TrimSpace(got.Stdout) != "1" {
		t.Errorf("got %+v", got)
	}
}

// TestErrorsForRealPostgresClients checks the same for those of PostgreSQL.
func TestErrorsForRealPostgresClients(t *testing.T) {
	t.Parallel()
	server := servertest.StartPostgres(t)
	r := newHarness(t, Postgres, func(_ *harness, s *Service) { s.MaxSessions, s.IdleTimeout = 1, time.Hour }, server.Address)
	login := server.Login
	login.Address = r.Addresses("front")[0].String()
	conn, err := pgx.Connect(t.Context(), login.Postgres()+"?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	wantClientError(t, servertest.RunPsql(t, login, "SELECT 1"), "FATAL:  Too many connections: service front takes 1 sessions")
	r.await(t, "the session can be idle", func() bool { return r.sessions.index.find(1).relaying.Load() })
	r.endIdle(time.Now().Add(time.Hour))
	if _, err := conn.Exec(t.Context(), "SELECT 1"); err == nil || !strings.Contains(err.Error(), "57P05") {
		t.Errorf("got %v", err)
	}
	wantReason(t, r, 1, events.ReasonIdleTimeout)
	r.turn(gatebook.Switch{Service: "front", Stopped: true})
	wantClientError(t, servertest.RunPsql(t, login, "SELECT 1"), "FATAL:  service front is stopped")
}

// TestEndNoticeForRealClients checks what the clients of MariaDB and PostgreSQL show
// when their session is ended while they wait for an answer, and when they next ask
// something.
func TestEndNoticeForRealClients(t *testing.T) {
	t.Parallel()
	mysqlClient := func(t *testing.T, to servertest.Login, statements ...string) servertest.Outcome {
		return servertest.RunMariaDBClient(t, to, strings.Join(statements, "\n"))
	}
	psql := func(t *testing.T, to servertest.Login, statements ...string) servertest.Outcome {
		var more []string
		for _, s := range statements[1:] {
			more = append(more, "--command="+s)
		}
		return servertest.RunPsql(t, to, statements[0], more...)
	}
	mariaDB, postgreSQL := servertest.StartMariaDB(t), servertest.StartPostgres(t)
	kill := func(r *harness) { r.recorder.kills <- []uint64{1} }
	for name, c := range map[string]struct {
		protocol Protocol
		server   *servertest.Server
		run      func(t *testing.T, to servertest.Login, statements ...string) servertest.Outcome
		query    string // "" for one that is idle
		end      func(r *harness)
		want     string
	}{
		"mariadb killed in a query":  {MySQL, mariaDB, mysqlClient, "SELECT SLEEP(600);", kill, "ERROR 1927 (70100) at line 1: the session was ended by an administrator"},
		"mariadb killed idle":        {MySQL, mariaDB, mysqlClient, "", kill, "ERROR 1927 (70100) at line 3: the session was ended by an administrator"},
		"mariadb at shutdown":        {MySQL, mariaDB, mysqlClient, "SELECT SLEEP(600);", (*harness).close, "ERROR 1053 (08S01) at line 1: the gateway is shutting down"},
		"postgres killed in a query": {Postgres, postgreSQL, psql, "SELECT pg_sleep(600)", kill, "FATAL:  the session was ended by an administrator"},
		"postgres killed idle":       {Postgres, postgreSQL, psql, "", kill, "FATAL:  the session was ended by an administrator"},
		"postgres at shutdown":       {Postgres, postgreSQL, psql, "SELECT pg_sleep(600)", (*harness).close, "FATAL:  the gateway is shutting down"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newHarness(t, c.protocol, nil, c.server.Address)
			login := c.server.Login
			login.Address = r.Addresses("front")[0].String()
			folder := t.TempDir()
			here, over := filepath.Join(folder, "here"), filepath.Join(folder, "over")
			statements := []string{c.query}
			if c.query == "" { // it makes a file, waits for another, and then asks again
				script := filepath.Join(folder, "wait")
				if err := os.WriteFile(script, []byte("touch "+here+"; until [ -e "+over+" ]; do sleep 0.01; done"), 0o600); err != nil {
					t.Fatal(err)
				}
				statements = []string{"SELECT 1;", `\! sh ` + script, "SELECT 2;"}
			}
			outcome := make(chan servertest.Outcome, 1)
			go func() { outcome <- c.run(t, login, statements...) }()
			r.await(t, "the client has come this far", func() bool {
				if c.query == "" {
					_, err := os.Stat(here)
					return err == nil
				}
				s := r.sessions.index.find(1)
				return s != nil && s.relaying.Load() && s.activity.waiting().Owed
			})
			c.end(r)
			r.recorder.ended(t, 1)
			if err := os.WriteFile(over, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			wantClientError(t, <-outcome, c.want)
		})
	}
}

func wantClientError(t *testing.T, got servertest.Outcome, want string) {
	t.Helper()
	if got.Code == 0 || !strings.Contains(got.Stderr, want) {
		t.Errorf("got %d %q, want %q", got.Code, got.Stderr, want)
	}
}
