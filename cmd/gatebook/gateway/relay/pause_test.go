package relay

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
	"time"
)

// TestStopsInClientBytes checks that the relay stops where FromClient lets no more pass, with
// everything before that passed on, and that a relay can begin again over the same sockets.
func TestStopsInClientBytes(t *testing.T) {
	r := connect(t)
	options := Options{High: 65536, Low: 1024, FromClient: func(p []byte) int {
		if i := bytes.IndexByte(p, '!'); i >= 0 {
			return i
		}
		return len(p)
	}}
	r.start(t, options)
	exchange(t, r.client, r.server, "hello")
	exchange(t, r.server, r.client, "and hello")
	for _, test := range []struct{ sent, passed, rest string }{
		{"before!after", "before", "!after"}, {"!at once", "", "!at once"}, {"at last!", "at last", "!"},
	} {
		if _, err := io.WriteString(r.client, test.sent); err != nil {
			t.Fatal(err)
		}
		if end := r.wait(t); end != (End{Paused: true, Rest: test.rest}) {
			t.Errorf("ended with %+v", end)
		}
		got := make([]byte, len(test.passed))
		if _, err := io.ReadFull(r.server, got); err != nil || string(got) != test.passed {
			t.Errorf("passed on %q, %v", got, err)
		}
		r.done = make(chan End, 1)
		r.start(t, options)
		exchange(t, r.client, r.server, "hello again")
		exchange(t, r.server, r.client, "and again")
	}
	r.client.Close()
	r.server.Close()
	r.wait(t)
}

// TestPauseLosesNothing checks that what the server has sent before a pause arrives,
// also when the client is slow to take it.
func TestPauseLosesNothing(t *testing.T) {
	const size = 1 << 20
	r := connect(t)
	shrink(t, r.clientConn, r.client)
	r.start(t, Options{High: 2 * size, Low: 1024})
	sent := make(chan []byte, 1)
	go func() { sent <- send(r.server, size) }()
	eventually(t, "all of it was read", func() bool { return r.serverConn.Counters().BytesRead == size })
	if err := r.clientConn.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if n, err := io.CopyN(io.Discard, r.client, size); n != size || err != nil {
		t.Fatalf("got %d bytes, %v", n, err)
	}
	<-sent
	if end := r.wait(t); end != (End{Paused: true}) {
		t.Errorf("ended with %+v", end)
	}
}

// TestPauseOfEnded checks that a relay one side of which has ended does not pause.
func TestPauseOfEnded(t *testing.T) {
	r := connect(t).start(t, Options{High: 65536, Low: 1024})
	r.server.CloseWrite()
	if _, err := r.client.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	r.clientConn.SetReadDeadline(time.Unix(1, 0))
	if end := r.wait(t); end != (End{First: Server}) {
		t.Errorf("ended with %+v", end)
	}
}

// TestAwait checks that Await sees what a client does first, and takes nothing of it.
func TestAwait(t *testing.T) {
	r := connect(t)
	if err := r.clientConn.Await(time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("silent: %v", err)
	}
	io.WriteString(r.client, "hello")
	for range 2 {
		if err := r.clientConn.Await(time.Minute); err != nil {
			t.Errorf("sent: %v", err)
		}
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(r.clientConn, got); err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v", got, err)
	}
	r.client.Close()
	if err := r.clientConn.Await(time.Minute); !errors.Is(err, io.EOF) {
		t.Errorf("gone: %v", err)
	}
}
