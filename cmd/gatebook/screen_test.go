package main_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/projection"
)

// screen is a command on a terminal whose screen a test can read: that of tmux.
type screen struct {
	t      *testing.T
	socket string
}

// onScreen starts a command on a terminal of that size.
func onScreen(t *testing.T, columns, lines int, command string) *screen {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Fatalf("%v: run .ci/install-servers", err)
	}
	folder, err := os.MkdirTemp("", "screen") // the path of a socket is short
	must(t, err)
	s := &screen{t: t, socket: filepath.Join(folder, "socket")}
	t.Cleanup(func() {
		_ = exec.Command("tmux", "-S", s.socket, "kill-server").Run() // it may have ended
		must(t, os.RemoveAll(folder))
	})
	s.tmux("-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(columns), "-y", fmt.Sprint(lines), command)
	return s
}

// tmux runs a command of tmux, and returns what it prints.
func (s *screen) tmux(args ...string) string {
	s.t.Helper()
	c := exec.CommandContext(s.t.Context(), "tmux", append([]string{"-u", "-S", s.socket}, args...)...)
	c.Env = append(os.Environ(), "TERM=xterm-256color", "LC_ALL=C.UTF-8", "TMUX=", "NO_COLOR=1")
	out, err := c.CombinedOutput()
	if err != nil {
		s.t.Fatalf("tmux %v: %v: %s", args, err, out)
	}
	return string(out)
}

// text returns what the screen shows.
func (s *screen) text() string { return s.tmux("capture-pane", "-p") }

// shows waits until the screen shows each of some texts, and returns all that it shows. tmux
// reads what a program draws in pieces: two looks in a row have to be equal, so that half a
// drawing is not taken for a screen.
func (s *screen) shows(texts ...string) (shown string) {
	s.t.Helper()
	defer func() {
		if s.t.Failed() {
			s.t.Logf("the screen is\n%s", shown)
		}
	}()
	eventually(s.t, "the screen shows "+strings.Join(texts, ", "), func() bool {
		before := shown
		shown = s.text()
		for _, text := range texts {
			if !strings.Contains(shown, text) {
				return false
			}
		}
		return shown == before
	})
	return shown
}

// press presses keys by their names.
func (s *screen) press(keys ...string) { s.tmux(append([]string{"send-keys"}, keys...)...) }

// types types a text.
func (s *screen) types(text string) { s.tmux("send-keys", "-l", text) }

// resize changes the size of the terminal.
func (s *screen) resize(columns, lines int) {
	s.tmux("resize-window", "-x", fmt.Sprint(columns), "-y", fmt.Sprint(lines))
}

// TestTopOnScreen runs the live view on a terminal of two sizes and compares its screens with
// golden files: the list, the next page, a filter, a session, a kill that is asked for and
// withdrawn, a terminal that becomes smaller and larger, a server that is gone and one that is
// back.
func TestTopOnScreen(t *testing.T) {
	t.Parallel()
	for _, size := range []struct{ width, height int }{{80, 24}, {200, 60}} {
		name := fmt.Sprintf("screen-%dx%d", size.width, size.height)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBook(t)
			b.crowd(70)
			b.busy()
			s := onScreen(t, size.width, size.height, "TZ=UTC exec "+binary+" top --url http://"+b.address)
			var all strings.Builder
			shot := func(title string, texts ...string) {
				t.Helper()
				fmt.Fprintf(&all, "--- %s\n%s", title, b.still(s.shows(texts...)))
			}
			shot("the list", "73 live, by rate", "> ", "jdoe", "enter: detail")
			s.press("NPage")
			shot("the next page", map[int]string{24: "18-34 of 73", 60: "21-73 of 73"}[size.height], map[int]string{24: ">  22 ", 60: ">  58 "}[size.height])
			s.press("End")
			shot("the last page", "-73 of 73", ">  77  pool-70")
			s.press("Home")
			s.shows(">   2  jdoe", "  1-")
			s.types("s")
			s.shows("by least idle")
			for range 5 {
				s.types("s")
			}
			s.shows("by rate", "jdoe")
			s.types("/user=jdoe")
			s.shows("filter: user=jdoe (1)", "/user=jdoe_")
			s.press("Enter")
			shot("a filter", "filter: user=jdoe (1)", "> ", "enter: detail")
			s.press("Enter")
			shot("a session", "Session      2", "statistics_recorded", "esc: back")
			s.types("k")
			s.shows("End session 2?")
			s.types("runaway report")
			shot("a kill that is not confirmed", "Reason: runaway report_")
			s.press("Enter")
			shot("a kill", "session 2 ends in 5s; u takes that back")
			s.types("u")
			shot("a kill that is withdrawn", "session 2 goes on")
			s.types("/")
			s.press("Escape")
			s.shows("73 live, by rate  1-")
			s.resize(60, 12)
			shot("a smaller terminal", "1-5 of 73", "enter: detail")
			s.resize(size.width, size.height)
			s.shows("pool-9")
			b.stop()
			shot("a server that is gone", "no answer for ", "no server answers at")
			b.serve()
			shot("a server that is back", "enter: detail  /: filter", "jdoe")
			s.types("q")
			golden(t, name, all.String())
		})
	}
}

