package relay

import (
	"crypto/tls"
	"errors"
	"io"
	"runtime"
	"syscall"
	"testing"
	"time"

	"gatebook/events"
)

// together are the options of a protocol in which neither side goes on without the other.
func together(high int) Options {
	return Options{High: high, Low: high / 2, Together: true, Linger: time.Minute}
}

// TestTogether checks that the end of a client ends its relay when the server has all that
// came before it, also one that only TLS announces.
func TestTogether(t *testing.T) {
	t.Run("FIN", func(t *testing.T) {
		r := connect(t).start(t, together(65536))
		io.WriteString(r.client, "last words")
		r.client.CloseWrite()
		if got, err := io.ReadAll(r.server); err != nil || string(got) != "last words" {
			t.Errorf("the server got %q, %v", got, err)
		}
		if end := r.wait(t); end != (End{First: Client}) {
			t.Errorf("ended as %+v", end)
		}
		if _, err := r.client.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the client reads %v, want the end", err)
		}
	})
	t.Run("close_notify", func(t *testing.T) {
		r := connectTLS(t, tls.VersionTLS13, true)
		r.start(t, together(65536))
		io.WriteString(r.client, "last words")
		r.client.(*tls.Conn).CloseWrite()
		if got, err := io.ReadAll(r.server); err != nil || string(got) != "last words" {
			t.Errorf("the server got %q, %v", got, err)
		}
		if end := r.wait(t); end != (End{First: Client}) {
			t.Errorf("ended as %+v", end)
		}
	})
}

// TestLeaveServer checks that a relay can end without closing its server's socket, however it
// ends, also while the server takes nothing.
func TestLeaveServer(t *testing.T) {
	options := together(65536)
	options.LeaveServer = true
	for name, act := range map[string]func(t *testing.T) *harness{
		"client closes": func(t *testing.T) *harness {
			r := connect(t).start(t, options)
			r.client.Close()
			return r
		},
		"client resets": func(t *testing.T) *harness {
			r := connect(t).start(t, options)
			r.client.SetLinger(0)
			r.client.Close()
			return r
		},
		"client is gone behind a server that reads nothing": func(t *testing.T) *harness {
			r := blocked(t, Client, options)
			r.client.CloseWrite()
			eventually(t, "the end is there", func() bool { return r.ends(Client) })
			r.lookUntilEnd(t, time.Now(), clientEndPatience)
			return r
		},
		"interrupted behind a client that reads nothing": func(t *testing.T) *harness {
			r := blocked(t, Server, options)
			Interrupt(r.clientConn, r.serverConn)
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := act(t)
			r.wait(t)
			if err := r.serverConn.raw.Control(func(uintptr) {}); err != nil {
				t.Errorf("the server's socket: %v", err)
			}
			if err := r.clientConn.raw.Control(func(uintptr) {}); err == nil {
				t.Error("the client's socket is open")
			}
		})
	}
}

// blocked returns a relay one direction of which is blocked: of what source has sent more
// is on its way than target, which reads nothing, takes. What is left is in the relay's own
// socket, so that an end of the source is behind it.
func blocked(t *testing.T, source Side, options Options) *harness {
	t.Helper()
	r := connect(t)
	near, far, from := r.serverConn, r.server, r.clientConn
	to := r.client
	if source == Server {
		near, far, from, to = r.clientConn, r.client, r.serverConn, r.server
	}
	// So little that what is read of it makes no room for all that is behind it.
	if err := errors.Join(near.tcp.SetWriteBuffer(16<<10), far.SetReadBuffer(16<<10), from.tcp.SetReadBuffer(256<<10)); err != nil {
		t.Fatal(err)
	}
	r.start(t, options)
	const chunk, behind = 16 << 10, 160 << 10
	for total := uint64(chunk); ; total += chunk {
		if _, err := to.Write(make([]byte, chunk)); err != nil {
			t.Fatal(err)
		}
		for limit := time.Now().Add(200 * time.Millisecond); from.Counters().BytesRead < total; runtime.Gosched() {
			if time.Now().After(limit) {
				if _, err := to.Write(make([]byte, behind)); err != nil {
					t.Fatal(err)
				}
				return r
			}
		}
	}
}

