package gateway_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/servertest"
)

// connectTo logs in one way.
func connectTo(t testing.TB, to servertest.Login) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), to.Postgres()+"?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// TestCopy checks that rows go in and out by COPY, in text and in binary, as they do
// directly.
func TestCopy(t *testing.T) {
	t.Parallel()
	server := postgres(t)
	h := open(t, gateway.Postgres, server)
	var text bytes.Buffer
	for i := 0; text.Len() < volume<<20; i++ {
		fmt.Fprintf(&text, "%d\tline %d with \\t and ☃\t%s\n", i, i, strings.Repeat("x", i%200))
	}
	got := make(map[string]string)
	for way, to := range h.ways(server) {
		conn := connectTo(t, to)
		wire := conn.PgConn()
		must := func(_ pgconn.CommandTag, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(way, ": ", err)
			}
		}
		must(conn.Exec(t.Context(), "CREATE TEMPORARY TABLE line (id INT PRIMARY KEY, text TEXT, fill TEXT)"))
		var report strings.Builder
		for _, format := range []string{"text", "binary"} {
			tag, err := wire.CopyFrom(t.Context(), bytes.NewReader(text.Bytes()), "COPY line FROM STDIN")
			must(tag, err)
			var out bytes.Buffer
			tag2, err := wire.CopyTo(t.Context(), &out, "COPY (SELECT * FROM line ORDER BY id) TO STDOUT (FORMAT "+format+")")
			must(tag2, err)
			if format == "text" && !bytes.Equal(out.Bytes(), text.Bytes()) {
				t.Errorf("%s: %d bytes came back as %d others", way, text.Len(), out.Len())
			}
			fmt.Fprintln(&report, tag, tag2, out.Len(), md5.Sum(out.Bytes()))
			must(conn.Exec(t.Context(), "TRUNCATE line"))
			tag, err = wire.CopyFrom(t.Context(), &out, "COPY line FROM STDIN (FORMAT "+format+")")
			must(tag, err)
			fmt.Fprintln(&report, tag)
			must(conn.Exec(t.Context(), "TRUNCATE line"))
		}
		// What fails in the middle fails with the same error.
		_, err := wire.CopyFrom(t.Context(), strings.NewReader("1\ta\tb\n1\ta\tb\n"), "COPY line FROM STDIN")
		fmt.Fprintln(&report, err)
		must(conn.Exec(t.Context(), "SELECT 1"))
		got[way] = report.String()
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	wantSame(t, got)
	h.wantAllWell(1)
}

// TestPostgresDumpAndRestore checks pg_dump into psql, both through the gateway.
func TestPostgresDumpAndRestore(t *testing.T) {
	t.Parallel()
	server := postgres(t)
	h := open(t, gateway.Postgres, server)
	execute(t, server, "CREATE DATABASE stock OWNER jdoe", "CREATE DATABASE restored OWNER jdoe")
	t.Cleanup(func() { execute(t, server, "DROP DATABASE stock", "DROP DATABASE restored") })
	to := h.login("jdoe", "secret")
	to.Database = "stock"
	conn := connectTo(t, to)
	_, err := conn.Exec(t.Context(), fmt.Sprintf(`CREATE TABLE article AS SELECT i AS id, 'Stück ☃ ' || i AS name, i / 7.0 AS price,
		decode(md5(i::text), 'hex') AS picture, CASE WHEN i %% 5 > 0 THEN repeat(md5(i::text), 4) END AS note
		FROM generate_series(1, %d) i; CREATE INDEX ON article (name)`, volume*(1<<20/210)))
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(to.Address, ":")
	tool := func(name string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), name, append([]string{"--host=" + host, "--port=" + port, "--username=jdoe"}, args...)...)
		cmd.Env = append(cmd.Environ(), "PGPASSWORD=secret", "LC_ALL=C")
		return cmd
	}
	pipe(t, tool("pg_dump", "stock"), tool("psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--quiet", "restored"))
	sum := "SELECT count(*), md5(string_agg(a::text, '|' ORDER BY id)) FROM article a"
	got := make(map[string]string)
	for name, way := range map[string]string{"stock": "direct", "restored": "through"} {
		to.Database = name
		outcome := servertest.RunPsql(t, to, sum)
		got[way] = fmt.Sprint(outcome)
	}
	wantSame(t, got)
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
	h.wantAllWell(5)
}