// busy has two sessions observed a second time, so that their rates are known.
func (b *book) busy() {
	b.t.Helper()
	now := events.TimeOf(b.clock.advance(2 * time.Second))
	b.gateway.Observe([]gatebook.Sample{
		{Session: 2, Counters: events.Counters{Reads: 22_612, Writes: 1212, BytesRead: 9_000_000, BytesWritten: 700_000}, Active: now, Activity: projection.ActivityWaiting},
		{Session: 3, Counters: events.Counters{Reads: 9, BytesRead: 800}, Active: now, Activity: projection.ActivityIdle},
	})
}

// crowd has n more sessions that nobody has observed.
func (b *book) crowd(n int) {
	b.t.Helper()
	r := gatebook.Report{Source: "edge-1", Incarnation: "b"}
	for i := range n {
		key := fmt.Sprint("pool-", i+1)
		r.Events = append(r.Events,
			gatebook.Reported{Key: key, Event: &events.SessionOpened{Service: "reports", Address: "10.1.0.1", Port: 40000}},
			gatebook.Reported{Key: key, Event: &events.SessionReady{User: key, Database: "warehouse"}})
	}
	_, err := b.registry.Report(b.t.Context(), r)
	must(b.t, err)
}

// still returns a screen without what differs from one run to the next: the server's address,
// how many samples there were, and how long the server was gone.
func (b *book) still(text string) string {
	text = strings.ReplaceAll(text, b.address, "HOST")
	text = regexp.MustCompile(` *[▁▂▃▄▅▆▇█]+`).ReplaceAllString(text, "  BARS")
	text = regexp.MustCompile(`\(\S+ ago\)`).ReplaceAllString(text, "(SPAN ago)")
	// A narrow terminal cuts the line off, later the shorter the span is.
	return regexp.MustCompile(`no answer for \S+(, trying again: no server answers at http://HOST)(?:.*…)?`).ReplaceAllString(text, "no answer for SPAN$1")
}

// TestTopKills ends a real session in the live view of a real server: the client is cut off,
// the session leaves the list, and the record has the reason and the user.
func TestTopKills(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	folder := t.TempDir()
	config := filepath.Join(folder, "gatebook.toml")
	must(t, os.WriteFile(config, fmt.Appendf(nil, "record_admin = false\n[servers.db-1]\naddress = %q\n[services.orders]\nprotocol = \"tcp\"\nlisten = [\"127.0.0.1:0\"]\nservers = [\"db-1\"]\n", l.Addr()), 0o600))
	data := filepath.Join(folder, "data")
	p := serve(t, "--config", config, "--data", data)
	client, err := net.Dial("tcp", p.services["orders"])
	must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	server, err := l.Accept()
	must(t, err)
	t.Cleanup(func() { _ = server.Close() })
	s := onScreen(t, 100, 30, "exec "+binary+" top --data "+data)
	s.shows("1 live", ">   1 ")
	s.types("k")
	s.shows("End session 1? Reason: _")
	s.types("runaway report")
	s.press("Enter")
	s.shows("session 1 ends in 5s; u takes that back")
	must(t, client.SetReadDeadline(time.Now().Add(deadline)))
	if _, err := client.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("the client is not cut off: %v", err)
	}
	s.shows("0 live", "no live session matches")
	var ended []struct{ Reason, By, Description string }
	p.get("/sessions?status=closed&fields=reason,by,description", &ended)
	if len(ended) != 1 || ended[0].Reason != "killed" || ended[0].Description != "runaway report" || !strings.HasPrefix(ended[0].By, "unix:") {
		t.Errorf("the record has %+v", ended)
	}
}
