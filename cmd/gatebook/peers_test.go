//go:build peers

package main_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"

	"gatebook/cmd/gatebook/internal/config"
	"gatebook/cmd/gatebook/internal/servertest"
)

// front is a way to a server: directly, or through a gateway.
type front struct {
	name string
	to   servertest.Login
}

// measure is what is measured of every front of a server, once a round. The
// figures are by front.
type measure struct {
	name    string
	fronts  []front
	run     func(t *testing.T, f front) float64
	format  string
	figures map[string][]float64
}

// TestPeers measures the gateway and its peers in interleaved rounds. It is a
// program, and not a test: it fails when something does not work, and judges no
// figure. .ci/peers/gateway runs it.
func TestPeers(t *testing.T) {
	rounds, seconds := number(t, "PEERS_ROUNDS"), os.Getenv("PEERS_SECONDS")
	mariadb := servertest.StartMariaDB(t, servertest.WithArgs("--max-connections=2000", "--back-log=1000"))
	postgres := servertest.StartPostgres(t, servertest.WithArgs("-c", "max_connections=300"))
	for _, s := range []*servertest.Server{mariadb, postgres} {
		if err := s.AddUser("jdoe", "secret"); err != nil {
			t.Fatal(err)
		}
	}
	trust(t, postgres)
	maria, post := frontsOf(t, mariadb, postgres)
	execTool(t, "sysbench", sysbench(maria[0], "oltp_point_select", "--table-size=10000", "prepare")...)
	execTool(t, "pgbench", pgbench(post[0], "--initialize", "--scale=1", "--quiet", "shop")...)

	all := []*measure{
		{"MariaDB: point selects/s, 64 clients", maria, func(t *testing.T, f front) float64 {
			report := execTool(t, "sysbench", sysbench(f, "oltp_point_select", "--table-size=10000", "--threads=64", "--time="+seconds, "run")...)
			return after(t, report, "total number of events:") / after(t, report, "total time:")
		}, "%.0f", nil},
		{"MariaDB: connect, query, disconnect/s, 64 clients", maria, func(t *testing.T, f front) float64 {
			report := execTool(t, "sysbench", sysbench(f, "../../.ci/peers/connect.lua", "--threads=64", "--time="+seconds, "run")...)
			return after(t, report, "total number of events:") / after(t, report, "total time:")
		}, "%.0f", nil},
		{"MariaDB: p99 in ms, 8 clients, 1000 selects/s", maria, func(t *testing.T, f front) float64 {
			report := execTool(t, "sysbench", sysbench(f, "oltp_point_select", "--table-size=10000", "--threads=8", "--rate=1000", "--percentile=99", "--time="+seconds, "run")...)
			return after(t, report, "99th percentile:")
		}, "%.2f", nil},
		{"PostgreSQL: point selects/s, 64 clients", post, func(t *testing.T, f front) float64 {
			return transactions(t, pgbench(f, "-S", "-M", "prepared", "-c", "64", "-j", "2", "-T", seconds, "shop"))
		}, "%.0f", nil},
		{"PostgreSQL: connect, query, disconnect/s, 64 clients", post, func(t *testing.T, f front) float64 {
			return transactions(t, pgbench(f, "-S", "-C", "-c", "64", "-j", "2", "-T", seconds, "shop"))
		}, "%.0f", nil},
		{"PostgreSQL: p99 in ms, 8 clients, 1000 selects/s", post, func(t *testing.T, f front) float64 {
			log := filepath.Join(t.TempDir(), "log")
			execTool(t, "pgbench", pgbench(f, "-S", "-M", "prepared", "-c", "8", "-j", "2", "-R", "1000", "-T", seconds, "--log", "--log-prefix="+log, "shop")...)
			return percentile(t, log) / 1000
		}, "%.2f", nil},
	}
	for round := range rounds {
		for _, m := range all {
			for i := range m.fronts {
				f := m.fronts[(i+round)%len(m.fronts)]
				if m.figures == nil {
					m.figures = make(map[string][]float64)
				}
				m.figures[f.name] = append(m.figures[f.name], m.run(t, f))
			}
			t.Logf("round %d: %s: %v", round+1, m.name, m.figures)
		}
	}
	report(all, maria, post)
}

