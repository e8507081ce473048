package login

import (
	"context"
	"sync"

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
	// waiting is whether an answer is owed.
	waiting waiting

	// mu guards the rest while a relay runs: each side's bytes come from a goroutine of its
	// own.
	mu sync.Mutex
	// follower follows what the client sends, frames what the server does, and answers what
	// of the one the other has answered.
	follower mysql.Follower
	frames   mysql.Frames
	answers  mysql.Answers
	// asked: there was a command, before which the server had sent mark bytes.
	asked bool
	mark  uint64
	// changing: the client changes its user, which is to be dealt with. early: it did so
	// before the answer to an earlier command.
	changing, early bool
}

// newMySQLTraffic returns the traffic that follows a login.
func newMySQLTraffic(l *mysqlLogin) *mysqlTraffic {
	t := &mysqlTraffic{login: l, answers: mysql.NewAnswers(l.common)}
	t.waiting.set(false)
	return t
}

// FromClient follows the client's bytes up to a change of user.
func (t *mysqlTraffic) FromClient(p []byte) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.note()
	n := t.follower.Follow(p, &t.answers)
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
func (t *mysqlTraffic) FromServer(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.note()
	t.frames.Follow(p, &t.answers)
}

// note keeps whether an answer is owed. A command that the client has sent in part is not
// owed one yet.
func (t *mysqlTraffic) note() { t.waiting.set(t.answers.Owed() && !t.follower.Unfinished()) }

// Waiting returns whether the server owes an answer.
func (t *mysqlTraffic) Waiting() Waiting { return t.waiting.get() }

// Parted reports whether the client has said goodbye and is owed nothing.
func (t *mysqlTraffic) Parted() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.follower.Goodbye() && !t.answers.Owed()
}

// Ended returns which side has ended the session.
func (t *mysqlTraffic) Ended(end relay.End) *ending.Ending {
	word := ""
	if e := t.answers.LastWord(); e != nil {
		word = e.String()
	}
	return ending.OfRelay(end, ending.Words{Goodbye: t.follower.Goodbye(), Server: word, Owed: t.answers.Owed()})
}

// EndNotice returns an error that the client takes for the answer to a command.
func (t *mysqlTraffic) EndNotice(reason events.Reason, message string) []byte {
	if !t.frames.Between() {
		return nil
	}
	return endError(reason).mysql(1, message)
}

// Resume carries a change of user, or several.
func (t *mysqlTraffic) Resume(ctx context.Context, rest string) *ending.Ending {
	if !t.changing {
		return pausedWithoutReason()
	}
	return t.login.changeUsers(ctx, t, rest)
}

// changedTooEarly returns the ending of a session whose client changes its user before the
// server has answered what came before.
func changedTooEarly() *ending.Ending {
	return &ending.Ending{Reason: events.ReasonError, Description: "client: a change of user before the reply to what was sent earlier"}
}
