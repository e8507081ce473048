package main_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/creack/pty"

	"gatebook/cmd/gatebook/internal/table"
)

// onTerminal starts a command on a terminal of that size, and returns it with what it shows.
func onTerminal(t *testing.T, columns, lines uint16, environment []string, args ...string) (command *exec.Cmd, terminal *os.File, shown *output) {
	t.Helper()
	command = exec.Command(binary, args...)
	command.Env = append(command.Environ(), "TERM=xterm-256color")
	command.Env = append(command.Env, environment...)
	terminal, err := pty.StartWithSize(command, &pty.Winsize{Cols: columns, Rows: lines})
	if err != nil {
		t.Fatal(err)
	}
	shown = &output{}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(shown, terminal) // it fails when the program has ended
	}()
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		_ = terminal.Close()
		<-read
	})
	return command, terminal, shown
}

// TestTerminal shows a list on a terminal, which it fits, with and without colours, and
// watches one until Ctrl-C.
func TestTerminal(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	p := serve(t, "--data", folder)
	p.get("/sessions", &[]session{}) // which is a session then
	for _, environment := range [][]string{nil, {"NO_COLOR=1"}} {
		command, _, shown := onTerminal(t, 70, 24, environment, "history", "--data", folder)
		eventually(t, "the list is shown", func() bool { return strings.Contains(shown.String(), "client_closed") })
		if err := command.Wait(); err != nil {
			t.Errorf("%v: %s", err, shown)
		}
		for line := range strings.Lines(shown.String()) {
			if table.Width(strings.TrimRight(line, "\r\n")) > 70 {
				t.Errorf("too wide: %q", line)
			}
		}
		if strings.Contains(shown.String(), "\x1b[") {
			t.Errorf("coloured without need: %q", shown)
		}
	}
	command, terminal, shown := onTerminal(t, 70, 24, nil, "list", "--watch", "--data", folder)
	eventually(t, "the list is drawn twice", func() bool { return strings.Count(shown.String(), "\x1b[H") > 1 })
	if _, err := terminal.WriteString("\x03"); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Errorf("after Ctrl-C: %v\n%s", err, shown)
	}
	if n := strings.Count(shown.String(), "\x1b[2J"); n != 1 {
		t.Errorf("the screen is cleared %d times, which flickers", n)
	}
}

// TestNothingRawOnTerminal shows a session whose texts have controls of C1 and of the direction
// of text: no command sends them to the terminal as they are.
func TestNothingRawOnTerminal(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	p := serve(t, "--data", folder)
	const raw = "a\u009b31mb\u202ec\u2066d\u0085e\x1b[2Jf"
	report := map[string]any{"source": "edge-1", "incarnation": "a", "lease": "24h", "events": []map[string]any{
		{"kind": "session_opened", "key": "k", "service": "orders", "address": "192.0.2.7", "port": 1},
		{"kind": "session_ready", "key": "k", "user": raw, "database": raw, "program": raw},
	}}
	body, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(p.api+"/events", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status)
	}
	var found []struct{ ID uint64 }
	p.get("/sessions?service=orders", &found)
	const shown = `a\u009b31mb`
	for name, args := range map[string][]string{
		"list": {"list", "--service", "orders"}, "show": {"show", strconv.FormatUint(found[0].ID, 10)}, "events": {"events"},
		"top": {"top"}, "status": {"status"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command, terminal, out := onTerminal(t, 200, 50, nil, append(args, "--data", folder)...)
			if name != "status" {
				eventually(t, "the user is shown", func() bool { return strings.Contains(out.String(), shown) })
			}
			if name == "top" {
				if _, err := terminal.WriteString("q"); err != nil {
					t.Fatal(err)
				}
			}
			if err := command.Wait(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
			if strings.ContainsAny(out.String(), "\u009b\u202e\u2066\u0085") || strings.Contains(out.String(), "e\x1b[2Jf") {
				t.Errorf("it has controls: %q", out)
			}
		})
	}
}
