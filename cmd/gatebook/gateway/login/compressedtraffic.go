package login

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// compressedTraffic follows an established session of MySQL whose packets are compressed, and
// inflates them for that. A change of user is recorded when the server has answered it, before the
// client gets the answer. A side whose packets cannot be inflated ends the session.
type compressedTraffic struct {
	login  *mysqlLogin
	record func(e events.Event) error
	// waiting is whether an answer is owed.
	waiting waiting

	// mu guards the rest while a relay runs.
	mu sync.Mutex
	// fromClient and fromServer inflate what the sides send.
	fromClient, fromServer *mysql.Inflater
	// follower follows what the client sends, frames what the server does, and answers what
	// of the one the other has answered.
	follower mysql.Follower
	frames   mysql.Frames
	answers  mysql.Answers
	// failure is how the session ends whose packets cannot be inflated, or one of whose changes
	// of user cannot be recorded.
	failure *ending.Ending
}

// newCompressedTraffic returns the traffic that follows a login. ctx is that of recording. It is to
// be closed.
func newCompressedTraffic(ctx context.Context, l *mysqlLogin) *compressedTraffic {
	t := &compressedTraffic{login: l, follower: mysql.NewFollower(), answers: mysql.NewCompressedAnswers(l.common)}
	t.record = func(e events.Event) error { return l.session.Record(ctx, e) }
	t.fromClient = mysql.NewInflater(&l.protocol.inflaters, func(p []byte) { t.follower.Follow(p, &t.answers) })
	t.fromServer = mysql.NewInflater(&l.protocol.inflaters, func(p []byte) { t.frames.Follow(p, &t.answers) })
	t.waiting.set(false)
	return t
}

// Close releases what the traffic holds. Nothing else is called then.
func (t *compressedTraffic) Close() {
	t.fromClient.Close()
	t.fromServer.Close()
}

// FromClient follows the client's packets.
func (t *compressedTraffic) FromClient(p []byte) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.fromClient.Write(p); err != nil {
		t.failure = &ending.Ending{Reason: events.ReasonError, Description: "client: " + err.Error()}
		return 0
	}
	t.note()
	return len(p)
}

// FromServer follows the server's packets, and records the changes of user that they answer.
func (t *compressedTraffic) FromServer(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failure != nil {
		return
	}
	if err := t.fromServer.Write(p); err != nil {
		t.failure = serverFailed(err.Error())
	}
	for t.failure == nil {
		refused, answered := t.answers.Changed()
		if !answered {
			break
		}
		if err := t.changed(t.follower.Change(), refused); err != nil {
			t.failure = ending.Unrecorded(err)
		}
	}
	if t.failure != nil {
		_ = t.login.client.conn.Close() // which gets none of it
	}
	t.note()
}

// note keeps whether an answer is owed.
func (t *compressedTraffic) note() { t.waiting.set(t.answers.Owed() && !t.follower.Unfinished()) }

// changed records a change of user that the server has accepted or refused.
func (t *compressedTraffic) changed(change mysql.Packet, refused *mysql.Error) error {
	login, err := mysql.ParseChangeUser(change, t.login.common, t.login.collation)
	switch {
	case refused != nil: // also one that cannot be read
		return t.record(loginFailed(login, refused.String()))
	case err != nil:
		return errors.Join(errors.New("the server has accepted a change of user that cannot be read"), err)
	}
	t.login.collation = login.Collation
	ready := asked(login)
	return t.record(&ready)
}

// Waiting returns whether the server owes an answer.
func (t *compressedTraffic) Waiting() Waiting { return t.waiting.get() }

// Parted reports whether the client has said goodbye and is owed nothing.
func (t *compressedTraffic) Parted() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.follower.Goodbye() && !t.answers.Owed()
}

// Ended returns which side has ended the session.
func (t *compressedTraffic) Ended(end relay.End) *ending.Ending {
	if t.failure != nil {
		return t.failure
	}
	word := ""
	if e := t.answers.LastWord(); e != nil {
		word = e.String()
	}
	return ending.OfRelay(end, ending.Words{Goodbye: t.follower.Goodbye(), Server: word, Owed: t.answers.Owed()})
}

// Resume returns how the session ends whose client is not let through.
func (t *compressedTraffic) Resume(context.Context, string) *ending.Ending {
	return cmp.Or(t.failure, pausedWithoutReason())
}

// EndNotice returns nil: which number a packet has to have is not known.
func (t *compressedTraffic) EndNotice(events.Reason, string) []byte { return nil }
