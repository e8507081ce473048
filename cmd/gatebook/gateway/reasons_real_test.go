package gateway_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
	"gatebook/projection"
)

// wantReason waits for a session's end and checks its reason, and what its description
// begins with.
func (h *endToEnd) wantReason(id uint64, want events.Reason, description string) {
	h.t.Helper()
	if e := h.ended(id).Ending(); e.Reason != want || !strings.HasPrefix(e.Description, description) || description == "" && e.Description != "" {
		h.t.Errorf("session %d ended with %v %q, want %v %q", id, e.Reason, e.Description, want, description)
	}
}

// TestServerHasTheLastWord checks that a session which a real server has ended is on the
// record as that, with the server's words, although the client hangs up when it reads them.
func TestServerHasTheLastWord(t *testing.T) {
	t.Parallel()
	t.Run("pg_terminate_backend", func(t *testing.T) {
		t.Parallel()
		server := postgres(t)
		h := open(t, gateway.Postgres, server)
		for id := uint64(1); id <= 10; id++ {
			conn, err := pgx.Connect(t.Context(), h.login("jdoe", "secret").Postgres()+"?sslmode=disable")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { _, err := conn.Exec(t.Context(), "SELECT pg_sleep(60)"); done <- err }()
			h.wantActivity("sleep", id, projection.ActivityWaiting)
			execute(t, server, fmt.Sprintf("SELECT pg_terminate_backend(%d)", h.session(id).Connections[0].ServerID))
			<-done
			conn.Close(context.Background())
			h.wantReason(id, events.ReasonServerClosed, "57P01: terminating connection due to administrator command")
		}
	})
	t.Run("KILL", func(t *testing.T) {
		t.Parallel()
		server := mariadb1(t)
		h := open(t, gateway.MySQL, server)
		db, err := sql.Open("mysql", h.login("jdoe", "secret").MySQL())
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		done := make(chan error, 1)
		go func() { _, err := db.ExecContext(t.Context(), "SELECT SLEEP(60)"); done <- err }()
		eventually(t, "it runs", func() bool {
			v, _, err := h.Session(1)
			return err == nil && v.Observed != nil && v.Observed.Activity == projection.ActivityWaiting
		})
		execute(t, server, fmt.Sprintf("KILL CONNECTION %d", h.session(1).Connections[0].ServerID))
		<-done
		db.Close()
		h.wantReason(1, events.ReasonServerClosed, "") // MariaDB 10.11 says nothing
	})
	t.Run("wait_timeout", func(t *testing.T) {
		t.Parallel()
		h := open(t, gateway.MySQL, mariadb1(t))
		db, err := sql.Open("mysql", h.login("jdoe", "secret").MySQL()+"?wait_timeout=1")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.Ping(); err != nil {
			t.Fatal(err)
		}
		h.wantReason(1, events.ReasonServerClosed, "")
	})
}

// TestServerRefusesForItself checks that a login which a real server refuses for want of room
// has not failed: the server has closed.
func TestServerRefusesForItself(t *testing.T) {
	t.Parallel()
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		server := mariadb1(t)
		execute(t, server, "CREATE USER few IDENTIFIED BY 'secret' WITH MAX_USER_CONNECTIONS 1")
		h := open(t, gateway.MySQL, server)
		login := h.login("few", "secret")
		login.Database = ""
		db, err := sql.Open("mysql", login.MySQL())
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.Ping(); err != nil {
			t.Fatal(err)
		}
		servertest.RunMariaDBClient(t, login, "SELECT 1")
		h.wantReason(2, events.ReasonServerClosed, "1226 (42000): User 'few' has exceeded")
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		server := postgres(t)
		execute(t, server, "CREATE ROLE few LOGIN PASSWORD 'secret' CONNECTION LIMIT 0")
		h := open(t, gateway.Postgres, server)
		servertest.RunPsql(t, h.login("few", "secret"), "SELECT 1")
		h.wantReason(1, events.ReasonServerClosed, "53300: too many connections for role")
	})
}

// TestCompressedGoodbye checks that a client which compresses and says goodbye has closed.
func TestCompressedGoodbye(t *testing.T) {
	t.Parallel()
	h := openWith(t, gateway.MySQL, func(s *gateway.Service) { s.Compression = true }, mariadb1(t))
	for id := uint64(1); id <= 10; id++ {
		if outcome := servertest.RunMariaDBClient(t, h.login("jdoe", "secret"), "SELECT REPEAT('x', 10000)", "--compress"); outcome.Code != 0 {
			t.Fatalf("got %+v", outcome)
		}
		h.wantReason(id, events.ReasonClientClosed, "")
	}
}