// trust lets everybody in without a password, whose check would cost the client
// and the server far more than all the rest of a connection.
func trust(t *testing.T, postgres *servertest.Server) {
	t.Helper()
	folder, err := postgres.Query("SHOW data_directory")
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"COPY (SELECT 'host all all 127.0.0.1/32 trust') TO '" + folder[0][0] + "/pg_hba.conf'",
		"SELECT pg_reload_conf()",
	} {
		if err := postgres.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

// frontsOf starts what stands in front of the servers. The first is the server
// itself, the second the peer that the others are compared with.
func frontsOf(t *testing.T, mariadb, postgres *servertest.Server) (maria, post []front) {
	t.Helper()
	to := func(s *servertest.Server, address string) servertest.Login {
		return servertest.Login{Address: address, User: "jdoe", Password: "secret", Database: servertest.Database}
	}
	maria = []front{{"direct", to(mariadb, mariadb.Address)}}
	post = []front{{"direct", to(postgres, postgres.Address)}}
	folder := t.TempDir()

	// HAProxy, with a thread for each processor, as it is delivered.
	one, two := freePort(t), freePort(t)
	background(t, "haproxy", "-db", "-f", put(t, folder, "haproxy.cfg", fmt.Sprintf(`
global
	maxconn 4000
defaults
	mode tcp
	timeout connect 5s
	timeout client 1h
	timeout server 1h
listen mariadb
	bind %s
	server db-1 %s
listen postgres
	bind %s
	server db-1 %s
`, one, mariadb.Address, two, postgres.Address)))
	answers(t, one)
	maria, post = append(maria, front{"HAProxy", to(mariadb, one)}), append(post, front{"HAProxy", to(postgres, two)})

	// PgBouncer keeps the server's connections over those of its clients.
	pooled := freePort(t)
	host, port, _ := net.SplitHostPort(pooled)
	backHost, backPort, _ := net.SplitHostPort(postgres.Address)
	open := t.TempDir() // it runs as somebody else
	for path := open; path != os.TempDir() && len(path) > 1; path = filepath.Dir(path) {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	users := put(t, open, "users", "\"jdoe\" \"secret\"\n")
	args := []string{put(t, open, "pgbouncer.ini", fmt.Sprintf(`
[databases]
shop = host=%s port=%s dbname=shop
[pgbouncer]
listen_addr = %s
listen_port = %s
unix_socket_dir =
auth_type = trust
auth_file = %s
pool_mode = session
max_client_conn = 1000
default_pool_size = 200
log_connections = 0
log_disconnections = 0
`, backHost, backPort, host, port, users))}
	if os.Geteuid() == 0 {
		args = append([]string{"--user=postgres"}, args...)
	}
	background(t, "pgbouncer", args...)
	answers(t, pooled)
	post = append(post, front{"PgBouncer", to(postgres, pooled)})

	for _, record := range []string{"strict", "best_effort"} {
		text := fmt.Sprintf("record = %q\n[servers.m]\naddress = %q\n[servers.p]\naddress = %q\n"+
			"[services.maria]\nprotocol = \"mysql\"\nlisten = [\"127.0.0.1:0\"]\nservers = [\"m\"]\n"+
			"[services.post]\nprotocol = \"postgres\"\nlisten = [\"127.0.0.1:0\"]\nservers = [\"p\"]\n", record, mariadb.Address, postgres.Address)
		if _, err := config.Parse(text); err != nil {
			t.Logf("without record = %q: %v", record, err)
			continue
		}
		p := serve(t, "--log-level", "error", "--config", put(t, folder, record+".toml", text), "--data", filepath.Join(folder, record))
		maria = append(maria, front{"gatebook, " + record, to(mariadb, p.services["maria"])})
		post = append(post, front{"gatebook, " + record, to(postgres, p.services["post"])})
	}
	return maria, post
}

// report prints the medians, and in brackets the medians of the rounds' ratios to
// HAProxy.
func report(all []*measure, maria, post []front) {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	names := []string{}
	for _, f := range slices.Concat(maria, post) {
		if !slices.Contains(names, f.name) {
			names = append(names, f.name)
		}
	}
	fmt.Fprintf(table, "| \t| %s \t|\n|---%s|\n", strings.Join(names, " \t| "), strings.Repeat("\t|---", len(names)))
	for _, m := range all {
		fmt.Fprintf(table, "| %s", m.name)
		for _, name := range names {
			figures, peer := m.figures[name], m.figures["HAProxy"]
			if figures == nil {
				fmt.Fprint(table, " \t| ")
				continue
			}
			ratios := make([]float64, len(figures))
			for i := range figures {
				ratios[i] = figures[i] / peer[i]
			}
			fmt.Fprintf(table, " \t| "+m.format+" (%.2f)", median(figures), median(ratios))
		}
		fmt.Fprint(table, " \t|\n")
	}
	table.Flush()
}

func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	return sorted[len(sorted)/2]
}

// sysbench are its arguments for a front.
func sysbench(f front, script string, more ...string) []string {
	host, port, _ := net.SplitHostPort(f.to.Address)
	return append([]string{
		script, "--db-driver=mysql", "--mysql-host=" + host, "--mysql-port=" + port, "--mysql-db=" + f.to.Database,
		"--mysql-user=" + f.to.User, "--mysql-password=" + f.to.Password, "--mysql-ssl=off",
	}, more...)
}

// pgbench are its arguments for a front.
func pgbench(f front, more ...string) []string {
	host, port, _ := net.SplitHostPort(f.to.Address)
	return append([]string{"--host=" + host, "--port=" + port, "--username=" + f.to.User, "--no-vacuum"}, more...)
}

// transactions are those per second of a run of pgbench. Its time includes that
// of connecting, after which on a busy machine nothing may be left: then it runs
// again.
func transactions(t *testing.T, args []string) float64 {
	t.Helper()
	for range 5 {
		if report := execTool(t, "pgbench", args...); strings.Contains(report, "tps =") {
			return after(t, report, "tps =")
		}
	}
	t.Fatal("pgbench does not come to its transactions")
	return 0
}

// execTool runs a program to its end and returns what it printed.
func execTool(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(cmd.Environ(), "PGPASSWORD=secret", "PGSSLMODE=disable", "LC_ALL=C")
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, text)
	}
	return string(text)
}

