package gatebook

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
)

// gate counts the calls that are inside, so that it can be closed behind the last of
// them. A call that has entered may rely on the gate being open until it leaves: what
// it checks and what it then appends cannot be separated by a close.
type gate struct {
	// calls is how many are inside, lowered by math.MinInt64 once the gate is shut.
	calls atomic.Int64
	once  sync.Once
	empty chan struct{} // closed when the gate is shut and the last call has left
}

func newGate() *gate { return &gate{empty: make(chan struct{})} }

// enter lets a call in and reports whether it did. A call that was let in has to leave.
func (g *gate) enter() bool {
	if g.calls.Add(1) > 0 {
		return true
	}
	g.leave()
	return false
}

func (g *gate) leave() {
	if g.calls.Add(-1) == math.MinInt64 {
		g.once.Do(func() { close(g.empty) })
	}
}

// shut lets no further call in. Doing so again changes nothing.
func (g *gate) shut() {
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

// wait blocks until the gate is shut and the last call has left, or ctx ends.
func (g *gate) wait(ctx context.Context) error {
	select {
	case <-g.empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
