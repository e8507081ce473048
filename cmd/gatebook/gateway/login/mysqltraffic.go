package login

import (
	"context"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// mysqlTraffic follows an established session of MySQL, and stops at a change of user.
//
// The reply to a change of user has to be found among what the server sends, and
// only a client that waits for the replies to its earlier commands makes that
// certain. One that does not could have the reply to something else taken for it.
// So a change of user that is sent before the server has answered anything of the
// command before it ends the session; no client library does that. So does an
// answer of the client to a change that seemed to have failed, and had not.
type mysqlTraffic struct {
	login *mysqlLogin
	// follower follows what the client sends, frames what the server does.
	follower mysql.Follower
	frames   mysql.Frames
	// asked: there was a command, before which the server had sent mark bytes.
	asked bool
	mark  uint64
	// changing: the client changes its user, which is to be dealt with. early: it did so
	// before the answer to an earlier command.
	changing, early bool
}

// FromClient follows the client's bytes up to a change of user.
func (t *mysqlTraffic) FromClient(p []byte) int {
	n := t.follower.Follow(p)
	if t.follower.Stray() {
		t.changing, t.early = true, true
		return 0
	}
	t.changing = n < len(p)
	received := t.login.server.Conn.Received()
	switch {
	case t.follower.Asked():
		t.early = t.changing
		t.asked, t.mark = true, received
	case t.changing:
		t.early = t.asked && received == t.mark
	}
	return n
}

// FromServer follows the server's packets.
func (t *mysqlTraffic) FromServer(p []byte) { t.frames.Follow(p) }

// Owed reports whether the server owes an answer: to the last command, or to one before it
// of whose answer nothing has come.
func (t *mysqlTraffic) Owed() bool {
	return t.follower.Between() && (t.follower.Answered() || t.asked && t.login.server.Conn.Received() == t.mark)
}

// Ended returns which side closed or broke. A client whose last command was COM_QUIT has
// closed.
func (t *mysqlTraffic) Ended(end relay.End) *ending.Ending {
	return ending.OfRelay(end, t.follower.Goodbye())
}

// EndNotice returns an error that the client takes for the answer to a command.
func (t *mysqlTraffic) EndNotice(reason events.Reason, message string) []byte {
	if !t.frames.Between() {
		return nil
	}
	return endError(reason).mysql(1, message)
}

// Resume carries a change of user.
func (t *mysqlTraffic) Resume(ctx context.Context, rest string) *ending.Ending {
	switch {
	case !t.changing:
		return pausedWithoutReason()
	case t.early:
		return changedTooEarly()
	}
	t.changing = false
	return t.login.changeUser(ctx, t, rest)
}

// changedTooEarly returns the ending of a session whose client changes its user before the
// server has answered what came before.
func changedTooEarly() *ending.Ending {
	return &ending.Ending{Reason: events.ReasonError, Description: "client: a change of user before the reply to what was sent earlier"}
}