// TestLookFindsEnds checks that an end is found behind bytes that the relay does not read:
// at once where a side broke, and some time after its other side has last taken something
// where it closed.
func TestLookFindsEnds(t *testing.T) {
	for name, high := range map[string]int{"queued": 65536, "nothing queued": 0} {
		for _, source := range []Side{Client, Server} {
			t.Run(name+"/"+source.String()+" closes", func(t *testing.T) {
				r := blocked(t, source, together(high))
				side, reader, patience := r.client, r.server, clientEndPatience
				if source == Server {
					side, reader, patience = r.server, r.client, serverEndPatience
				}
				side.CloseWrite()
				now := time.Now()
				eventually(t, "the end is there", func() bool { r.relay.Look(now); return r.ends(source) })
				now = now.Add(patience - time.Millisecond)
				for r.relay.Look(now); r.takenBy(source) != events.TimeOf(now); r.relay.Look(now) {
					reader.SetReadDeadline(time.Now().Add(10 * time.Second))
					if _, err := io.CopyN(io.Discard, reader, 4<<10); err != nil {
						t.Fatal(err)
					}
				}
				for _, later := range []time.Duration{0, patience - time.Millisecond} {
					r.relay.Look(now.Add(later))
				}
				if r.found() != Neither {
					t.Fatal("ended while the other side reads")
				}
				r.lookUntilEnd(t, now, time.Hour)
				if end := r.wait(t); end != (End{First: source}) {
					t.Errorf("ended as %+v", end)
				}
			})
			t.Run(name+"/"+source.String()+" resets", func(t *testing.T) {
				r := blocked(t, source, together(high))
				side := r.client
				if source == Server {
					side = r.server
				}
				side.SetLinger(0)
				side.Close()
				eventually(t, "the reset is there", func() bool { r.relay.Look(time.Now()); return len(r.done) > 0 })
				if end := r.wait(t); end.First != source || !errors.Is(end.Err, syscall.ECONNRESET) {
					t.Errorf("ended as %+v", end)
				}
			})
		}
	}
}

// ends reports whether a side has announced its end.
func (r *harness) ends(side Side) bool {
	conn := r.clientConn
	if side == Server {
		conn = r.serverConn
	}
	ended, _ := conn.HungUp()
	return ended
}

// lookUntilEnd looks once in a while, after now, until the relay has ended. The system may take
// something more of what was sent between two looks, which puts the end off.
func (r *harness) lookUntilEnd(t *testing.T, now time.Time, while time.Duration) {
	t.Helper()
	eventually(t, "the relay ends", func() bool {
		now = now.Add(while)
		r.relay.Look(now)
		return len(r.done) > 0
	})
}

// found returns the side that a look has found to end the relay, which then ends soon.
func (r *harness) found() Side {
	r.relay.mu.Lock()
	defer r.relay.mu.Unlock()
	return r.relay.end.First
}

// takenBy returns when the side to which a source sends has last taken something.
func (r *harness) takenBy(source Side) events.Time {
	if source == Client {
		return r.serverConn.Taken()
	}
	return r.clientConn.Taken()
}

// TestLookKeepsHalfClose checks that a side which will send no more keeps its relay where the
// protocol has that, however long the other takes nothing.
func TestLookKeepsHalfClose(t *testing.T) {
	r := blocked(t, Client, Options{High: 65536, Low: 1024})
	r.client.CloseWrite()
	eventually(t, "the end is there", func() bool { return r.ends(Client) })
	now := time.Now()
	r.relay.Look(now)
	r.relay.Look(now.Add(time.Hour))
	if r.found() != Neither {
		t.Error("ended")
	}
}

// TestLookEndsStall checks that a side which takes nothing for too long is taken for gone: an
// end of the other may be behind what that cannot send.
func TestLookEndsStall(t *testing.T) {
	const stall = time.Minute
	r := blocked(t, Client, Options{High: 65536, Low: 1024, Stall: stall})
	now := time.Now()
	r.relay.Look(now)
	r.relay.Look(now.Add(stall - time.Millisecond))
	if r.found() != Neither {
		t.Fatal("ended before the time was over")
	}
	r.lookUntilEnd(t, now, stall)
	if end := r.wait(t); end.First != Server || !errors.Is(end.Err, syscall.ETIMEDOUT) {
		t.Errorf("ended as %+v", end)
	}
}
