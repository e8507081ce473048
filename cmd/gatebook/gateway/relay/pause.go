package relay

import "time"

// pause stops both directions without closing anything. Each passes on what it has
// read, and then ends.
func (r *relay) pause() {
	r.paused.Store(true)
	past := time.Unix(1, 0) // wakes reads that wait
	_ = r.client.SetReadDeadline(past)
	_ = r.server.SetReadDeadline(past)
}

// resumable makes the sockets fit for use again after a pause, and reports whether
// there was one and neither side has ended since.
func (r *relay) resumable() bool {
	if !r.paused.Load() {
		return false
	}
	_ = r.client.SetReadDeadline(time.Time{})
	_ = r.server.SetReadDeadline(time.Time{})
	return r.end.First == Neither
}

// divide asks how much of b, which the client has sent, is to be passed on, and
// stops the relay when that is not all.
func (p *pipe) divide(b []byte) (passed []byte, all bool) {
	if p.until == nil {
		return b, true
	}
	n := p.until(b)
	if n == len(b) {
		return b, true
	}
	p.relay.rest = string(b[n:])
	return b[:n], false
}
