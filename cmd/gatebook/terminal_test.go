package main_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
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
