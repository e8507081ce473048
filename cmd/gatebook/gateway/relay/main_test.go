package relay

import (
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// socketPair returns the two ends of a TCP connection.
func socketPair(t testing.TB) (*net.TCPConn, *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	near, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		near.Close()
		far.Close()
	})
	return near.(*net.TCPConn), far.(*net.TCPConn)
}

// harness is a relay under test with the peers at both its ends.
type harness struct {
	client, server         *net.TCPConn // the peers
	clientConn, serverConn *Conn        // the relay's own
	seen                   []byte       // what FromClient saw; valid after wait
	done                   chan End
	relay                  *Relay // once it has started
}

// connect makes the sockets of a harness.
func connect(t testing.TB) *harness {
	t.Helper()
	r := &harness{done: make(chan End, 1)}
	var near [2]*net.TCPConn
	near[0], r.client = socketPair(t)
	near[1], r.server = socketPair(t)
	for i, to := range []**Conn{&r.clientConn, &r.serverConn} {
		conn, err := NewConn(near[i])
		if err != nil {
			t.Fatal(err)
		}
		*to = conn
	}
	return r
}

// see keeps what the client sends and passes all of it on.
func (r *harness) see(p []byte) int {
	r.seen = append(r.seen, p...)
	return len(p)
}

// start runs the relay until the test's end.
func (r *harness) start(t testing.TB, options Options) *harness {
	t.Helper()
	if options.Buffers == nil {
		options.Buffers = &Buffers{}
	}
	if options.Moved == nil {
		options.Moved = func() {}
	}
	r.relay = New(r.clientConn, r.serverConn, options)
	go func() { r.done <- r.relay.Run() }()
	t.Cleanup(func() {
		r.clientConn.Close()
		r.serverConn.Close()
		if r.done != nil {
			<-r.done
		}
	})
	return r
}

// wait waits for the relay's end.
func (r *harness) wait(t testing.TB) End {
	t.Helper()
	select {
	case end := <-r.done:
		r.done = nil
		return end
	case <-time.After(10 * time.Second):
		t.Fatal("the relay did not end")
		return End{}
	}
}

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	limit := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("never: %s", what)
		}
	}
}
