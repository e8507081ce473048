package login

import (
	"context"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// opaque is the traffic of a session whose bytes mean nothing to the gateway.
type opaque struct {
	unpaused
	// owed: the server owes an answer until it closes.
	owed bool
}

// FromClient lets all bytes pass.
func (opaque) FromClient(p []byte) int { return len(p) }

// FromServer does nothing.
func (opaque) FromServer([]byte) {}

// Waiting returns that it is not known whether the server owes an answer.
func (o opaque) Waiting() Waiting { return Waiting{Owed: o.owed} }

// Parted reports false.
func (opaque) Parted() bool { return false }

// Ended returns which side closed or broke.
func (opaque) Ended(end relay.End) *ending.Ending {
	return ending.OfRelay(end, ending.Words{Owed: true})
}

// EndNotice returns nil.
func (opaque) EndNotice(events.Reason, string) []byte { return nil }

// unpaused is for traffic that never holds back a client's bytes.
type unpaused struct{}

// Resume returns an error, since the relay has no reason to pause.
func (unpaused) Resume(context.Context, string) *ending.Ending { return pausedWithoutReason() }

// pausedWithoutReason returns the ending of a session whose relay has paused and whose traffic
// has not held anything back.
func pausedWithoutReason() *ending.Ending {
	return &ending.Ending{Reason: events.ReasonError, Description: "the relay stopped"}
}
