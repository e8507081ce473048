package gateway_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"

	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/servertest"
)

// mysqlTool returns the arguments that the tools of MySQL connect with.
func mysqlTool(to servertest.Login, more ...string) []string {
	host, port, _ := strings.Cut(to.Address, ":")
	return append([]string{
		"--no-defaults", "--protocol=tcp", "--host=" + host, "--port=" + port, "--user=" + to.User, "--password=" + to.Password,
	}, more...)
}

// schema gives jdoe a database of his own.
func schema(t testing.TB, server *servertest.Server, name string) {
	t.Helper()
	execute(t, server, "CREATE DATABASE "+name, "GRANT ALL ON "+name+".* TO jdoe")
	t.Cleanup(func() {
		if err := server.Exec("DROP DATABASE " + name); err != nil {
			t.Error(err)
		}
	})
}

// generate fills a database with tables of all kinds of columns.
func generate(t testing.TB, server *servertest.Server, name string) {
	t.Helper()
	schema(t, server, name)
	const perMiB = 1 << 20 / 340 // what a row takes in a dump
	execute(t, server,
		"CREATE TABLE "+name+`.article (id INT PRIMARY KEY, name VARCHAR(80) CHARACTER SET utf8mb4, price DECIMAL(12,4), ratio DOUBLE,
			made DATETIME(6), flags BIT(9), picture BLOB, note TEXT, kind ENUM('a','b'), KEY (name))`,
		fmt.Sprintf(`INSERT INTO %s.article SELECT seq, CONCAT('Stück ', seq, ' \\ ''"\n\t☃'), seq / 7, SQRT(seq),
			'2026-01-01' + INTERVAL seq MICROSECOND, seq %% 512, UNHEX(REPEAT(SHA2(seq, 512), 2)),
			IF(seq %% 5, REPEAT(MD5(seq), 4), NULL), IF(seq %% 2, 'a', 'b') FROM seq_1_to_%d`, name, volume*perMiB),
		"CREATE DEFINER=jdoe VIEW "+name+".cheap AS SELECT id, name FROM "+name+".article WHERE price < 10",
	)
}

// TestDumpAndRestore checks that a dump through the gateway is the same to the byte as
// one without it, and gives the same database when it is restored through the gateway.
func TestDumpAndRestore(t *testing.T) {
	t.Parallel()
	server := mariadb1(t)
	h := open(t, gateway.MySQL, server)
	generate(t, server, "stock")
	schema(t, server, "restored")
	dump := func(to servertest.Login) []string {
		return mysqlTool(to, "--skip-comments", "--single-transaction", "--no-tablespaces", "stock")
	}
	got := make(map[string]string)
	for way, to := range h.ways(server) {
		text := command(t, nil, nil, "mariadb-dump", dump(to)...)
		if len(text) < volume<<20*9/10 {
			t.Errorf("%s: the dump has %d bytes only", way, len(text))
		}
		got[way] = fmt.Sprintf("%d bytes, %x", len(text), md5.Sum([]byte(text)))
	}
	wantSame(t, got)

	to := h.ways(server)["through"]
	pipe(t, exec.CommandContext(t.Context(), "mariadb-dump", dump(to)...),
		exec.CommandContext(t.Context(), "mariadb", mysqlTool(to, "--database=restored")...))
	stock, restored := ask(t, server, "CHECKSUM TABLE stock.article"), ask(t, server, "CHECKSUM TABLE restored.article")
	if strings.ReplaceAll(stock, "stock", "") != strings.ReplaceAll(restored, "restored", "") {
		t.Errorf("restored as %s, want %s", restored, stock)
	}
	if stock, restored := ask(t, server, "SELECT COUNT(*) FROM stock.cheap"), ask(t, server, "SELECT COUNT(*) FROM restored.cheap"); stock != restored {
		t.Errorf("restored view has %s, want %s", restored, stock)
	}
	h.wantAllWell(3)
}

