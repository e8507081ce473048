package gateway_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
	"gatebook/projection"
)

// TestLocalFileLooksLikeCommands checks that a file which a client sends to a real server is
// not taken for commands: its packets are numbered up to 255 and then from 0 again, and each
// of these begins with what would be a change of user, or a goodbye.
func TestLocalFileLooksLikeCommands(t *testing.T) {
	t.Parallel()
	server := mariadb1(t)
	schema(t, server, "local_file")
	execute(t, server, "CREATE TABLE local_file.line (text VARCHAR(100))")
	const lines = 185_000
	for name, c := range map[string]string{"change of user": "\x11", "goodbye": "\x01"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "file")
			line := append(bytes.Repeat([]byte(c), 64), '\n')
			if err := os.WriteFile(path, bytes.Repeat(line, lines), 0o600); err != nil {
				t.Fatal(err)
			}
			h := open(t, gateway.MySQL, server)
			outcome := servertest.RunMariaDBClient(t, h.login("jdoe", "secret"),
				"LOAD DATA LOCAL INFILE '"+path+"' INTO TABLE local_file.line; SELECT ROW_COUNT()", "--local-infile=1")
			if outcome.Code != 0 || outcome.Stdout != "185000\n" {
				t.Errorf("got %+v", outcome)
			}
			h.wantEnd(1, projection.Login{User: "jdoe", Database: servertest.Database, Program: "mysql"}, events.ReasonClientClosed)
		})
	}
}
