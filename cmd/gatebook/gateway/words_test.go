package gateway

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
)

// TestWordsForRealMySQLClients: what the clients of MariaDB show when the gateway
// does not let them in, or not stay.
func TestWordsForRealMySQLClients(t *testing.T) {
	t.Parallel()
	server := servertest.StartMariaDB(t)
	r := newRig(t, MySQL, func(_ *rig, s *Service) { s.MaxSessions, s.IdleTimeout = 1, time.Hour }, server.Address)
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
	// A client that would have liked TLS says so as well.
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
	r.turn(Switch{Service: "front", Stopped: true})
	wantClientError(t, servertest.RunMariaDBClient(t, login, "SELECT 1", "--skip-ssl"), "ERROR 1053 (HY000): service front is stopped")
	r.turn(Switch{Service: "front"})
	if got := servertest.RunMariaDBClient(t, login, "SELECT 1"); got.Code != 0 || strings.TrimSpace(got.Stdout) != "1" {
		t.Errorf("got %+v", got)
	}
}

// TestWordsForRealPostgresClients: the same for those of PostgreSQL.
func TestWordsForRealPostgresClients(t *testing.T) {
	t.Parallel()
	server := servertest.StartPostgres(t)
	r := newRig(t, Postgres, func(_ *rig, s *Service) { s.MaxSessions, s.IdleTimeout = 1, time.Hour }, server.Address)
	login := server.Login
	login.Address = r.Addresses("front")[0].String()
	conn, err := pgx.Connect(t.Context(), login.Postgres()+"?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	wantClientError(t, servertest.RunPsql(t, login, "SELECT 1"), "FATAL:  Too many connections: service front takes 1 sessions")
	r.await(t, "the session can be idle", func() bool { return r.roster.find(1).established.Load() })
	r.endIdle(time.Now().Add(time.Hour))
	if _, err := conn.Exec(t.Context(), "SELECT 1"); err == nil || !strings.Contains(err.Error(), "57P05") {
		t.Errorf("got %v", err)
	}
	wantReason(t, r, 1, events.ReasonIdleTimeout)
	r.turn(Switch{Service: "front", Stopped: true})
	wantClientError(t, servertest.RunPsql(t, login, "SELECT 1"), "FATAL:  service front is stopped")
}

func wantClientError(t *testing.T, got servertest.Outcome, want string) {
	t.Helper()
	if got.Code == 0 || !strings.Contains(got.Stderr, want) {
		t.Errorf("got %d %q, want %q", got.Code, got.Stderr, want)
	}
}
