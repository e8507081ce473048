//go:build soak

package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/internal/certtest"
	"gatebook/cmd/gatebook/internal/servertest"
)

// driverSuite is the test suite of a driver, which travels with its Go module.
type driverSuite struct {
	module   string // with its version
	packages []string
	// own is the server's certificate, which is the gateway's too; nil where there is no TLS.
	own *certtest.Pair
	// skip is a pattern of tests that are not run, such as those that dial other machines.
	skip string
	// edit are texts in its files that are replaced, before both runs.
	edit map[string][2]string
	// prepare are statements for the server before each run.
	prepare []string
	// environ returns where the suite finds its server.
	environ func(host, port string) []string
}

// TestDriversOfMySQL runs the suites of drivers against MariaDB, directly and through the gateway.
func TestDriversOfMySQL(t *testing.T) {
	own := certtest.NewAuthority(t, "authority").Issue(t, "db-1")
	server := servertest.StartMariaDB(t, servertest.WithTLS(own.Certificate, own.Key), loggedMariaDB("--max-connections=500", "--max-allowed-packet=48M", "--innodb-log-file-size=256M", "--innodb-buffer-pool-size=128M"))
	for _, statement := range []string{"CREATE USER suite IDENTIFIED BY 'secret'", "GRANT ALL ON *.* TO suite WITH GRANT OPTION"} {
		execute(t, server, statement)
	}
	runDriverSuite(t, server, "mysql", newMariaDBLog(t, server), driverSuite{
		module: "github.com/go-sql-driver/mysql@v1.10.1", packages: []string{"."}, own: &own,
		skip:    "^TestConnectorReturnsTimeout$", // dials 1.1.1.1
		prepare: []string{"DROP DATABASE IF EXISTS gotest", "CREATE DATABASE gotest"},
		environ: func(host, port string) []string {
			return []string{"MYSQL_TEST_USER=suite", "MYSQL_TEST_PASS=secret", "MYSQL_TEST_ADDR=" + net.JoinHostPort(host, port), "MYSQL_TEST_CONCURRENT=1"}
		},
	})
}

// TestDriversOfPostgres does the same with PostgreSQL.
func TestDriversOfPostgres(t *testing.T) {
	server := servertest.StartPostgres(t, loggedPostgres())
	for _, statement := range []string{
		"CREATE ROLE suite SUPERUSER LOGIN PASSWORD 'secret'",
		"CREATE ROLE pqgo SUPERUSER LOGIN", "CREATE DATABASE pqgo", "CREATE DATABASE pgx_test",
		"CREATE ROLE pqgopassword LOGIN PASSWORD 'wordpass'", "CREATE ROLE pqgoscram LOGIN PASSWORD 'wordpass'",
		"SET password_encryption = md5; CREATE ROLE pqgomd5 LOGIN PASSWORD 'wordpass'",
		`CREATE ROLE " tricky, ' } "" \\ test user " SUPERUSER PASSWORD 'secret'`,
	} {
		execute(t, server, statement)
	}
	rows, err := server.Query("SHOW data_directory")
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"COPY (SELECT unnest(ARRAY['host all pqgo 127.0.0.1/32 trust', 'host all pqgopassword 127.0.0.1/32 password', 'host all pqgomd5 127.0.0.1/32 md5', " +
			"'host all all 127.0.0.1/32 scram-sha-256'])) TO '" + rows[0][0] + "/pg_hba.conf'",
		"SELECT pg_reload_conf()",
	} {
		execute(t, server, statement)
	}
	in := server.Login
	in.Database = "pgx_test"
	for _, statement := range []string{"create extension hstore", "create extension ltree", "create domain uint64 as numeric(20,0)"} {
		if got := servertest.RunPsql(t, in, statement); got.Code != 0 {
			t.Fatalf("%s: %s", statement, got.Stderr)
		}
	}
	environ := func(database string) func(host, port string) []string {
		return func(host, port string) []string {
			return []string{
				"PGHOST=" + host, "PGPORT=" + port, "PGUSER=suite", "PGPASSWORD=secret", "PGDATABASE=" + database, "PGSSLMODE=disable",
				fmt.Sprintf("PGX_TEST_DATABASE=host=%s port=%s user=suite password=secret dbname=%s sslmode=disable", host, port, database),
				fmt.Sprintf("PGX_TEST_TCP_CONN_STRING=host=%s port=%s user=suite password=secret dbname=%s sslmode=disable", host, port, database),
			}
		}
	}
	log := newPostgresLog(t, server)
	runDriverSuite(t, server, "postgres", log, driverSuite{
		module: "github.com/jackc/pgx/v5@v5.12.0", packages: []string{".", "./pgconn/...", "./pgxpool/...", "./stdlib/..."},
		environ: environ("pgx_test"),
	})
	runDriverSuite(t, server, "postgres", log, driverSuite{
		module: "github.com/lib/pq@v1.12.3", packages: []string{"./..."},
		// The patience of its listeners is too short for a busy machine.
		edit:    map[string][2]string{"notify_test.go": {"100 * time.Millisecond", "20 * time.Second"}},
		environ: func(_, port string) []string { return []string{"PGHOST=localhost", "PGPORT=" + port} },
	})
}

