package servertest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// childVariable asks this test binary to be the child of
// TestServerDiesWithItsProcess: its value names the server to start.
const childVariable = "GATEBOOK_SERVERTEST_CHILD"

func TestMain(m *testing.M) {
	if name := os.Getenv(childVariable); name != "" {
		os.Exit(startAndWait(name))
	}
	goleak.VerifyTestMain(m)
}

// startAndWait starts a server, prints its address on stdout, and waits to be killed.
func startAndWait(name string) int {
	for _, k := range kinds() {
		if k.name != name {
			continue
		}
		s, err := k.start()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println(s.process.cmd.Process.Pid, s.dir)
		select {}
	}
	return 2
}

// kind is MariaDB or PostgreSQL.
type kind struct {
	name  string
	start func(...Option) (*Server, error)
	// client is the kind's own client program.
	client clientCommand
	// limit is an option that changes the number of connections to that number.
	limit func(connections string) Option
	// ask is the query that tells this number, whoami the one that tells the
	// connection's id, pause a statement that takes long.
	ask, whoami, pause string
}

func kinds() []kind {
	return []kind{
		{
			name: "MariaDB", start: NewMariaDB, client: MariaDBClient,
			limit:  func(n string) Option { return WithArgs("--max-connections=" + n) },
			ask:    "SELECT @@max_connections",
			whoami: "SELECT CONNECTION_ID()",
			pause:  "SELECT SLEEP(600)",
		},
		{
			name: "PostgreSQL", start: NewPostgres, client: Psql,
			limit:  func(n string) Option { return WithArgs("-c", "max_connections="+n) },
			ask:    "SHOW max_connections",
			whoami: "SELECT pg_backend_pid()",
			pause:  "SELECT pg_sleep(600)",
		},
	}
}

// eachKind runs a test for both kinds, side by side.
func eachKind(t *testing.T, test func(t *testing.T, k kind)) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			test(t, k)
		})
	}
}

// eventually polls a condition until it holds or ten seconds have passed.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
		<-ticker.C
	}
}
