package gateway

import (
	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// commands follows what a client of MySQL sends after its login, and stops at a
// change of user.
//
// The reply to a change of user has to be found among what the server sends, and
// only a client that waits for the replies to its earlier commands makes that
// certain. One that does not could have the reply to something else taken for it.
// So a change of user that is sent before the server has said anything to the
// command before it ends the session; no client library does that. So does an
// answer of the client to a change that has failed, which it then had not.
type commands struct {
	mysql.Follower
	server *relay.Conn
	// asked: there was a command, before which the server had sent mark bytes.
	asked bool
	mark  uint64
	// early: the change of user came before the answer to an earlier command.
	early bool
	// changing: there is a change of user to be dealt with.
	changing bool
}

// pass takes note of the client's next bytes and returns how many of them are not
// a change of user, or behind one.
func (c *commands) pass(p []byte) int {
	n := c.Follower.Follow(p)
	if c.Stray() {
		c.changing, c.early = true, true
		return 0
	}
	c.changing = n < len(p)
	switch {
	case c.Asked():
		c.early = c.changing
		c.asked, c.mark = true, c.server.Received()
	case c.changing:
		c.early = c.asked && c.server.Received() == c.mark
	}
	return n
}

// Follow is pass for bytes that cannot be held back.
func (c *commands) Follow(p []byte) { c.pass(p) }

// Owed tells whether the server has to say something: to the last command, or to
// one before it of which it has said nothing.
func (c *commands) Owed() bool {
	return c.Between() && (c.Answered() || c.asked && c.server.Received() == c.mark)
}

// stopped tells whether there is a change of user that was not dealt with.
func (c *commands) stopped() bool { return c.changing }

// tooEarly is the end of a session that changes its user without waiting for its
// turn.
func tooEarly() *ending {
	return &ending{reason: events.ReasonError, description: "client: a change of user before the reply to what was sent earlier"}
}
