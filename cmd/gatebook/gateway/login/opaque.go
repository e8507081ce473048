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
	// owed is what Owed reports: the protocol has answers, but they cannot be seen.
	owed bool
}

// FromClient lets all bytes pass.
func (opaque) FromClient(p []byte) int { return len(p) }

// FromServer does nothing.
func (opaque) FromServer([]byte) {}

// Owed reports whether the protocol has answers.
func (o opaque) Owed() bool { return o.owed }

// Ended returns which side closed or broke.
func (opaque) Ended(end relay.End) *ending.Ending { return ending.OfRelay(end, false) }

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
