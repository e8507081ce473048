package gateway_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
	"gatebook/projection"
)

// replicating returns a server that lets jdoe replicate it, without a password.
func replicating(t *testing.T) *servertest.Server {
	t.Helper()
	server := servertest.StartPostgres(t, servertest.WithArgs("-c", "wal_level=logical", "-c", "max_wal_senders=8"))
	if err := server.AddUser("jdoe", "secret"); err != nil {
		t.Fatal(err)
	}
	folder, err := server.Query("SHOW data_directory")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, server, "ALTER ROLE jdoe REPLICATION",
		"COPY (SELECT 'host '||name||' jdoe 127.0.0.1/32 trust' FROM unnest(ARRAY['all', 'replication']) name"+
			" UNION ALL SELECT 'host all all 127.0.0.1/32 scram-sha-256') TO '"+folder[0][0]+"/pg_hba.conf'",
		"SELECT pg_reload_conf()")
	return server
}

// TestReplication checks that standbys and backups go through the gateway, and that the
// record has the database, or none for physical replication.
func TestReplication(t *testing.T) {
	t.Parallel()
	server := replicating(t)
	h := open(t, gateway.Postgres, server)

	login := h.login("jdoe", "")
	login.Database = "dbname=shop replication=database"
	outcome := servertest.RunPsql(t, login, "IDENTIFY_SYSTEM")
	if words := strings.Split(strings.TrimSpace(outcome.Stdout), "|"); outcome.Code != 0 || len(words) != 4 || words[3] != "shop" {
		t.Errorf("IDENTIFY_SYSTEM: %+v", outcome)
	}
	h.wantEnd(1, projection.Login{User: "jdoe", Database: "shop", Program: "psql"}, events.ReasonClientClosed)

	// One connection takes the files, another the log meanwhile.
	backup := filepath.Join(t.TempDir(), "backup")
	h.runPostgres("pg_basebackup", "--pgdata="+backup, "--no-sync", "--checkpoint=fast", "--wal-method=stream")
	text, err := os.ReadFile(filepath.Join(backup, "PG_VERSION"))
	if err != nil || strings.TrimSpace(string(text)) != "15" {
		t.Errorf("the backup is of version %q, %v", text, err)
	}
	if out, err := exec.CommandContext(t.Context(), sibling(t, "pg_verifybackup"), backup).CombinedOutput(); err != nil {
		t.Errorf("pg_verifybackup: %v\n%s", err, out)
	}
	for id := range uint64(2) {
		h.wantEnd(2+id, projection.Login{User: "jdoe", Program: "pg_basebackup"}, events.ReasonClientClosed)
	}

	// It stops when it has received more than it was asked for.
	end := ask(t, server, "SELECT pg_current_wal_flush_lsn()")
	execute(t, server, "CREATE TABLE line AS SELECT repeat('x', 1000) FROM generate_series(1, 2000)")
	received := t.TempDir()
	h.runPostgres("pg_receivewal", "--directory="+received, "--no-sync", "--no-loop", "--endpos="+strings.Trim(end, "[]"))
	files, err := filepath.Glob(filepath.Join(received, "0000*"))
	if err != nil || len(files) == 0 {
		t.Errorf("received %v, %v", files, err)
	}
	h.wantEnd(4, projection.Login{User: "jdoe", Program: "pg_receivewal"}, events.ReasonClientClosed)
}

// runPostgres runs a program of PostgreSQL's as jdoe, through the gateway.
func (h *endToEnd) runPostgres(program string, args ...string) {
	h.t.Helper()
	host, port, _ := net.SplitHostPort(h.address())
	args = append([]string{"--host=" + host, "--port=" + port, "--username=jdoe", "--no-password"}, args...)
	if out, err := exec.CommandContext(h.t.Context(), program, args...).CombinedOutput(); err != nil {
		h.t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// sibling returns a program that is installed beside the server and not in the path.
func sibling(t *testing.T, name string) string {
	t.Helper()
	paths, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(paths) == 0 {
		t.Fatalf("install PostgreSQL: %s is missing", name)
	}
	return paths[len(paths)-1]
}

// TestProtocolNegotiation checks that a client which speaks a later version, with
// options that the server does not know, gets the server's own answer to that, and goes
// on.
func TestProtocolNegotiation(t *testing.T) {
	t.Parallel()
	server := replicating(t)
	h := open(t, gateway.Postgres, server)
	got := make(map[string]string)
	for way, address := range map[string]string{"directly": server.Address, "through the gateway": h.address()} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		const words = "user\x00jdoe\x00database\x00shop\x00application_name\x00till\x00_pq_.nonsense\x00on\x00\x00"
		startup := binary.BigEndian.AppendUint32(nil, uint32(8+len(words)))
		startup = binary.BigEndian.AppendUint32(startup, 3<<16|9999)
		if _, err := conn.Write(append(startup, words...)); err != nil {
			t.Fatal(err)
		}
		for kind := byte(0); kind != 'Z'; {
			var body []byte
			kind, body = nextMessage(t, conn)
			switch kind {
			case 'K': // another one each time
				body = nil
			case 'E':
				t.Fatalf("%s: %q", way, body)
			}
			got[way] += fmt.Sprintf("%c %q\n", kind, body)
		}
	}
	if direct := got["directly"]; got["through the gateway"] != direct || !strings.HasPrefix(direct, `v "\x00\x03\x00\x00\x00\x00\x00\x01_pq_.nonsense\x00"`) {
		t.Errorf("got %q", got)
	}
	if v := h.session(1); v.Ready == 0 || v.Login() != (projection.Login{User: "jdoe", Database: "shop", Program: "till"}) {
		t.Errorf("ready at %v, login %+v", v.Ready, v.Login())
	}
}

// nextMessage reads a message of PostgreSQL's.
func nextMessage(t *testing.T, conn net.Conn) (kind byte, body []byte) {
	t.Helper()
	head := make([]byte, 5)
	if _, err := io.ReadFull(conn, head); err != nil {
		t.Fatal(err)
	}
	body = make([]byte, binary.BigEndian.Uint32(head[1:])-4)
	if _, err := io.ReadFull(conn, body); err != nil {
		t.Fatal(err)
	}
	return head[0], body
}
