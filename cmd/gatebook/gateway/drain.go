package gateway

import (
	"context"
	"time"
)

// drainInterval is how often a gateway that is being drained looks whether sessions are left.
const drainInterval = 50 * time.Millisecond

// Sessions returns how many sessions have not ended.
func (g *Gateway) Sessions() int { return g.sessions.index.len() }

// Drain stops accepting clients, and blocks until all sessions have ended or ctx ends. It
// returns how many sessions are left. Close is still to be called.
func (g *Gateway) Drain(ctx context.Context) int {
	g.closeListeners()
	for g.Sessions() > 0 && pause(ctx, drainInterval) {
	}
	return g.Sessions()
}
