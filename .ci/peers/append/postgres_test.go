package peers

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"gatebook/storage/storagetest"
)

// postgresConns is how many clients there are at most: more processes than this
// only wait for each other. Producers beyond it share them.
const postgresConns = 128

// postgres is PostgreSQL with its usual settings. Each client inserts a row at a time;
// the server lets commits that come together share a sync.
func postgres(b *testing.B) storagetest.Append {
	folder := startPostgres(b)
	ctx := context.Background()
	connect := func() *pgx.Conn {
		conn, err := pgx.Connect(ctx, fmt.Sprintf("host=%s user=bench dbname=postgres", folder))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { conn.Close(ctx) })
		return conn
	}
	conns := make(chan *pgx.Conn, postgresConns)
	for range postgresConns {
		conns <- connect()
	}
	if _, err := connect().Exec(ctx, "CREATE TABLE events (sequence bigserial PRIMARY KEY, value bytea NOT NULL)"); err != nil {
		b.Fatal(err)
	}
	value := event()
	return func(int, int64) error {
		conn := <-conns
		defer func() { conns <- conn }()
		_, err := conn.Exec(ctx, "INSERT INTO events (value) VALUES ($1)", value)
		return err
	}
}

// startPostgres starts a server on a Unix socket in a new folder, which it returns.
func startPostgres(b *testing.B) string {
	// A socket's path must be short, and the server's account must reach the folder.
	folder, err := os.MkdirTemp("", "peer")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			b.Error(err)
		}
	})
	var attributes *syscall.SysProcAttr
	if os.Geteuid() == 0 { // the server refuses to run as root
		attributes = &syscall.SysProcAttr{Credential: account(b, "postgres")}
		if err := os.Chown(folder, int(attributes.Credential.Uid), int(attributes.Credential.Gid)); err != nil {
			b.Fatal(err)
		}
	}
	data := filepath.Join(folder, "data")
	install := exec.Command(program(b, "initdb"), "--pgdata="+data, "--username=bench", "--auth=trust", "--encoding=UTF8", "--locale=C")
	install.SysProcAttr, install.Dir = attributes, folder
	if out, err := install.CombinedOutput(); err != nil {
		b.Fatalf("initdb: %v\n%s", err, out)
	}
	var log bytes.Buffer
	server := exec.Command(program(b, "postgres"), "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", fmt.Sprint("max_connections=", postgresConns+8))
	server.SysProcAttr, server.Dir, server.Stdout, server.Stderr = attributes, folder, &log, &log
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := server.Process.Signal(syscall.SIGINT); err != nil {
			b.Error(err)
		}
		if err := server.Wait(); err != nil {
			b.Errorf("PostgreSQL: %v\n%s", err, &log)
		}
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		conn, err := pgx.Connect(context.Background(), fmt.Sprintf("host=%s user=bench dbname=postgres", folder))
		if err == nil {
			conn.Close(context.Background())
			return folder
		}
		if time.Now().After(deadline) {
			b.Fatalf("PostgreSQL does not answer: %v", err)
		}
	}
}

func account(b *testing.B, name string) *syscall.Credential {
	u, err := user.Lookup(name)
	if err != nil {
		b.Fatal(err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		b.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		b.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// program finds one of PostgreSQL's, which Debian keeps out of the path.
func program(b *testing.B, name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(found) == 0 {
		b.Fatalf("%s is not installed: .ci/install-servers does that", name)
	}
	return found[len(found)-1]
}
