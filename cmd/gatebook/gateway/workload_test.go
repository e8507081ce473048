package gateway_test

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"gatebook"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
)

// A workload test does the same to a server twice, directly and through the
// gateway, and compares what came of it.

// ways returns the two ways to a server.
func (h *endToEnd) ways(server *servertest.Server) map[string]servertest.Login {
	direct := h.login("jdoe", "secret")
	direct.Address = server.Address
	return map[string]servertest.Login{"direct": direct, "through": h.login("jdoe", "secret")}
}

// wantSame compares what each way has brought.
func wantSame(t testing.TB, got map[string]string) {
	t.Helper()
	if got["direct"] != got["through"] || got["direct"] == "" {
		t.Errorf("directly: %.2000s\nthrough the gateway: %.2000s", got["direct"], got["through"])
	}
}

// wantAllWell waits until every session has ended, and checks that each was
// closed by its client.
func (h *endToEnd) wantAllWell(atLeast int) {
	h.t.Helper()
	eventually(h.t, "every session has ended", func() bool { return h.Moment().Live == 0 })
	listing, err := h.Sessions(gatebook.Query{Closed: true})
	if err != nil {
		h.t.Fatal(err)
	}
	n := 0
	for v, err := range listing.All() {
		if err != nil {
			h.t.Fatal(err)
		}
		n++
		if v.Ending().Reason != events.ReasonClientClosed {
			h.t.Errorf("session %d of %+v ended with %v %q", v.ID, v.Login(), v.Ending().Reason, v.Ending().Description)
		}
	}
	if n < atLeast {
		h.t.Errorf("%d sessions are in the book, want at least %d", n, atLeast)
	}
}

// command runs a program to its end and returns what it printed.
func command(t testing.TB, stdin io.Reader, environment []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is not installed: run .ci/install-servers", name)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	var stdout, stderr strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	cmd.Env = append(cmd.Environ(), append(environment, "LC_ALL=C")...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", name, err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// pipe runs one command into another, both to their ends.
func pipe(t testing.TB, from, to *exec.Cmd) {
	t.Helper()
	var stderr [2]strings.Builder
	from.Stderr, to.Stderr = &stderr[0], &stderr[1]
	out, err := from.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	to.Stdin = out
	if err := from.Start(); err != nil {
		t.Fatal(err)
	}
	if err := to.Run(); err != nil {
		t.Errorf("%s: %v\n%s", to.Path, err, &stderr[1])
	}
	if err := from.Wait(); err != nil {
		t.Errorf("%s: %v\n%s", from.Path, err, &stderr[0])
	}
}

// ask returns the rows of the administrator's query as text.
func ask(t testing.TB, server *servertest.Server, query string) string {
	t.Helper()
	rows, err := server.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(rows)
}

// execute runs the administrator's statements.
func execute(t testing.TB, server *servertest.Server, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if err := server.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}