// TestLoadDataLocal checks that a file of the client's is loaded as it would be
// directly.
func TestLoadDataLocal(t *testing.T) {
	t.Parallel()
	server := mariadb1(t)
	h := open(t, gateway.MySQL, server)
	schema(t, server, "loaded")
	var text bytes.Buffer
	for i := range 20_000 {
		fmt.Fprintf(&text, "%d\tline %d with \\t and ☃\t%s\n", i, i, strings.Repeat("x", i%200))
	}
	file := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for way, to := range h.ways(server) {
		execute(t, server, "CREATE OR REPLACE TABLE loaded.line (id INT PRIMARY KEY, text VARCHAR(100) CHARACTER SET utf8mb4, fill VARCHAR(200))")
		outcome := servertest.RunMariaDBClient(t, to,
			"LOAD DATA LOCAL INFILE '"+file+"' INTO TABLE loaded.line CHARACTER SET utf8mb4; SELECT ROW_COUNT()", "--local-infile=1")
		got[way] = fmt.Sprintf("%+v %s", outcome, ask(t, server, "CHECKSUM TABLE loaded.line"))
		if outcome.Stdout != "20000\n" {
			t.Errorf("%s: %+v", way, outcome)
		}
	}
	wantSame(t, got)
	h.wantAllWell(1)
}

// TestMariaDBStatements checks prepared statements of both protocols, several results
// at once, errors, warnings and a change of database.
func TestMariaDBStatements(t *testing.T) {
	t.Parallel()
	server := mariadb1(t)
	h := open(t, gateway.MySQL, server)
	schema(t, server, "asked")
	execute(t, server, "CREATE PROCEDURE asked.three() BEGIN SELECT 1; SELECT 'two', NULL; SELECT 3.5 FROM DUAL WHERE FALSE; END")
	got := make(map[string]string)
	for way, to := range h.ways(server) {
		to.Database = "asked"
		db, err := sql.Open("mysql", to.MySQL()+"?multiStatements=true")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		db.SetMaxOpenConns(1)
		var report strings.Builder
		execute(t, server, "CREATE OR REPLACE TABLE asked.t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(50), b BLOB, d DATETIME(6), f DOUBLE) CHARACTER SET utf8mb4")
		insert, err := db.Prepare("INSERT INTO t (v, b, d, f) VALUES (?, ?, '2026-11-23 01:02:03.456789', ?)")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			result, err := insert.Exec(fmt.Sprint("☃", i), bytes.Repeat([]byte{0, byte(i)}, i*100), float64(i)/3)
			if err != nil {
				t.Fatal(err)
			}
			id, _ := result.LastInsertId()
			fmt.Fprintln(&report, id)
		}
		insert.Close()
		for _, query := range []string{
			"SELECT id, v, MD5(b), d, f FROM t ORDER BY id",
			"PREPARE s FROM 'SELECT ? + ?, ?'; SET @a = 1, @b = 2; EXECUTE s USING @a, @b, @a; DEALLOCATE PREPARE s",
			"CALL three()",
			"SELECT 1; SELECT nonsense; SELECT 3",
			"SELECT 1 / 0; SHOW WARNINGS",
			"USE shop; SELECT DATABASE(); USE asked",
			"SELECT REPEAT('x', 300000)",
		} {
			appendResults(&report, db, query)
		}
		appendResults(&report, db, "SELECT id, b, d, f FROM t WHERE id > ? AND v LIKE ? ORDER BY id", 40, "☃%")
		got[way] = report.String()
	}
	wantSame(t, got)
}

// appendResults appends all results of a query to a report.
func appendResults(report *strings.Builder, db *sql.DB, query string, args ...any) {
	fmt.Fprintln(report, query)
	rows, err := db.Query(query, args...)
	if err != nil {
		fmt.Fprintln(report, err)
		return
	}
	defer rows.Close()
	for {
		columns, _ := rows.ColumnTypes()
		for _, c := range columns {
			fmt.Fprint(report, c.Name(), " ", c.DatabaseTypeName(), " ")
		}
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			err := rows.Scan(values...)
			for _, v := range values {
				fmt.Fprintf(report, "%q ", *v.(*any))
			}
			fmt.Fprintln(report, err)
		}
		if !rows.NextResultSet() {
			break
		}
	}
	fmt.Fprintln(report, rows.Err())
}

