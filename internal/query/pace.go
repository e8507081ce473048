package query

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// freeVisits is how many sessions a query visits before it counts as one that visits
	// many.
	freeVisits = 2 * archiveLook
	// mostWaiting is how many queries that visit many wait for their turn at most, for each
	// turn, and turnWait how long one waits before it has answered anything.
	mostWaiting = 8
	turnWait    = 2 * time.Second
)

// ErrCrowded is returned when too many queries visit many sessions.
var ErrCrowded = errors.New("too many queries visit many sessions")

// turns bounds how many of the queries that visit many sessions run at a time, so that those
// that record find a processor. Its methods are safe for concurrent use.
type turns struct {
	free    chan struct{} // one is in it for each query that runs
	waiting atomic.Int64
}

func newTurns() *turns { return &turns{free: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))} }

// take blocks until it is the caller's turn, or returns [ErrCrowded] or the error of ctx. A
// caller that is patient waits as long as it takes.
func (t *turns) take(ctx context.Context, patient bool) error {
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

func (t *turns) leave() { <-t.free }

// pace keeps a query that visits many sessions from taking the machine. Its zero value is of
// no use; it is for one goroutine.
type pace struct {
	ctx     context.Context //nolint:containedctx // of one listing, which is of one call
	turns   *turns
	visited int
	// answered is set when the query has listed something.
	answered bool
	holding  bool
}

// visit accounts for sessions that are visited. When they are many, it returns the error of
// the context if that has ended, and waits for a turn. A query that visits few goes on: the
// context of a request ends also when its client closes its sending half, and such a client
// still reads the answer. The caller rests before it waits for anything else.
func (p *pace) visit(n int) error {
	runtime.Gosched() // a tight loop would hold up those that record
	p.visited += n
	if p.visited <= freeVisits {
		return nil
	}
	if err := p.ctx.Err(); err != nil || p.holding {
		return err
	}
	if err := p.turns.take(p.ctx, p.answered); err != nil {
		return err
	}
	p.holding = true
	return nil
}

// note accounts for sessions that were visited, where it is no time to wait for a turn. It
// returns the error of the context when they are many and that has ended.
func (p *pace) note(n int) error {
	runtime.Gosched()
	if p.visited += n; p.visited <= freeVisits {
		return nil
	}
	return p.ctx.Err()
}

// rest gives the turn back.
func (p *pace) rest() {
	if p.holding {
		p.holding = false
		p.turns.leave()
	}
}