// execute executes a statement of the administrator.
func execute(t *testing.T, server *servertest.Server, statement string) {
	t.Helper()
	if err := server.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// runDriverSuite runs a suite directly and through the gateway, and compares the outcomes of its
// tests, and what the book and the server's own log say of the second run.
func runDriverSuite(t *testing.T, server *servertest.Server, protocol string, log serverLog, suite driverSuite) {
	t.Run(strings.Split(suite.module, "@")[0], func(t *testing.T) {
		folder := suite.download(t)
		direct := suite.run(t, folder, server, server.Address)
		awaitNoClients(t, server)
		g := newTappedGateway(t, protocol, server, log, suite.own)
		through := suite.run(t, folder, server, g.taps.front.address)
		compareOutcomes(t, suite, direct, through)
		g.compareBook(t)
	})
}

// download returns a folder with the module, whose files can be written.
func (s driverSuite) download(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "go.mod"), []byte("module suites\n\ngo 1.24\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fetch := exec.Command("go", "mod", "download", "-json", s.module)
	fetch.Dir = folder
	answer, err := fetch.Output()
	var module struct{ Dir, Error string }
	if err != nil || json.Unmarshal(answer, &module) != nil || module.Dir == "" {
		t.Fatalf("download %s: %v %s", s.module, err, answer)
	}
	copied := filepath.Join(folder, "module")
	for _, command := range []*exec.Cmd{exec.Command("cp", "-r", module.Dir, copied), exec.Command("chmod", "-R", "u+w", copied)} {
		if said, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
	}
	for name, change := range s.edit {
		path := filepath.Join(copied, name)
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), change[0]) {
			t.Fatalf("%s has no %q: %v", name, change[0], err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), change[0], change[1])), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return copied
}

// run runs the suite, and returns the outcome of each of its tests.
func (s driverSuite) run(t *testing.T, folder string, server *servertest.Server, address string) map[string]string {
	t.Helper()
	for _, statement := range s.prepare {
		execute(t, server, statement)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("go", append([]string{"test", "-json", "-count=1", "-p=1", "-timeout=10m", "-skip=" + s.skip}, s.packages...)...)
	command.Dir = folder
	command.Env = append(os.Environ(), s.environ(host, port)...)
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	_ = command.Run() // tests that fail directly too are no matter here
	return outcomesOf(t, said.String())
}

// outcomesOf returns the outcome of each test of which go test tells, as JSON, and logs what those
// have printed that failed.
func outcomesOf(t *testing.T, said string) map[string]string {
	t.Helper()
	outcomes, printed := make(map[string]string), make(map[string]string)
	random := regexp.MustCompile(`[0-9]{6,}`) // in the names of temporary folders
	for _, line := range strings.Split(said, "\n") {
		var e struct{ Action, Package, Test, Output string }
		if json.Unmarshal([]byte(line), &e) != nil {
			if line != "" {
				t.Log(line)
			}
			continue
		}
		name := e.Package + " " + random.ReplaceAllString(e.Test, "N")
		printed[name] += e.Output
		if e.Action == "fail" {
			t.Logf("%s failed: %.2000s", name, printed[name])
		}
		if e.Test != "" && (e.Action == "pass" || e.Action == "fail" || e.Action == "skip") {
			outcomes[name] = e.Action
		}
	}
	return outcomes
}

// compareOutcomes fails for each test whose outcome differs.
func compareOutcomes(t *testing.T, s driverSuite, direct, through map[string]string) {
	t.Helper()
	count := make(map[string]int)
	for _, name := range slices.Sorted(maps.Keys(direct)) {
		count[direct[name]]++
		if got := through[name]; got != direct[name] {
			t.Errorf("%s: %s directly, %q through the gateway", name, direct[name], got)
		}
	}
	for name := range through {
		if direct[name] == "" {
			t.Errorf("%s ran through the gateway alone", name)
		}
	}
	t.Logf("%s: directly %v", s.module, count)
	if count["pass"] < 20 {
		t.Errorf("only %d tests passed directly", count["pass"])
	}
}
