//go:build soak

package main_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestTopIsCheap runs the live view on a large terminal before a server with 10,000 live
// sessions, and measures what travels and what both take of a processor.
func TestTopIsCheap(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	p := serve(t, "--data", data)
	const sessions = 10_000
	for first := 0; first < sessions; first += 2500 {
		var b strings.Builder
		fmt.Fprintf(&b, `{"source":"edge-1","incarnation":"1","lease":"1h","number":%d,"events":[`, first/2500+1)
		for i := range 2500 {
			key := fmt.Sprint("c-", first+i)
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"kind":"session_opened","key":%q,"service":"orders","address":"10.0.%d.%d"},{"kind":"session_ready","key":%q,"user":"user-%d","database":"shop","program":"checkout"}`,
				key, (first+i)/250, i%250, key, i%300)
		}
		b.WriteString("]}")
		p.post("/events", b.String())
	}
	through := &relay{t: t, to: strings.TrimPrefix(p.api, "http://")}
	address := through.serve()
	for _, size := range []struct{ columns, lines int }{{80, 24}, {200, 60}} {
		const span = 30 * time.Second
		alone := p.cpu(p.command.Process.Pid)
		time.Sleep(span) // a span to measure in
		alone = p.cpu(p.command.Process.Pid) - alone
		s := onScreen(t, size.columns, size.lines, "exec "+binary+" top --url http://"+address)
		s.shows("10.0k live")
		pid, err := strconv.Atoi(strings.TrimSpace(s.tmux("list-panes", "-F", "#{pane_pid}")))
		must(t, err)
		sent, server, viewer := through.bytes.Load(), p.cpu(p.command.Process.Pid), p.cpu(pid)
		time.Sleep(span)
		sent, server, viewer = through.bytes.Load()-sent, p.cpu(p.command.Process.Pid)-server, p.cpu(pid)-viewer
		s.types("q")
		perSecond := float64(sent) / span.Seconds()
		share := func(d time.Duration) float64 { return 100 * d.Seconds() / span.Seconds() }
		t.Logf("%dx%d: %.1f kB/s; the server takes %.2f %% of a processor, %.2f %% without the view; the view takes %.2f %%",
			size.columns, size.lines, perSecond/1000, share(server), share(alone), share(viewer))
		if perSecond > 20_000 || share(server-alone)+share(viewer) > 5 {
			t.Errorf("%dx%d: that is more than 20 kB/s or 5 %% of a processor", size.columns, size.lines)
		}
	}
}

// post sends a report.
func (p *program) post(path, body string) {
	p.t.Helper()
	answer, err := http.Post(p.api+path, "application/json", strings.NewReader(body))
	must(p.t, err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		p.t.Fatalf("POST %s: %s %s", path, answer.Status, text)
	}
}

// cpu returns how much time of processors a process has taken.
func (p *program) cpu(pid int) time.Duration {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	must(p.t, err)
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	const ticks = 100 // a second, on Linux
	user, err := strconv.ParseInt(fields[11], 10, 64)
	must(p.t, err)
	system, err := strconv.ParseInt(fields[12], 10, 64)
	must(p.t, err)
	return time.Duration(user+system) * time.Second / ticks
}

// relay passes connections on to a server, and counts the bytes in both directions.
type relay struct {
	t     *testing.T
	to    string
	bytes atomic.Int64
}

// Write counts bytes.
func (r *relay) Write(b []byte) (int, error) {
	r.bytes.Add(int64(len(b)))
	return len(b), nil
}

// serve listens until the test ends, and returns where.
func (r *relay) serve() string {
	r.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(r.t, err)
	var all sync.WaitGroup
	r.t.Cleanup(func() { _ = l.Close(); all.Wait() })
	all.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { r.pass(near) })
		}
	})
	return l.Addr().String()
}

// pass passes one connection on until one side closes it.
func (r *relay) pass(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", r.to)
	if err != nil {
		r.t.Error(err)
		return
	}
	defer far.Close()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(near, io.TeeReader(far, r)) // it ends with the connection
		_ = near.Close()
	})
	_, _ = io.Copy(far, io.TeeReader(near, r))
	_ = far.Close()
	back.Wait()
}
