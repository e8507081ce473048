package relay

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// TestEnds checks which side has ended first, and whether it broke.
func TestEnds(t *testing.T) {
	reset := func(c *net.TCPConn) {
		c.SetLinger(0)
		c.Close()
	}
	tests := map[string]struct {
		act func(r *harness)
		end End
	}{
		"client closes": {
			act: func(r *harness) { r.client.Close(); io.Copy(io.Discard, r.server); r.server.Close() },
			end: End{First: Client},
		},
		"server closes": {
			act: func(r *harness) { r.server.Close(); io.Copy(io.Discard, r.client); r.client.Close() },
			end: End{First: Server},
		},
		"client resets": {act: func(r *harness) { reset(r.client) }, end: End{First: Client, Err: syscall.ECONNRESET}},
		"server resets": {act: func(r *harness) { reset(r.server) }, end: End{First: Server, Err: syscall.ECONNRESET}},
		"from outside":  {act: func(r *harness) { r.clientConn.Close(); r.serverConn.Close() }, end: End{}},
		"client closes while the server sends": {
			act: func(r *harness) {
				r.client.Close()
				for {
					if _, err := r.server.Write(make([]byte, 4096)); err != nil {
						return
					}
				}
			},
			end: End{First: Client},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := connect(t).start(t, Options{High: 65536, Low: 1024})
			exchange(t, r.client, r.server, "hello")
			test.act(r)
			end := r.wait(t)
			if end.First != test.end.First || !errors.Is(end.Err, test.end.Err) {
				t.Errorf("got %v %v, want %v %v", end.First, end.Err, test.end.First, test.end.Err)
			}
		})
	}
}

// TestHalfClose checks that a client which will send no more still gets its answer.
func TestHalfClose(t *testing.T) {
	r := connect(t).start(t, Options{High: 65536, Low: 1024})
	exchange(t, r.client, r.server, "question")
	r.client.CloseWrite()
	if _, err := r.server.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("server reads %v, want the end", err)
	}
	exchange(t, r.server, r.client, "a late answer")
	r.server.Close()
	if _, err := r.client.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("client reads %v, want the end", err)
	}
	if end := r.wait(t); end.First != Client || end.Err != nil {
		t.Errorf("got %+v", end)
	}
}

// TestLinger checks that a client is closed some time after its server was, where
// neither goes on without the other.
func TestLinger(t *testing.T) {
	r := connect(t).start(t, Options{High: 65536, Low: 1024, Together: true, Linger: time.Millisecond})
	r.server.Close()
	if end := r.wait(t); end.First != Server || end.Err != nil {
		t.Errorf("got %+v", end)
	}
}

// TestEndComesAfterQueue checks that the end of the server is passed on only after all
// that it had sent.
func TestEndComesAfterQueue(t *testing.T) {
	r := connect(t)
	shrink(t, r.clientConn, r.client)
	r.start(t, Options{High: 1 << 20, Low: 1024})
	const size = 1 << 20
	go func() {
		send(r.server, size)
		r.server.Close()
	}()
	eventually(t, "all of it was taken from the server", func() bool {
		return r.serverConn.Counters().BytesRead == size
	})
	n, err := io.Copy(io.Discard, r.client)
	if n != size || err != nil {
		t.Fatalf("client got %d bytes, %v", n, err)
	}
	r.client.Close()
	if end := r.wait(t); end.First != Server || end.Err != nil {
		t.Errorf("got %+v", end)
	}
}

// TestParted checks that a server whose client has said goodbye is read to its end, and no longer
// than the relay may linger.
func TestParted(t *testing.T) {
	options := Options{High: 65536, Low: 1024, Together: true, Linger: time.Minute, Parted: func() bool { return true }}
	t.Run("server closes", func(t *testing.T) {
		r := connect(t).start(t, options)
		io.WriteString(r.client, "goodbye")
		r.client.Close()
		if got, err := io.ReadAll(r.server); err != nil || string(got) != "goodbye" {
			t.Fatalf("got %q, %v", got, err)
		}
		io.WriteString(r.server, "last word")
		r.server.Close()
		if end := r.wait(t); end.First != Client {
			t.Errorf("ended as %+v", end)
		}
		if got := r.serverConn.Received(); got != uint64(len("last word")) {
			t.Errorf("%d bytes of the last word were read", got)
		}
	})
	t.Run("server stays", func(t *testing.T) {
		options.Linger = 50 * time.Millisecond
		r := connect(t).start(t, options)
		r.client.Close()
		if end := r.wait(t); end != (End{First: Client}) {
			t.Errorf("ended as %+v", end)
		}
	})
	t.Run("server closes first", func(t *testing.T) {
		options.Linger = time.Minute
		r := connect(t).start(t, options)
		r.server.Close()
		if _, err := r.client.Read(make([]byte, 1)); err != io.EOF {
			t.Fatalf("the client reads %v", err)
		}
		r.client.Close()
		if end := r.wait(t); end != (End{First: Server}) {
			t.Errorf("ended as %+v", end)
		}
	})
}
