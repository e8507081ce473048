package relay

import (
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatebook/cmd/gatebook/gateway/panics"
)

// TestPanics checks that Run returns a panic in any of its goroutines, with its stack,
// after it has closed both sockets and waited for its other goroutines.
func TestPanics(t *testing.T) {
	boom := func([]byte) { panic("boom") }
	boomAt := func([]byte) int { panic("boom") }
	for name, test := range map[string]struct {
		options Options
		// from is the side whose bytes are the ones to panic at.
		from Side
		// halfClosed: the other side has closed its half.
		halfClosed bool
	}{
		"client's bytes":           {Options{High: 65536, Low: 1024, FromClient: boomAt}, Client, false},
		"server's bytes":           {Options{High: 65536, Low: 1024, FromServer: boom}, Server, false},
		"client's, nothing queued": {Options{FromClient: boomAt}, Client, false},
		"server's, half closed":    {Options{High: 65536, Low: 1024, FromServer: boom}, Server, true},
		"client's, half closed":    {Options{High: 65536, Low: 1024, FromClient: boomAt}, Client, true},
		"moved, client's bytes":    {Options{High: 65536, Low: 1024, Moved: func() { panic("boom") }}, Client, false},
		"moved, server's bytes":    {Options{High: 65536, Low: 1024, Moved: func() { panic("boom") }}, Server, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := connect(t).start(t, test.options)
			from, other := r.client, r.server
			if test.from == Server {
				from, other = r.server, r.client
			}
			if test.halfClosed {
				other.CloseWrite()
				if _, err := from.Read(make([]byte, 1)); err != io.EOF {
					t.Fatalf("got %v, want the end", err)
				}
			}
			if _, err := io.WriteString(from, "hello"); err != nil {
				t.Fatal(err)
			}
			r.wantPanic(t, "TestPanics")
		})
	}
}

// TestPanicOfDrainer checks a panic of the goroutine that writes a queue: the pipe that
// waits for the queue does not wait for ever.
func TestPanicOfDrainer(t *testing.T) {
	for name, high := range map[string]int{"above the mark": 65536, "below the mark": 1 << 30} {
		t.Run(name, func(t *testing.T) {
			var armed atomic.Bool
			r := connect(t)
			shrink(t, r.clientConn, r.client)
			r.start(t, Options{High: high, Low: 1024, Moved: func() {
				if armed.Load() && calledBy("drained") {
					panic("boom")
				}
			}})
			const size = 8 << 20
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				send(r.server, size)
			}()
			eventually(t, "the client takes no more", func() bool {
				c := r.clientConn.Counters()
				return c.HighWaterEvents > 0 || r.serverConn.Counters().BytesRead == size && c.BufferedWrites > 0
			})
			armed.Store(true)
			r.wantPanic(t, "TestPanicOfDrainer")
			<-sent
		})
	}
}

// TestPanicsOfBoth checks that a panic of each goroutine at once ends the relay with one
// of them.
func TestPanicsOfBoth(t *testing.T) {
	boom := func([]byte) { panic("boom") }
	boomAt := func([]byte) int { panic("boom") }
	r := connect(t).start(t, Options{High: 65536, Low: 1024, FromClient: boomAt, FromServer: boom})
	for _, peer := range []io.Writer{r.client, r.server} {
		_, _ = io.WriteString(peer, "hello")
	}
	r.wantPanic(t, "TestPanicsOfBoth")
}

// TestPanicIsNoCause checks that the value of a panic is not taken for the error of a
// connection.
func TestPanicIsNoCause(t *testing.T) {
	r := connect(t).start(t, Options{High: 65536, Low: 1024, FromClient: func([]byte) int { panic(io.EOF) }})
	_, _ = io.WriteString(r.client, "hello")
	if end := r.wantPanic(t, "TestPanicIsNoCause"); errors.Is(end.Err, io.EOF) {
		t.Error("the panic is taken for the end of a connection")
	}
}

// calledBy reports whether a function of that name is among the callers.
func calledBy(name string) bool {
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers)])
	for {
		frame, more := frames.Next()
		if strings.HasSuffix(frame.Function, "."+name) {
			return true
		}
		if !more {
			return false
		}
	}
}

// wantPanic waits for the end of a relay that panicked in that function, and checks
// that both sockets are closed.
func (r *harness) wantPanic(t *testing.T, where string) End {
	t.Helper()
	for _, peer := range []*net.TCPConn{r.client, r.server} {
		_ = peer.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.Copy(io.Discard, peer) // ends, in order or not
	}
	end := r.wait(t)
	var caught *panics.Error
	if !errors.As(end.Err, &caught) || end.Paused {
		t.Fatalf("ended as %+v", end)
	}
	if !strings.Contains(string(caught.Stack), where) {
		t.Errorf("the stack is not that of the panic:\n%s", caught.Stack)
	}
	return end
}
