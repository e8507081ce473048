package servertest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// clientTimeout is how long a client may run before it is killed.
const clientTimeout = 60 * time.Second

// Outcome is what a client left behind.
type Outcome struct {
	// Stdout and Stderr are what it printed.
	Stdout, Stderr string
	// Code is its exit status; -1 when it was killed.
	Code int
}

// RunMariaDBClient runs statements through MariaDB's own client, over TCP, and
// waits for its end. Rows come as lines of tab-separated columns without a
// header. A client that fails is an outcome and not a failed test; one that
// cannot be started is.
func RunMariaDBClient(t testing.TB, to Login, statements string, args ...string) Outcome {
	t.Helper()
	return runClient(t, MariaDBClient, to, statements, args)
}

// RunPsql runs statements through psql, over TCP, and waits for its end. Rows
// come as lines of columns separated by |, without a header. A client that
// fails is an outcome and not a failed test; one that cannot be started is.
func RunPsql(t testing.TB, to Login, statements string, args ...string) Outcome {
	t.Helper()
	return runClient(t, Psql, to, statements, args)
}

// MariaDBClient is the command behind RunMariaDBClient, for a test that needs
// the running client: to interrupt it, to kill it, to feed it. Later arguments
// win over those of this package ("--ssl", "--compress").
func MariaDBClient(ctx context.Context, to Login, statements string, args ...string) (*exec.Cmd, error) {
	path, err := findProgram("mariadb")
	if err != nil {
		return nil, err
	}
	host, port := to.hostPort()
	all := []string{
		"--no-defaults", "--protocol=tcp", "--host=" + host, "--port=" + port,
		"--user=" + to.User, "--batch", "--skip-column-names", "--execute=" + statements,
	}
	if to.Database != "" {
		all = append(all, "--database="+to.Database)
	}
	cmd := exec.CommandContext(ctx, path, append(all, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "MYSQL_PWD="+to.Password)
	return cmd, nil
}

// Psql is the command behind RunPsql. A Database with parameters, such as
// "dbname=shop sslmode=require", is a connection string to psql.
func Psql(ctx context.Context, to Login, statements string, args ...string) (*exec.Cmd, error) {
	path, err := findProgram("psql")
	if err != nil {
		return nil, err
	}
	host, port := to.hostPort()
	all := []string{
		"--no-psqlrc", "--no-password", "--host=" + host, "--port=" + port,
		"--username=" + to.User, "--no-align", "--tuples-only",
		"--set=ON_ERROR_STOP=1", "--command=" + statements,
	}
	if to.Database != "" {
		all = append(all, "--dbname="+to.Database)
	}
	cmd := exec.CommandContext(ctx, path, append(all, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "PGPASSWORD="+to.Password)
	return cmd, nil
}

// clientCommand is MariaDBClient or Psql.
type clientCommand func(ctx context.Context, to Login, statements string, args ...string) (*exec.Cmd, error)

func runClient(t testing.TB, command clientCommand, to Login, statements string, args []string) Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
	defer cancel()
	cmd, err := command(ctx, to, statements, args...)
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("run %s: %v", cmd.Path, err)
	}
	return Outcome{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
}
