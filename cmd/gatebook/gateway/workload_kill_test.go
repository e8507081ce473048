package gateway_test

import (
	"database/sql"
	"io"
	"strings"
	"testing"

	"gatebook"

	"github.com/go-sql-driver/mysql"

	"gatebook/cmd/gatebook/gateway"
	"gatebook/events"
)

// endless is a reader of rows that never ends. It closes many when many rows were read.
type endless struct {
	rows io.Reader
	read int
	many chan struct{}
}

func newEndless(row string) *endless {
	return &endless{rows: strings.NewReader(strings.Repeat(row, 1<<20/len(row))), many: make(chan struct{})}
}

func (e *endless) Read(p []byte) (int, error) {
	n, err := e.rows.Read(p)
	if e.read += n; err == io.EOF {
		if e.read >= 4<<20 && e.many != nil {
			close(e.many)
			e.many = nil
		}
		_, err = e.rows.(io.Seeker).Seek(0, io.SeekStart)
	}
	return n, err
}

// wantKilled kills the session and checks that its client got the reason.
func (h *endToEnd) wantKilled(id uint64, failed <-chan error) {
	h.t.Helper()
	v, err := h.Kill(h.t.Context(), id, gatebook.Request{By: "admin", Why: "enough"})
	if err != nil || v.Ending().Reason != events.ReasonKilled || v.Ending().By != "admin" {
		h.t.Errorf("ended with %+v, %v", v.Ending(), err)
	}
	if err := <-failed; err == nil {
		h.t.Error("the client was not told")
	}
}

// TestKillInLoad checks that nothing stays of a load that is killed in the middle.
func TestKillInLoad(t *testing.T) {
	t.Parallel()
	server := mariadb1(t)
	h := open(t, gateway.MySQL, server)
	schema(t, server, "halfway")
	execute(t, server, "CREATE TABLE halfway.line (text VARCHAR(100))")
	rows := newEndless("another line of a file that never ends\n")
	many := rows.many
	mysql.RegisterReaderHandler("endless", func() io.Reader { return rows })
	defer mysql.DeregisterReaderHandler("endless")
	to := h.login("jdoe", "secret")
	to.Database = "halfway"
	db, err := sql.Open("mysql", to.MySQL())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context()) // a pool would begin again on another connection
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := conn.ExecContext(t.Context(), "LOAD DATA LOCAL INFILE 'Reader::endless' INTO TABLE line")
		failed <- err
	}()
	select {
	case <-many:
	case err := <-failed:
		t.Fatal(err)
	}
	h.wantKilled(1, failed)
	eventually(t, "the load was rolled back", func() bool {
		return ask(t, server, "SELECT COUNT(*) FROM halfway.line") == "[[0]]" &&
			ask(t, server, "SELECT COUNT(*) FROM information_schema.processlist WHERE db = 'halfway'") == "[[0]]"
	})
}

// TestKillInCopy checks the same for PostgreSQL.
func TestKillInCopy(t *testing.T) {
	t.Parallel()
	server := postgres(t)
	h := open(t, gateway.Postgres, server)
	execute(t, server, "CREATE TABLE halfway (text TEXT)", "GRANT ALL ON halfway TO jdoe")
	t.Cleanup(func() { execute(t, server, "DROP TABLE halfway") })
	rows := newEndless("another line of a file that never ends\n")
	many := rows.many
	conn := h.connect("sslmode=disable")
	pid := int64(conn.PgConn().PID())
	failed := make(chan error, 1)
	go func() {
		_, err := conn.PgConn().CopyFrom(t.Context(), rows, "COPY halfway FROM STDIN")
		failed <- err
	}()
	select {
	case <-many:
	case err := <-failed:
		t.Fatal(err)
	}
	h.wantKilled(1, failed)
	eventually(t, "the backend has gone", func() bool { return running(t, pid) == "" })
	if got := ask(t, server, "SELECT count(*) FROM halfway"); got != "[[0]]" {
		t.Errorf("%s rows have stayed", got)
	}
}

// TestKillInResult checks that a client in the middle of a long result is cut off.
func TestKillInResult(t *testing.T) {
	t.Parallel()
	server := mariadb2(t)
	h := open(t, gateway.MySQL, server)
	db, err := sql.Open("mysql", h.login("jdoe", "secret").MySQL())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT REPEAT('x', 10000) FROM seq_1_to_100000")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	failed := make(chan error, 1)
	read := make(chan struct{})
	go func() {
		for n := 0; rows.Next(); n++ {
			if n == 1000 {
				close(read)
			}
		}
		failed <- rows.Err()
	}()
	<-read
	h.wantKilled(1, failed)
}
