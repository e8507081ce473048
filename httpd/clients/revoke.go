package clients

import "gatebook/events"

// revokedDescription is the description that is recorded of a connection that was revoked.
const revokedDescription = "its account may do this no more"

// ActiveRequest is a request that is being answered and that a change of accounts cuts
// off. It is never changed.
type ActiveRequest struct {
	// Account names the account of the request, "" while there are no accounts.
	Account string
	// Allowed reports whether the request would be let in now.
	Allowed func() bool
}

// Activate makes a request the one that is being answered, and reports whether it would
// still be let in: accounts may have changed since it was.
func (c *Conn) Activate(active *ActiveRequest) bool {
	c.active.Store(active)
	return active.Allowed() // Revoke may have looked before the request was active
}

// Deactivate notes that the active request, if there is one, has been answered.
func (c *Conn) Deactivate() { c.active.Store(nil) }

// Revoke closes the connections whose active request would not be let in now. It calls
// revoked for each before.
func (r *Recorder) Revoke(revoked func(account, remote string)) {
	for _, c := range r.conns.all() {
		if active := c.active.Load(); active != nil && !active.Allowed() {
			revoked(active.Account, c.RemoteAddr().String())
			c.revoke()
		}
	}
}

// revoke closes the connection because its client would not be let in now.
func (c *Conn) revoke() {
	c.end.CompareAndSwap(0, uint32(events.ReasonAuthFailed))
	c.Close()
}
