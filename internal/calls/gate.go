package calls

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
)

// Gate counts the calls that are inside, so that it can be closed behind the last of
// them. A call that has entered may rely on the gate being open until it leaves: what
// it checks and what it then appends cannot be separated by a close.
type Gate struct {
	// calls is how many are inside, lowered by math.MinInt64 once the gate is shut.
	calls atomic.Int64
	once  sync.Once
	empty chan struct{} // closed when the gate is shut and the last call has left
}

// NewGate returns a gate that is open.
func NewGate() *Gate { return &Gate{empty: make(chan struct{})} }

// Enter lets a call in and reports whether it did. A call that was let in has to leave.
func (g *Gate) Enter() bool {
	if g.calls.Add(1) > 0 {
		return true
	}
	g.Leave()
	return false
}

// Leave lets a call out that was let in.
func (g *Gate) Leave() {
	if g.calls.Add(-1) == math.MinInt64 {
		g.once.Do(func() { close(g.empty) })
	}
}

// Shut lets no further call in. Doing so again changes nothing.
func (g *Gate) Shut() {
	for {
		calls := g.calls.Load()
		if calls < 0 {
			return
		}
		if g.calls.CompareAndSwap(calls, calls+math.MinInt64) {
			break
		}
	}
	if g.calls.Load() == math.MinInt64 {
		g.once.Do(func() { close(g.empty) })
	}
}

// Wait blocks until the gate is shut and the last call has left, or ctx ends.
func (g *Gate) Wait(ctx context.Context) error {
	select {
	case <-g.empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
