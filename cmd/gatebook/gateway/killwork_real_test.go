package gateway_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatebook"
	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
	"gatebook/projection"
)

// hardWork returns a statement that does not look for its client while it runs.
func hardWork(name string) string { return "SELECT BENCHMARK(4000000000, SHA1('" + name + "'))" }

// withAccount gives a gateway an account on its servers to end connections with.
func withAccount(t *testing.T, user, password string) func(*gateway.Config) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(c *gateway.Config) {
		for i := range c.Servers {
			c.Servers[i].KillUser, c.Servers[i].KillPasswordFile = user, path
		}
		c.Services[0].CancelAbandoned = true
	}
}

// addKiller adds an account that may end connections and nothing else.
func addKiller(t *testing.T, server *servertest.Server, name string) {
	t.Helper()
	execute(t, server, "CREATE USER "+name+" IDENTIFIED BY 'secret'", "GRANT CONNECTION ADMIN ON *.* TO "+name)
}

// works reports whether the server runs a statement that begins like that.
func works(server *servertest.Server, statement string) bool {
	list, err := server.Processes()
	return err != nil || slices.ContainsFunc(list, func(p servertest.Process) bool {
		return strings.HasPrefix(p.Statement, statement) && p.State != "idle"
	})
}

// startClient starts a client with a statement, and waits until its server works.
func startClient(t *testing.T, h *endToEnd, server *servertest.Server, command clientCommand, statement string) (kill func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd, err := command(ctx, h.login("jdoe", "secret"), statement)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() { cancel(); _ = cmd.Wait() }
	t.Cleanup(kill)
	h.wantActivity("statement", 1, projection.ActivityWaiting)
	eventually(t, "the statement runs", func() bool { return works(server, statement) })
	return kill
}

// TestKillEndsMariaDBQuery checks that what a real server does for a killed session is ended
// by the server's account, and that without one, or with one that may not, the record says
// what was left.
func TestKillEndsMariaDBQuery(t *testing.T) {
	t.Parallel()
	server := mariadb1(t)
	addKiller(t, server, "ender")
	execute(t, server, "CREATE USER powerless IDENTIFIED BY 'secret'")
	for name, c := range map[string]struct {
		change func(*gateway.Config)
		left   bool
	}{
		"account":                       {withAccount(t, "ender", "secret"), false},
		"none":                          {func(*gateway.Config) {}, true},
		"account with a wrong password": {withAccount(t, "ender", "wrong"), true},
		"account that may not":          {withAccount(t, "powerless", "secret"), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := openConfig(t, gateway.MySQL, c.change, server)
			statement := hardWork(name)
			startClient(t, h, server, servertest.MariaDBClient, statement)
			thread := h.session(1).Connections[0].ServerID
			v, err := h.Kill(t.Context(), 1, gatebook.Request{By: "ann", Why: "too long"})
			if err != nil || v.Status != projection.Closed {
				t.Fatalf("got %v, %v", v.Status, err)
			}
			want := "too long"
			if c.left {
				want += "; " + gatebook.LeftRunning("db1", thread)
			}
			if got := v.Ending().Description; got != want {
				t.Errorf("described as %q, want %q", got, want)
			}
			if c.left {
				if !works(server, statement) {
					t.Error("the server has ended what was left running")
				}
				execute(t, server, fmt.Sprintf("KILL HARD CONNECTION %d", thread))
			}
			eventually(t, "the server has given up", func() bool { return !works(server, statement) })
		})
	}
}

// TestKillOfIdleSession checks that nothing is said to be left running for a session whose
// server did nothing for it.
func TestKillOfIdleSession(t *testing.T) {
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
	h.wantActivity("answered", 1, projection.ActivityIdle)
	v, err := h.Kill(t.Context(), 1, gatebook.Request{By: "ann", Why: "too long"})
	if err != nil || v.Ending().Description != "too long" {
		t.Errorf("got %q, %v", v.Ending().Description, err)
	}
}

// TestCancelAbandoned checks that what a real server does for a client which is gone is given
// up where the service wants that.
func TestCancelAbandoned(t *testing.T) {
	t.Parallel()
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		server := postgres(t)
		const statement = "SELECT pg_sleep(600) /* abandoned */"
		h := openWith(t, gateway.Postgres, func(s *gateway.Service) { s.CancelAbandoned = true }, server)
		startClient(t, h, server, servertest.Psql, statement)()
		h.wantReason(1, events.ReasonClientClosed, "")
		eventually(t, "the server has given up", func() bool { return !works(server, statement) })
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		server := mariadb1(t)
		addKiller(t, server, "leaver")
		statement := hardWork("abandoned")
		h := openConfig(t, gateway.MySQL, withAccount(t, "leaver", "secret"), server)
		startClient(t, h, server, servertest.MariaDBClient, statement)()
		h.wantReason(1, events.ReasonClientClosed, "")
		eventually(t, "the server has given up", func() bool { return !works(server, statement) })
	})
}
