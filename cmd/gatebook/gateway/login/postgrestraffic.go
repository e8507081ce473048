package login

import (
	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// postgresTraffic follows an established session of PostgreSQL.
type postgresTraffic struct {
	unpaused
	// follower follows what the client sends, frames what the server does.
	follower postgres.Follower
	frames   postgres.Frames
}

// FromClient follows the client's messages, and lets all bytes pass.
func (t *postgresTraffic) FromClient(p []byte) int {
	t.follower.Follow(p)
	return len(p)
}

// FromServer follows the server's messages.
func (t *postgresTraffic) FromServer(p []byte) { t.frames.Follow(p) }

// Owed reports whether the server owes an answer to the client's last message.
func (t *postgresTraffic) Owed() bool { return t.follower.Owed() }

// Ended returns which side closed or broke. A client whose last message was Terminate has
// closed.
func (t *postgresTraffic) Ended(end relay.End) *ending.Ending {
	return ending.OfRelay(end, t.follower.Goodbye())
}

// EndNotice returns an error that ends the session.
func (t *postgresTraffic) EndNotice(reason events.Reason, message string) []byte {
	if !t.frames.Between() {
		return nil
	}
	return endError(reason).postgres(message)
}