// TestLongPackets checks that data longer than a packet come in several, both ways, and
// that the packets after them are understood.
func TestLongPackets(t *testing.T) {
	t.Parallel()
	server := mariadb2(t)
	h := open(t, gateway.MySQL, server)
	execute(t, server, "SET GLOBAL max_allowed_packet = 64 << 20")
	db, err := sql.Open("mysql", h.login("jdoe", "secret").MySQL()+"?maxAllowedPacket=67108864")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	value := bytes.Repeat([]byte("0123456789abcdef"), 20<<16)
	var sum, back string
	if err := db.QueryRow("SELECT MD5(?), ?", value, value).Scan(&sum, &back); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%x", md5.Sum(value)); sum != want || back != string(value) {
		t.Errorf("%d bytes came back as %d with sum %s, want %s", len(value), len(back), sum, want)
	}
	// This one fills its packet to the last byte, so an empty one follows.
	const frame = "\x03SELECT /**/ 1"
	if err := db.QueryRow("SELECT /*" + strings.Repeat("x", 1<<24-1-len(frame)) + "*/ 1").Scan(&back); err != nil || back != "1" {
		t.Errorf("a full packet: %q, %v", back, err)
	}
	if err := db.Ping(); err != nil {
		t.Error(err)
	}
	db.Close()
	h.wantAllWell(1)
}

// TestTransfers checks that nothing is lost or made when several clients move amounts
// between accounts at once, in transactions some of which are rolled back.
func TestTransfers(t *testing.T) {
	t.Parallel()
	const clients, transfers, accounts = 8, 30, 10
	server := mariadb1(t)
	h := open(t, gateway.MySQL, server)
	schema(t, server, "bank")
	execute(t, server,
		"CREATE TABLE bank.account (id INT PRIMARY KEY, balance INT NOT NULL)",
		"CREATE TABLE bank.transfer (id INT PRIMARY KEY AUTO_INCREMENT, client INT)",
		fmt.Sprintf("INSERT INTO bank.account SELECT seq, 1000 FROM seq_1_to_%d", accounts))
	to := h.login("jdoe", "secret")
	to.Database = "bank"
	db, err := sql.Open("mysql", to.MySQL())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxIdleConns(clients)
	var wait sync.WaitGroup
	for client := range clients {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(client)))
			for done := 0; done < transfers; {
				err := transfer(t.Context(), db, client, 1+random.IntN(accounts), 1+random.IntN(accounts), random.IntN(4) == 0)
				var failed *mysql.MySQLError
				switch {
				case err == nil:
					done++
				case errors.As(err, &failed) && (failed.Number == 1213 || failed.Number == 1205): // a deadlock, or a lock that was long in coming
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	got := ask(t, server, "SELECT SUM(balance) FROM bank.account")
	if want := fmt.Sprintf("[[%d]]", 1000*accounts); got != want {
		t.Errorf("the balances are %s in sum, want %s", got, want)
	}
	if left := ask(t, server, "SELECT COUNT(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE p.db = 'bank'"); left != "[[0]]" {
		t.Errorf("%s transactions are left open", left)
	}
	db.Close()
	h.wantAllWell(2)
}

// transfer moves an amount, or changes its mind at the end, which counts as done.
func transfer(ctx context.Context, db *sql.DB, client, from, to int, regret bool) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, statement := range []string{
		fmt.Sprintf("UPDATE account SET balance = balance - 7 WHERE id = %d", from),
		fmt.Sprintf("UPDATE account SET balance = balance + 7 WHERE id = %d", to),
		fmt.Sprintf("INSERT INTO transfer (client) VALUES (%d)", client),
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if regret {
		return tx.Rollback()
	}
	return tx.Commit()
}

// TestSysbench checks that the usual mix of reads and writes makes no error.
func TestSysbench(t *testing.T) {
	t.Parallel()
	server := mariadb2(t)
	h := open(t, gateway.MySQL, server)
	schema(t, server, "sbtest")
	host, port, _ := strings.Cut(h.address(), ":")
	args := []string{
		"oltp_read_write", "--db-driver=mysql", "--mysql-host=" + host, "--mysql-port=" + port, "--mysql-user=jdoe", "--mysql-password=secret",
		"--mysql-db=sbtest", "--tables=2", "--table-size=20000", "--rand-type=uniform", "--threads=4", "--events=300", "--time=0",
	}
	command(t, nil, nil, "sysbench", append(args, "prepare")...)
	report := command(t, nil, nil, "sysbench", append(args, "run")...)
	for _, want := range []string{"ignored errors:                      0 ", "reconnects:                          0 ", "total number of events:              300\n"} {
		if !strings.Contains(report, want) {
			t.Errorf("%q is not in its report:\n%s", want, report)
		}
	}
	h.wantAllWell(5)
}
