package login

import (
	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// compressedTraffic follows an established session of MySQL whose packets are compressed.
// Only a client's goodbye can be seen.
type compressedTraffic struct {
	unpaused
	client, server *relay.Conn
	follower       mysql.CompressedFollower
}

// FromClient follows the client's packets, and lets all bytes pass.
func (t *compressedTraffic) FromClient(p []byte) int {
	t.follower.Follow(p)
	return len(p)
}

// FromServer does nothing.
func (t *compressedTraffic) FromServer([]byte) {}

// Waiting guesses that the server owes an answer when the client was the last to send.
func (t *compressedTraffic) Waiting() Waiting {
	return Waiting{Owed: t.client.Active() > t.server.Active()}
}

// Ended returns which side has ended the session.
func (t *compressedTraffic) Ended(end relay.End) *ending.Ending {
	return ending.OfRelay(end, ending.Words{Goodbye: t.follower.Goodbye(), Owed: t.Waiting().Owed})
}

// EndNotice returns nil: where a packet ends is not known.
func (t *compressedTraffic) EndNotice(events.Reason, string) []byte { return nil }
