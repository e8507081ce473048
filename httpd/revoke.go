package httpd

import "gatebook/events"

// revokedDescription is the description that is recorded of a connection that was revoked.
const revokedDescription = "its account may do this no more"

// activeRequest is a request that is being answered and that a change of accounts cuts
// off. It is never changed.
type activeRequest struct {
	// account names the account of the request, "" while there are no accounts.
	account string
	// allowed reports whether the request would be let in now.
	allowed func() bool
}

// revoke closes the connections whose active request would not be let in now. It calls
// revoked for each before.
func (r *connRecorder) revoke(revoked func(account, remote string)) {
	for _, c := range r.conns.all() {
		if active := c.active.Load(); active != nil && !active.allowed() {
			revoked(active.account, c.RemoteAddr().String())
			c.revoke()
		}
	}
}

// revoke closes the connection because its client would not be let in now.
func (c *conn) revoke() {
	c.end.CompareAndSwap(0, uint32(events.ReasonAuthFailed))
	c.Close()
}
