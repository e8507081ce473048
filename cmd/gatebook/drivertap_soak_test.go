//go:build soak

package main_test

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// tap is a relay beside the gateway that counts what passes on its sockets toward the gateway. It
// passes ends and resets on as they are.
type tap struct {
	// address is where it listens.
	address  string
	target   string
	listener net.Listener
	// gatewayAhead: the gateway is where the tap connects to, and not what connects to it.
	gatewayAhead bool
	// relays are the goroutines, running how many connections they relay.
	relays  sync.WaitGroup
	running atomic.Int64

	// mu guards the rest.
	mu     sync.Mutex
	passed []*tapped
}

// tapped is a connection that has passed a tap.
type tapped struct {
	// port is that of the tap's socket toward the target.
	port int
	// client and server are the tap's own sockets.
	client, server *net.TCPConn
	// up is what has passed from the client's side to the server's, down the other way.
	up, down tappedFlow
	// clientReset and serverReset: that side has reset the connection.
	clientReset, serverReset atomic.Bool
}

// tappedFlow is one direction of a connection.
type tappedFlow struct {
	// bytes are those that passed on the socket toward the gateway.
	bytes uint64
	// head is where they begin.
	head []byte
}

// headSize is enough for a login of PostgreSQL up to the key of its connection.
const headSize = 4096

// newTap starts a tap in front of a target. It is stopped when the test ends.
func newTap(t *testing.T, target string, gatewayAhead bool) *tap {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{address: listener.Addr().String(), target: target, listener: listener, gatewayAhead: gatewayAhead}
	p.relays.Go(p.accept)
	t.Cleanup(func() {
		listener.Close()
		p.relays.Wait()
	})
	return p
}

// accept relays each client until the listener is closed.
func (p *tap) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Add(1)
		p.relays.Go(func() {
			defer p.running.Add(-1)
			p.relay(conn.(*net.TCPConn))
		})
	}
}

// relay relays one client.
func (p *tap) relay(client *net.TCPConn) {
	defer client.Close()
	conn, err := net.Dial("tcp", p.target)
	if err != nil {
		_ = client.SetLinger(0)
		return
	}
	c := &tapped{client: client, server: conn.(*net.TCPConn), port: conn.LocalAddr().(*net.TCPAddr).Port}
	defer conn.Close()
	var both sync.WaitGroup
	both.Go(func() { c.move(&c.up, c.client, c.server, !p.gatewayAhead) })
	both.Go(func() { c.move(&c.down, c.server, c.client, p.gatewayAhead) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.passed = append(p.passed, c)
}

// move passes on what a side sends. fromGateway: that side is the gateway, so that what is
// read from it counts; otherwise what is written does.
func (c *tapped) move(f *tappedFlow, from, to *net.TCPConn, fromGateway bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		f.head = append(f.head, buffer[:min(n, headSize-len(f.head))]...)
		written, failed := to.Write(buffer[:n])
		if fromGateway {
			written = n
		}
		f.bytes += uint64(written)
		if errors.Is(err, io.EOF) && failed == nil {
			_ = to.CloseWrite()
			return
		}
		if err != nil || failed != nil {
			c.reset(from, err)
			c.reset(to, failed)
			return
		}
	}
}

// reset notes what broke a side, if something did, and has both sides see a reset.
func (c *tapped) reset(side *net.TCPConn, err error) {
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		if side == c.client {
			c.clientReset.Store(true)
		} else {
			c.serverReset.Store(true)
		}
	}
	for _, conn := range []*net.TCPConn{c.client, c.server} {
		_ = conn.SetLinger(0)
		conn.Close()
	}
}

// connections returns what has passed, by the port on the tap's side of the target, in the order
// in which they have ended.
func (p *tap) connections() []*tapped {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.passed)
}

// secure reports whether the connection has begun TLS: what has passed then is no plaintext.
func (c *tapped) secure() bool {
	const record = "\x16\x03" // the first record of a handshake
	after := func(n int) bool {
		return len(c.up.head) >= n+len(record) && string(c.up.head[n:n+len(record)]) == record
	}
	return after(4+32) || after(8) && len(c.down.head) > 0 && c.down.head[0] == 'S'
}