// TestPostgresStatements checks each way to ask, several results, errors in the middle
// of a pipeline, notices and notifications, a cursor, and a long row.
func TestPostgresStatements(t *testing.T) {
	t.Parallel()
	server := postgres(t)
	h := open(t, gateway.Postgres, server)
	got := make(map[string]string)
	for way, to := range h.ways(server) {
		conn := connectTo(t, to)
		var report strings.Builder
		for _, mode := range []pgx.QueryExecMode{
			pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
			pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
		} {
			for range 2 {
				rows, err := conn.Query(t.Context(), "SELECT i, $1::text || i, i / 3.0::float8, NULL::int FROM generate_series(1, 200) i", mode, "☃")
				if err != nil {
					t.Fatal(err)
				}
				for rows.Next() {
					values, err := rows.Values()
					fmt.Fprintln(&report, values, err)
				}
				fmt.Fprintln(&report, rows.Err(), rows.CommandTag())
			}
		}
		for _, query := range []string{
			"SELECT 1; SELECT 'two', NULL; SELECT 3 WHERE FALSE",
			"SELECT 1; SELECT nonsense; SELECT 3",
			"BEGIN; DECLARE c CURSOR FOR SELECT generate_series(1, 10); FETCH 3 FROM c; FETCH ALL FROM c; ROLLBACK",
			"DO $$ BEGIN RAISE NOTICE 'listen'; END $$; SELECT 1 / 0",
		} {
			results, err := conn.PgConn().Exec(t.Context(), query).ReadAll()
			for _, r := range results {
				fmt.Fprintf(&report, "%q %v\n", r.Rows, r.CommandTag)
			}
			fmt.Fprintln(&report, err)
		}
		batch := &pgx.Batch{}
		batch.Queue("SELECT 1")
		batch.Queue("SELECT 1 / $1::int", 0)
		batch.Queue("SELECT 2")
		fmt.Fprintln(&report, conn.SendBatch(t.Context(), batch).Close())

		value := strings.Repeat("0123456789abcdef", 20<<16)
		var sum, back string
		if err := conn.QueryRow(t.Context(), "SELECT md5($1), $1", value).Scan(&sum, &back); err != nil || back != value {
			t.Errorf("%d bytes came back as %d, %v", len(value), len(back), err)
		}
		fmt.Fprintln(&report, sum)

		if _, err := conn.Exec(t.Context(), "LISTEN news; NOTIFY news, 'none'"); err != nil {
			t.Fatal(err)
		}
		note, err := conn.WaitForNotification(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&report, note.Channel, note.Payload)
		got[way] = report.String()
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	wantSame(t, got)
	h.wantAllWell(1)
}

// TestPostgresTransfers checks that nothing is lost when several clients move amounts
// at once in serializable transactions, and that conflicts are reported.
func TestPostgresTransfers(t *testing.T) {
	t.Parallel()
	const clients, transfers, accounts = 8, 20, 10
	server := postgres(t)
	h := open(t, gateway.Postgres, server)
	execute(t, server, "CREATE TABLE account AS SELECT i AS id, 1000 AS balance FROM generate_series(1, 10) i", "GRANT ALL ON account TO jdoe")
	t.Cleanup(func() { execute(t, server, "DROP TABLE account") })
	var wait sync.WaitGroup
	for client := range clients {
		conn := connectTo(t, h.login("jdoe", "secret"))
		wait.Go(func() {
			for done := 0; done < transfers; {
				err := pgx.BeginTxFunc(t.Context(), conn, pgx.TxOptions{IsoLevel: pgx.Serializable}, func(tx pgx.Tx) error {
					for i, change := range []int{-7, 7} {
						id := 1 + (client*7+done*3+i)%accounts
						if _, err := tx.Exec(t.Context(), "UPDATE account SET balance = balance + $1 WHERE id = $2", change, id); err != nil {
							return err
						}
					}
					return nil
				})
				switch code := codeOf(err); {
				case err == nil:
					done++
				case code == "40001" || code == "40P01": // in conflict with another
				default:
					t.Error(err)
					return
				}
			}
			if err := conn.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if got := ask(t, server, "SELECT sum(balance) FROM account"); got != "[[10000]]" {
		t.Errorf("the balances are %s in sum", got)
	}
	h.wantAllWell(clients)
}

// codeOf returns the code of an error of PostgreSQL's.
func codeOf(err error) string {
	if failed, ok := errors.AsType[*pgconn.PgError](err); ok {
		return failed.Code
	}
	return ""
}

// TestPgbench checks that each protocol runs without a failed transaction.
func TestPgbench(t *testing.T) {
	t.Parallel()
	server := postgres(t)
	h := open(t, gateway.Postgres, server)
	execute(t, server, "CREATE DATABASE pgbench OWNER jdoe")
	t.Cleanup(func() { execute(t, server, "DROP DATABASE pgbench") })
	host, port, _ := strings.Cut(h.address(), ":")
	run := func(args ...string) string {
		args = append([]string{"--host=" + host, "--port=" + port, "--username=jdoe"}, args...)
		return command(t, nil, []string{"PGPASSWORD=secret"}, "pgbench", append(args, "pgbench")...)
	}
	run("--initialize", "--scale=1", "--quiet")
	for _, mode := range []string{"simple", "extended", "prepared"} {
		report := run("--client=4", "--jobs=2", "--transactions=50", "--protocol="+mode)
		for _, want := range []string{"actually processed: 200/200\n", "failed transactions: 0 (0.000%)\n"} {
			if !strings.Contains(report, want) {
				t.Errorf("%s: %q is not in its report:\n%s", mode, want, report)
			}
		}
	}
	run("--client=4", "--transactions=10", "--connect", "--select-only")
	h.wantAllWell(10)
}
