package gateway_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5"

	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
)

// TestServerEndsIdleSessions checks that a session which a real server ends because its client does
// nothing is on the record as that, with the server's words where it says some.
func TestServerEndsIdleSessions(t *testing.T) {
	t.Parallel()
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct{ statements, words string }{
			"in a transaction": {"SET idle_in_transaction_session_timeout = 300; BEGIN", "25P03: terminating connection due to idle-in-transaction timeout"},
			"idle":             {"SET idle_session_timeout = 300", "57P05: terminating connection due to idle-session timeout"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				h := open(t, gateway.Postgres, postgres(t))
				conn, err := pgx.Connect(t.Context(), h.login("jdoe", "secret").Postgres()+"?sslmode=disable")
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close(context.Background())
				if _, err := conn.PgConn().Exec(t.Context(), c.statements).ReadAll(); err != nil {
					t.Fatal(err)
				}
				h.wantReason(1, events.ReasonServerClosed, c.words)
			})
		}
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			parameters string
			statements []string
		}{
			"in a transaction": {"", []string{"SET idle_transaction_timeout = 1", "BEGIN"}},
			"compressed":       {"?compress=true", []string{"SET wait_timeout = 1", "SELECT 1"}},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				h := openWith(t, gateway.MySQL, func(s *gateway.Service) { s.Compression = true }, mariadb1(t))
				db, err := sql.Open("mysql", h.login("jdoe", "secret").MySQL()+c.parameters)
				if err != nil {
					t.Fatal(err)
				}
				defer db.Close()
				conn, err := db.Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				for _, statement := range c.statements {
					if _, err := conn.ExecContext(t.Context(), statement); err != nil {
						t.Fatal(err)
					}
				}
				h.wantReason(1, events.ReasonServerClosed, "")
			})
		}
	})
}

// TestServerShutsDown checks that the sessions of a real server that is shut down are ended by it,
// idle and busy ones.
func TestServerShutsDown(t *testing.T) {
	t.Parallel()
	server := servertest.StartMariaDB(t)
	if err := server.AddUser("jdoe", "secret"); err != nil {
		t.Fatal(err)
	}
	h := open(t, gateway.MySQL, server)
	db, err := sql.Open("mysql", h.login("jdoe", "secret").MySQL())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	idle, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	done := make(chan error, 1)
	go func() { _, err := db.ExecContext(t.Context(), "SELECT SLEEP(60)"); done <- err }()
	eventually(t, "it runs", func() bool { return works(server, "SELECT SLEEP(60)") })
	_ = server.Exec("SHUTDOWN")
	<-done
	for id := uint64(1); id <= 2; id++ {
		if e := h.ended(id).Ending(); e.Reason != events.ReasonServerClosed {
			t.Errorf("session %d ended with %v %q", id, e.Reason, e.Description)
		}
	}
}
