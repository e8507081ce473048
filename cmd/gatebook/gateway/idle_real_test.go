package gateway_test

import (
	"context"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
	"gatebook/projection"
)

// TestIdleTimeoutSparesQueries checks that a query of a real server which takes longer
// than the idle timeout is answered, and that a client which then does nothing is ended
// with an error.
func TestIdleTimeoutSparesQueries(t *testing.T) {
	t.Parallel()
	soon := func(s *gateway.Service) { s.IdleTimeout = time.Second }
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		h := openWith(t, gateway.MySQL, soon, mariadb1(t))
		outcome := servertest.RunMariaDBClient(t, h.login("jdoe", "secret"), "SELECT SLEEP(3); SELECT 'done'")
		if outcome.Code != 0 || !strings.Contains(outcome.Stdout, "done") {
			t.Errorf("got %+v", outcome)
		}
		h.wantEnd(1, projection.Login{User: "jdoe", Database: servertest.Database, Program: "mysql"}, events.ReasonClientClosed)
		outcome = servertest.RunMariaDBClient(t, h.login("jdoe", "secret"), "SELECT '', 1 UNION SELECT '', 2;\n\\! sleep 3\nSELECT 'done'")
		if outcome.Code == 0 || strings.Contains(outcome.Stdout, "done") {
			t.Errorf("an idle client got %+v", outcome)
		}
		if v := h.ended(2); v.Ending().Reason != events.ReasonIdleTimeout {
			t.Errorf("an idle session ended with %v", v.Ending().Reason)
		}
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		h := openWith(t, gateway.Postgres, soon, postgres(t))
		outcome := servertest.RunPsql(t, h.login("jdoe", "secret"), "SELECT pg_sleep(3); SELECT 'done'")
		if outcome.Code != 0 || !strings.Contains(outcome.Stdout, "done") {
			t.Errorf("got %+v", outcome)
		}
		h.wantEnd(1, projection.Login{User: "jdoe", Database: servertest.Database, Program: "psql"}, events.ReasonClientClosed)
	})
}

// TestIdleTimeoutSparesWhatBegan checks that a statement which has already said something is
// no idle session, by a real server: a notice, rows, the first result of several, a file
// that the client is to send.
func TestIdleTimeoutSparesWhatBegan(t *testing.T) {
	t.Parallel()
	soon := func(s *gateway.Service) { s.IdleTimeout = time.Second }
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		for name, statement := range map[string]string{
			"notice": "DO $$ BEGIN RAISE NOTICE 'x'; PERFORM pg_sleep(3); END $$; SELECT 'done'",
			"rows":   "SELECT repeat('x', 10000) FROM generate_series(1, 100) UNION ALL SELECT pg_sleep(3)::text; SELECT 'done'",
			"copy":   "COPY (SELECT repeat('x', 10000) FROM generate_series(1, 100) UNION ALL SELECT pg_sleep(3)::text) TO STDOUT; SELECT 'done'",
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				h := openWith(t, gateway.Postgres, soon, postgres(t))
				outcome := servertest.RunPsql(t, h.login("jdoe", "secret"), statement)
				if outcome.Code != 0 || !strings.HasSuffix(outcome.Stdout, "done\n") {
					t.Errorf("got %d, %q, %q", outcome.Code, outcome.Stdout[max(0, len(outcome.Stdout)-50):], outcome.Stderr)
				}
			})
		}
	})
	t.Run("pipeline", func(t *testing.T) {
		t.Parallel()
		h := openWith(t, gateway.Postgres, soon, postgres(t))
		conn, err := pgx.Connect(t.Context(), h.login("jdoe", "secret").Postgres()+"?sslmode=disable")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		// The second statement is behind the Sync of the first, and the client asks for its answer
		// by a Flush.
		p := conn.PgConn().StartPipeline(t.Context())
		p.SendQueryParams("SELECT 1", nil, nil, nil, nil)
		p.SendPipelineSync()
		p.SendQueryParams("SELECT pg_sleep(3)", nil, nil, nil, nil)
		p.SendFlushRequest()
		if err := p.Flush(); err != nil {
			t.Fatal(err)
		}
		answered := 0
		for range 3 {
			got, err := p.GetResults()
			if r, ok := got.(*pgconn.ResultReader); ok && err == nil {
				_, err = r.Close()
				answered++
			}
			if err != nil {
				t.Fatalf("after %d results: %v", answered, err)
			}
		}
		if err := p.Sync(); err != nil || answered != 2 {
			t.Errorf("%d results, %v", answered, err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		for name, statement := range map[string]string{
			"rows":         "SELECT REPEAT('x', 10000) FROM seq_1_to_100 UNION ALL SELECT SLEEP(3) // SELECT 'done'",
			"first result": "BEGIN NOT ATOMIC SELECT 1; DO SLEEP(3); SELECT 'done'; END //",
			"definitions":  "SELECT SLEEP(3), 'done'",
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				h := openWith(t, gateway.MySQL, soon, mariadb1(t))
				outcome := servertest.RunMariaDBClient(t, h.login("jdoe", "secret"), statement, "--quick", "--delimiter=//")
				if outcome.Code != 0 || !strings.HasSuffix(outcome.Stdout, "done\n") {
					t.Errorf("got %d, %q, %q", outcome.Code, outcome.Stdout[max(0, len(outcome.Stdout)-50):], outcome.Stderr)
				}
			})
		}
	})
}

// TestIdleTimeoutSparesBinaryLog checks that a stream of a real server's binary log is no idle
// session, although the server has nothing to send.
func TestIdleTimeoutSparesBinaryLog(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("mariadb-binlog")
	if err != nil {
		t.Fatal("mariadb-binlog is missing: install mariadb-client")
	}
	server := servertest.StartMariaDB(t, servertest.WithArgs("--log-bin=binlog", "--server-id=1"))
	if err := server.AddUser("jdoe", "secret"); err != nil {
		t.Fatal(err)
	}
	execute(t, server, "GRANT REPLICATION SLAVE, REPLICATION SLAVE ADMIN, REPLICATION MASTER ADMIN ON *.* TO jdoe")
	h := openWith(t, gateway.MySQL, func(s *gateway.Service) { s.IdleTimeout = time.Second }, server)
	host, port, _ := strings.Cut(h.address(), ":")
	ctx, cancel := context.WithCancel(t.Context())
	reader := exec.CommandContext(ctx, program, "--no-defaults", "--read-from-remote-server", "--stop-never", "--protocol=tcp",
		"--host="+host, "--port="+port, "--user=jdoe", "--password=secret", "binlog.000001")
	var said strings.Builder
	reader.Stdout, reader.Stderr = io.Discard, &said
	if err := reader.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); _ = reader.Wait() }()
	h.wantActivity("stream", 1, projection.ActivityWaiting)
	began := time.Now()
	eventually(t, "several times the timeout has passed", func() bool { return time.Since(began) > 3*time.Second })
	if v := h.session(1); v.Status != projection.Live {
		t.Errorf("the stream ended with %v: %s", v.Ending().Reason, said.String())
	}
}