// background runs a program until the test's end.
func background(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
}

// answers waits until somebody listens.
func answers(t *testing.T, address string) {
	t.Helper()
	eventually(t, address+" answers", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// put writes a file and returns its path.
func put(t *testing.T, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// after returns the first number after a label in a report.
func after(t *testing.T, report, label string) float64 {
	t.Helper()
	_, rest, _ := strings.Cut(report, label)
	words := strings.Fields(rest)
	if len(words) == 0 {
		t.Fatalf("%q is not in the report:\n%s", label, report)
	}
	figure, err := strconv.ParseFloat(strings.TrimSuffix(words[0], "s"), 64)
	if err != nil {
		t.Fatalf("%q: %v in the report:\n%s", label, err, report)
	}
	return figure
}

// percentile is the 99th of the latencies in pgbench's logs, in microseconds.
func percentile(t *testing.T, prefix string) float64 {
	t.Helper()
	files, err := filepath.Glob(prefix + "*")
	if err != nil {
		t.Fatal(err)
	}
	var all []float64
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			latency, err := strconv.ParseFloat(strings.Fields(line)[2], 64)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, latency)
		}
	}
	if len(all) == 0 {
		t.Fatal("pgbench has logged nothing")
	}
	slices.Sort(all)
	return all[len(all)*99/100]
}

// number reads a setting.
func number(t *testing.T, name string) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv(name))
	if err != nil || n < 1 {
		t.Fatalf("%s is %q", name, os.Getenv(name))
	}
	return n
}
