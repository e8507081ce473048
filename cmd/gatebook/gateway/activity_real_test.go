package gateway_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"

	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
	"gatebook/projection"
)

// wantActivity waits until a session is observed to do that, and returns since when.
func (h *endToEnd) wantActivity(what string, id uint64, want projection.Activity) events.Time {
	h.t.Helper()
	var since events.Time
	eventually(h.t, fmt.Sprintf("%s: session %d is %s", what, id, want), func() bool {
		v, _, err := h.Session(id)
		if err != nil || v.Observed == nil || v.Observed.Activity != want {
			return false
		}
		since = v.Observed.ActivitySince
		return true
	})
	return since
}

// TestActivityMariaDB checks that a session of a real server is idle after the end of each
// kind of answer, and waits before.
func TestActivityMariaDB(t *testing.T) {
	t.Parallel()
	server := mariadb1(t)
	schema(t, server, "busy")
	execute(t, server, "CREATE TABLE busy.line (n INT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(100))",
		"CREATE PROCEDURE busy.several() BEGIN SELECT 1; SELECT 2, '' UNION SELECT 3, ''; END")
	h := open(t, gateway.MySQL, server)
	mysql.RegisterReaderHandler("busy", func() io.Reader { return bytes.NewReader(bytes.Repeat([]byte("1\tx\n"), 1)) })
	db, err := sql.Open("mysql", h.login("jdoe", "secret").MySQL()+"?multiStatements=true")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	h.wantActivity("login", 1, projection.ActivityIdle)
	for _, c := range []struct {
		query string
		args  []any
	}{
		{"DO 1", nil},
		{"SELECT '', 1 UNION SELECT '', 2", nil},
		{"SELECT '', 1 WHERE ? = 1", []any{1}},                     // prepared
		{"SELECT 1 WHERE ? = 2", []any{1}},                         // no rows
		{"INSERT INTO busy.line (text) VALUES (?)", []any{"text"}}, // no columns
		{"SELECT 1; SELECT '', 2; DO 3; SELECT 4", nil},
		{"CALL busy.several()", nil},
		{"SELECT SQL_ERROR", nil},
		{"SELECT 1; SELECT SQL_ERROR; SELECT 2", nil},
		{"SELECT REPEAT('x', 17 << 20)", nil},
		{"LOAD DATA LOCAL INFILE 'Reader::busy' INTO TABLE busy.line", nil},
	} {
		before := events.TimeOf(time.Now())
		if rows, err := conn.QueryContext(t.Context(), c.query, c.args...); err == nil {
			for more := true; more; more = rows.NextResultSet() {
				for rows.Next() {
				}
			}
			rows.Close()
		}
		eventually(t, c.query+" is answered", func() bool {
			v := h.session(1)
			return v.Observed.Activity == projection.ActivityIdle && v.Observed.ActivitySince >= before
		})
	}
	done := make(chan error, 1)
	go func() { _, err := conn.ExecContext(t.Context(), "SELECT SLEEP(60)"); done <- err }()
	began := h.wantActivity("sleep", 1, projection.ActivityWaiting)
	if ago := events.TimeOf(time.Now()) - began; ago < 0 || ago.Seconds() > patience.Seconds() {
		t.Errorf("waits since %s", began.Time())
	}
	execute(t, server, "KILL QUERY "+fmt.Sprint(h.session(1).Connections[0].ServerID))
	<-done
	h.wantActivity("killed", 1, projection.ActivityIdle)
}

// TestActivityPostgres is the same for PostgreSQL.
func TestActivityPostgres(t *testing.T) {
	t.Parallel()
	server := postgres(t)
	execute(t, server, "CREATE TABLE busy (n INT)", "GRANT ALL ON busy TO jdoe")
	t.Cleanup(func() { execute(t, server, "DROP TABLE busy") })
	h := open(t, gateway.Postgres, server)
	conn, err := pgx.Connect(t.Context(), h.login("jdoe", "secret").Postgres()+"?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	h.wantActivity("login", 1, projection.ActivityIdle)
	steps := map[string]func(){
		"simple":   func() { _, _ = conn.PgConn().Exec(t.Context(), "SELECT 1; SELECT 2").ReadAll() },
		"extended": func() { _, _ = conn.Exec(t.Context(), "SELECT $1::int", 1) },
		"error":    func() { _, _ = conn.Exec(t.Context(), "SELECT 1 / $1::int", 0) },
		"copy in": func() {
			_, _ = conn.CopyFrom(t.Context(), pgx.Identifier{"busy"}, []string{"n"}, pgx.CopyFromRows([][]any{{1}, {2}}))
		},
		"copy in, failing": func() {
			_, _ = conn.PgConn().CopyFrom(t.Context(), bytes.NewReader([]byte("x\n")), "COPY busy FROM STDIN")
		},
		"copy out": func() { _, _ = conn.PgConn().CopyTo(t.Context(), io.Discard, "COPY busy TO STDOUT") },
		"batch": func() {
			b := &pgx.Batch{}
			b.Queue("SELECT $1::int", 1)
			b.Queue("SELECT 1 / $1::int", 0)
			b.Queue("SELECT $1::int", 2)
			_ = conn.SendBatch(t.Context(), b).Close()
		},
		"pipeline": func() {
			p := conn.PgConn().StartPipeline(t.Context())
			p.SendPrepare("one", "SELECT 1", nil)
			p.SendFlushRequest()
			p.SendQueryPrepared("one", nil, nil, nil)
			_ = p.Sync()
			_ = p.Sync()
			_ = p.Close()
		},
	}
	for name, step := range steps {
		before := events.TimeOf(time.Now())
		step()
		eventually(t, name+" is answered", func() bool {
			v := h.session(1)
			return v.Observed.Activity == projection.ActivityIdle && v.Observed.ActivitySince >= before
		})
	}
	done := make(chan error, 1)
	go func() { _, err := conn.Exec(t.Context(), "SELECT pg_sleep(60)"); done <- err }()
	h.wantActivity("sleep", 1, projection.ActivityWaiting)
	execute(t, server, fmt.Sprintf("SELECT pg_cancel_backend(%d)", h.session(1).Connections[0].ServerID))
	<-done
	h.wantActivity("cancelled", 1, projection.ActivityIdle)
}

// TestActivityUnknown checks that what the protocol does not show stays unknown.
func TestActivityUnknown(t *testing.T) {
	t.Parallel()
	h := open(t, gateway.TCP, postgres(t))
	if outcome := servertest.RunPsql(t, h.login("jdoe", "secret"), "SELECT 1"); outcome.Code != 0 {
		t.Fatalf("got %+v", outcome)
	}
	h.dial()
	eventually(t, "it is observed", func() bool {
		v, _, err := h.Session(2)
		return err == nil && v.Observed != nil && v.Observed.Count > 0
	})
	if got := h.session(2).Observed.Activity; got != projection.ActivityUnknown {
		t.Errorf("got %s", got)
	}
}
