package gateway_test

import (
	"context"
	"os/exec"
	"slices"
	"testing"

	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
	"gatebook/projection"
)

// TestKilledClient checks that a client which is killed while its server works ends its
// session at once, as it would end its connection, and that the statement which it has sent
// runs to its end.
func TestKilledClient(t *testing.T) {
	t.Parallel()
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		server := postgres(t)
		execute(t, server, "CREATE TABLE outlived (n INT)", "GRANT ALL ON outlived TO jdoe")
		h := open(t, gateway.Postgres, server)
		login := projection.Login{User: "jdoe", Database: servertest.Database, Program: "psql"}
		killClient(t, h, server, servertest.Psql, "INSERT INTO outlived SELECT 1 FROM pg_sleep(2)", login)
		eventually(t, "the statement has run", func() bool { return ask(t, server, "SELECT n FROM outlived") == "[[1]]" })
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		server := mariadb1(t)
		schema(t, server, "outlived")
		execute(t, server, "CREATE TABLE outlived.line (n INT)")
		h := open(t, gateway.MySQL, server)
		login := projection.Login{User: "jdoe", Database: servertest.Database, Program: "mysql"}
		killClient(t, h, server, servertest.MariaDBClient, "INSERT INTO outlived.line SELECT BENCHMARK(6000000, SHA1('a'))", login)
		eventually(t, "the statement has run", func() bool { return ask(t, server, "SELECT n FROM outlived.line") == "[[0]]" })
	})
}

// killClient kills a client while its server runs a statement, and checks the end of its
// session.
func killClient(t *testing.T, h *endToEnd, server *servertest.Server, client clientCommand, statement string, login projection.Login) {
	t.Helper()
	cmd, err := client(t.Context(), h.login("jdoe", "secret"), statement)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	running := func() bool {
		list, err := server.Processes()
		return err == nil && slices.ContainsFunc(list, func(p servertest.Process) bool { return p.Statement == statement && p.State != "idle" })
	}
	eventually(t, "the statement runs", running)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	h.wantEnd(1, login, events.ReasonClientClosed)
	if !running() {
		t.Error("the statement was over before the session, so that this shows nothing")
	}
}

// clientCommand returns the command of a client.
type clientCommand = func(ctx context.Context, to servertest.Login, statements string, args ...string) (*exec.Cmd, error)
