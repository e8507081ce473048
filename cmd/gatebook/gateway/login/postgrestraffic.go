package login

import (
	"sync"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// postgresTraffic follows an established session of PostgreSQL.
type postgresTraffic struct {
	unpaused
	// waiting is whether an answer is owed.
	waiting waiting

	// mu guards the rest while a relay runs: each side's bytes come from a goroutine of its
	// own.
	mu sync.Mutex
	// follower follows what the client sends, frames what the server does, and answers what
	// of the one the other has answered.
	follower postgres.Follower
	frames   postgres.Frames
	answers  postgres.Answers
}

// newPostgresTraffic returns the traffic that follows a login.
func newPostgresTraffic() *postgresTraffic {
	t := &postgresTraffic{}
	t.waiting.set(false)
	return t
}

// FromClient follows the client's messages, and lets all bytes pass.
func (t *postgresTraffic) FromClient(p []byte) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.note()
	t.follower.Follow(p, &t.answers)
	return len(p)
}

// FromServer follows the server's messages.
func (t *postgresTraffic) FromServer(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.note()
	t.frames.Follow(p, &t.answers)
}

// note keeps whether an answer is owed. A message that the client has sent in part is not
// owed one yet.
func (t *postgresTraffic) note() { t.waiting.set(t.answers.Owed() && !t.follower.Unfinished()) }

// Waiting returns whether the server owes an answer.
func (t *postgresTraffic) Waiting() Waiting { return t.waiting.get() }

// Parted reports whether the client has said goodbye and is owed nothing.
func (t *postgresTraffic) Parted() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.follower.Goodbye() && !t.answers.Owed()
}

// Ended returns which side has ended the session.
func (t *postgresTraffic) Ended(end relay.End) *ending.Ending {
	word := ""
	if e := t.answers.LastWord(); e != nil {
		word = e.String()
	}
	return ending.OfRelay(end, ending.Words{Goodbye: t.follower.Goodbye(), Server: word, Owed: t.answers.Owed()})
}

// EndNotice returns an error that ends the session.
func (t *postgresTraffic) EndNotice(reason events.Reason, message string) []byte {
	if !t.frames.Between() {
		return nil
	}
	return endError(reason).postgres(message)
}
