package calls

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// mostWaiting is how many calls wait for their turn at most, for each turn, and turnWait how
	// long one waits before it has answered anything.
	mostWaiting = 8
	turnWait    = 2 * time.Second
)

// ErrCrowded is returned when too many calls read much.
var ErrCrowded = errors.New("too many requests look at many sessions or records")

// Turns bounds how many of the calls that read much run at a time, so that those that record
// find a processor. Its methods are safe for concurrent use.
type Turns struct {
	free    chan struct{} // one is in it for each call that runs
	waiting atomic.Int64
}

// NewTurns returns that many turns; 0 is one for every second processor.
func NewTurns(n int) *Turns {
	if n == 0 {
		n = max(1, runtime.GOMAXPROCS(0)/2)
	}
	return &Turns{free: make(chan struct{}, n)}
}

// Take blocks until it is the caller's turn, or returns [ErrCrowded] or the error of ctx. A
// caller that is patient waits as long as it takes.
func (t *Turns) Take(ctx context.Context, patient bool) error {
	select {
	case t.free <- struct{}{}:
		return nil
	default:
	}
	if n := t.waiting.Add(1); !patient && n > int64(mostWaiting*cap(t.free)) {
		t.waiting.Add(-1)
		return ErrCrowded
	}
	defer t.waiting.Add(-1)
	var late <-chan time.Time
	if !patient {
		timer := time.NewTimer(turnWait)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case t.free <- struct{}{}:
		return nil
	case <-late:
		return ErrCrowded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Leave gives the turn back.
func (t *Turns) Leave() { <-t.free }
