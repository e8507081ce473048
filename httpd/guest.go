package httpd

import (
	"gatebook/events"
	"gatebook/httpd/accounts"
)

// guest is who is being answered, and what for. It is never changed.
type guest struct {
	account accounts.Account // the zero value while there are none
	access  access
}

// holds tells whether the guest would be let in now.
func (g *guest) holds(gate *accounts.Gate) bool {
	if g.account.Name == "" {
		return !gate.Any()
	}
	return gate.Holds(g.account) && g.access.reached(g.account.Role)
}

// admitted notes who is being answered on a connection. What changes something is
// answered to its end.
func (s *Server) admitted(c *conn, account accounts.Account, a access) error {
	if c == nil || a == forAdmins || a == forAll || s.accounts == nil {
		return nil
	}
	g := &guest{account: account, access: a}
	c.guest.Store(g)
	// Accounts that changed in between were compared with the guest before.
	if !g.holds(s.accounts) {
		return unauthorized("The account has changed. Log in again.")
	}
	return nil
}

// AccountsChanged cuts off the clients that are being answered and would not be let
// in any more. Whoever lets the server's gate reload calls it afterwards.
func (s *Server) AccountsChanged() {
	for _, c := range s.door.all() {
		if g := c.guest.Load(); g != nil && !g.holds(s.accounts) {
			s.log.Warn().Str("account", g.account.Name).Str("remote", c.RemoteAddr().String()).
				Msg("an answer is cut off: accounts have changed")
			c.bar()
		}
	}
}

// all are the connections there are.
func (d *frontDoor) all() []*conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]*conn, 0, len(d.conns))
	for c := range d.conns {
		all = append(all, c)
	}
	return all
}

// barred is what the record says of a connection that was cut off.
const barred = "its account may do this no more"

// bar closes the connection because its client would not be let in any more.
func (c *conn) bar() {
	c.end.CompareAndSwap(0, uint32(events.ReasonAuthFailed))
	c.Close()
}
