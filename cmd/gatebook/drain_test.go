package main_test

import (
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gatebook/cmd/gatebook/internal/servertest"
)

// A service that is stopped through the API lets nobody in, in the words of its
// protocol, and those who are there go on; it stays so over a restart, until it is
// started again.
func TestStopService(t *testing.T) {
	server := servertest.StartMariaDB(t)
	if err := server.AddUser("jdoe", "secret"); err != nil {
		t.Fatal(err)
	}
	args := []string{"--config", configure(t, "mysql", server), "--data", filepath.Join(t.TempDir(), "data")}
	p := serve(t, args...)
	to := server.Login
	to.Address, to.User, to.Password = p.services["orders"], "jdoe", "secret"
	there := login(t, to)
	put := func(what string) {
		t.Helper()
		if status, _, body := p.request(http.MethodPut, "/services/orders/"+what); status != http.StatusNoContent {
			t.Fatalf("PUT %s: %d %s", what, status, body)
		}
	}
	put("stop")
	eventually(t, "nobody is let in", func() bool {
		err := attempt(to)
		return err != nil && strings.Contains(err.Error(), "service orders is stopped")
	})
	if err := there.PingContext(t.Context()); err != nil {
		t.Errorf("a session that was there: %v", err)
	}
	if status := p.stop(); status != 0 {
		t.Fatalf("stopped with status %d\n%s", status, p.stderr)
	}
	p = serve(t, args...)
	to.Address = p.services["orders"]
	if err := attempt(to); err == nil || !strings.Contains(err.Error(), "service orders is stopped") {
		t.Errorf("after a restart: %v", err)
	}
	put("start")
	eventually(t, "clients are let in", func() bool { return attempt(to) == nil })
}

// attempt logs in once.
func attempt(to servertest.Login) error {
	db, err := sql.Open("mysql", to.MySQL())
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Ping()
}

// TestShutdownGrace stops a server with a grace while a session is there: nobody is let in,
// the session goes on, and the server ends when the session does, when the time is over, or at
// a second signal.
func TestShutdownGrace(t *testing.T) {
	server := servertest.StartMariaDB(t)
	if err := server.AddUser("jdoe", "secret"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, grace string
		end         func(p *program, there *sql.DB) error
		reason      string
	}{
		{"the session ends", "1h", func(_ *program, there *sql.DB) error { return there.Close() }, "client_closed"},
		{"the time is over", "1s", func(*program, *sql.DB) error { return nil }, "shutdown"},
		{"a second signal", "1h", func(p *program, _ *sql.DB) error { return p.command.Process.Signal(syscall.SIGTERM) }, "shutdown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := configure(t, "mysql", server)
			text, err := os.ReadFile(config)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(config, append([]byte("shutdown_grace = \""+c.grace+"\"\n"), text...), 0o600); err != nil {
				t.Fatal(err)
			}
			args := []string{"--config", config, "--data", filepath.Join(t.TempDir(), "data")}
			p := serve(t, args...)
			to := server.Login
			to.Address, to.User, to.Password = p.services["orders"], "jdoe", "secret"
			there := login(t, to)
			if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			eventually(t, "nobody is let in", func() bool { return attempt(to) != nil })
			if c.grace == "1h" {
				if err := there.PingContext(t.Context()); err != nil {
					t.Errorf("the session does not go on: %v", err)
				}
				eventually(t, "/ready says that one session is left", func() bool { // those that were tried have to end
					status, _, body := p.request(http.MethodGet, "/ready")
					return status == http.StatusServiceUnavailable && strings.Contains(body, "No new sessions begin; 1 session may go on until 20")
				})
				if _, _, body := p.request(http.MethodGet, "/metrics"); !strings.Contains(body, "\ngatebook_ready 0\n") {
					t.Error("it is ready by its metrics")
				}
			}
			if err := c.end(p, there); err != nil {
				t.Fatal(err)
			}
			if status := p.wait(); status != 0 {
				t.Errorf("status %d\n%s", status, p.stderr)
			}
			p = serve(t, args...)
			if ended := p.sessions("all"); len(ended) == 0 || ended[0].Status != "closed" || ended[0].Reason != c.reason {
				t.Errorf("it ended as %+v", ended)
			}
		})
	}
}
