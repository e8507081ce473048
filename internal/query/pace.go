package query

import (
	"context"
	"runtime"

	"gatebook/internal/calls"
)

// freeVisits is how many sessions a query visits before it counts as one that visits many.
const freeVisits = 2 * archiveLook

// ErrCrowded is returned when too many queries visit many sessions.
var ErrCrowded = calls.ErrCrowded

// pace keeps a query that visits many sessions from taking the machine. Its zero value is of
// no use; it is for one goroutine.
type pace struct {
	ctx     context.Context //nolint:containedctx // of one listing, which is of one call
	turns   *calls.Turns
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
	if err := p.turns.Take(p.ctx, p.answered); err != nil {
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
		p.turns.Leave()
	}
}
