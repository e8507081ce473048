package httpd

import (
	"gatebook/events"
	"gatebook/httpd/accounts"
)

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

// AccountsChanged closes the connections of clients that are being answered and would not
// be let in now. Call it after reloading the accounts.
func (s *Server) AccountsChanged() {
	s.recorder.revoke(func(account, remote string) {
		s.log.Warn().Str("account", account).Str("remote", remote).Msg("an answer is cut off: accounts have changed")
	})
}

// activate makes a request the active one of its connection, unless it changes something:
// that is answered to its end. It returns an error when accounts have changed meanwhile,
// and the request would not be let in now.
func (s *Server) activate(c *conn, account accounts.Account, a access) error {
	if c == nil || a == forAdmins || a == forAll || s.accounts == nil {
		return nil
	}
	active := &activeRequest{account: account.Name, allowed: func() bool { return a.holds(s.accounts, account) }}
	c.active.Store(active)
	// revoke may have looked before the request was active.
	if !active.allowed() {
		return unauthorized("The account has changed. Log in again.")
	}
	return nil
}
