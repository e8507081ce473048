package relay

import "time"

// longAgo returns a deadline that is over.
func longAgo() time.Time { return time.Unix(1, 0) }

// grace is how long an interrupted relay waits for a side to take what was read for
// it.
const grace = 50 * time.Millisecond

// Interrupt stops the relay between two connections. When a side does not take what was
// read for it both connections are closed, and the relay has ended instead. Any
// goroutine may call it, also while there is no relay: the next one stops at once.
func Interrupt(client, server *Conn) {
	soon := time.Now().Add(grace)
	for _, c := range []*Conn{client, server} {
		_ = c.SetWriteDeadline(soon)
		_ = c.SetReadDeadline(longAgo())
	}
}

// WriteLast writes what the socket takes of p at once, and then announces to the other end
// that nothing more will come.
func (c *Conn) WriteLast(p []byte) {
	if err := c.tcp.SetWriteDeadline(time.Time{}); err == nil {
		_, _ = c.offer(p)
	}
	_ = c.CloseWrite()
}

// pause stops both directions without closing anything. Each passes on what it has
// read, and then ends.
func (r *Relay) pause() {
	r.paused.Store(true)
	_ = r.client.SetReadDeadline(longAgo()) // wakes a read that waits
	_ = r.server.SetReadDeadline(longAgo())
}

// resumable makes the sockets usable again after a pause, and reports whether
// there was one and neither side has ended since.
func (r *Relay) resumable() bool {
	if !r.paused.Load() {
		return false
	}
	_ = r.client.SetReadDeadline(time.Time{})
	_ = r.server.SetReadDeadline(time.Time{})
	return r.end.First == Neither
}

// divide returns how much of b, which the client has sent, is to be passed on. Where that
// is not all it keeps the rest.
func (p *pipe) divide(b []byte) (passed []byte, all bool) {
	if p.passable == nil {
		return b, true
	}
	n := p.passable(b)
	if n == len(b) {
		return b, true
	}
	p.relay.rest = string(b[n:])
	return b[:n], false
}
