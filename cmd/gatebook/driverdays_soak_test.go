//go:build soak

package main_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/internal/servertest"
)

// javaDrivers are the drivers and the pool of Java, as Debian installs them.
const javaDrivers = "/usr/share/java/postgresql.jar:/usr/share/java/mariadb-java-client.jar:/usr/share/java/HikariCP.jar:" +
	"/usr/share/java/slf4j-api.jar:/usr/share/java/slf4j-nop.jar"

// TestDriverDays runs a day's use of drivers in other languages, from testdata/drivers, directly and
// through the gateway, and compares what they print.
func TestDriverDays(t *testing.T) {
	modules := os.Getenv("GATEBOOK_NODE_MODULES")
	if modules == "" {
		t.Fatal("GATEBOOK_NODE_MODULES is not set: run .ci/drivers, which installs the drivers")
	}
	mariadb := servertest.StartMariaDB(t, loggedMariaDB())
	postgres := servertest.StartPostgres(t, loggedPostgres())
	for _, server := range []*servertest.Server{mariadb, postgres} {
		for _, user := range []string{"jdoe", "sue"} {
			if err := server.AddUser(user, "secret"); err != nil {
				t.Fatal(err)
			}
		}
	}
	execute(t, postgres, "GRANT CREATE ON SCHEMA public TO PUBLIC")
	mariadbs, postgreses := newMariaDBLog(t, mariadb), newPostgresLog(t, postgres)
	for _, day := range []struct {
		server   *servertest.Server
		protocol string
		log      serverLog
		// command is a program and what it runs, of testdata/drivers, and arguments.
		command []string
	}{
		{mariadb, "mysql", mariadbs, []string{"node", "mysql2.js"}},
		{mariadb, "mysql", mariadbs, []string{"node", "mariadb.js"}},
		{mariadb, "mysql", mariadbs, []string{"/usr/bin/python3", "pymysql_day.py"}},
		{postgres, "postgres", postgreses, []string{"node", "pg.js"}},
		{postgres, "postgres", postgreses, []string{"/usr/bin/python3", "psycopg_day.py"}},
		{postgres, "postgres", postgreses, []string{"/usr/bin/python3", "asyncpg_day.py"}},
		{mariadb, "mysql", mariadbs, []string{"java", "Day.java", "mariadb"}},
		{postgres, "postgres", postgreses, []string{"java", "Day.java", "postgresql"}},
	} {
		t.Run(strings.Join(day.command[1:], " "), func(t *testing.T) {
			use := func(address string) string {
				host, port, _ := net.SplitHostPort(address)
				command := exec.Command(day.command[0], day.command[1:]...)
				command.Dir = filepath.Join("testdata", "drivers")
				command.Env = append(os.Environ(), "NODE_PATH="+modules, "CLASSPATH="+javaDrivers, "DB_HOST="+host, "DB_PORT="+port)
				said, err := command.CombinedOutput()
				if err != nil {
					t.Errorf("%v: %v", day.command, err)
				}
				return string(said)
			}
			direct := use(day.server.Address)
			awaitNoClients(t, day.server)
			g := newTappedGateway(t, day.protocol, day.server, day.log, nil)
			if through := use(g.taps.front.address); through != direct || len(direct) < 20 {
				t.Errorf("directly it prints\n%sthrough the gateway\n%s", direct, through)
			}
			g.compareBook(t)
		})
	}
}
