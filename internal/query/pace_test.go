package query

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"gatebook/internal/calls"
)

// Queries that visit few sessions never wait; those that visit many take a turn, and one that
// has begun its answer waits for it as long as it takes.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := calls.NewTurns(1)
		few, many := pace{ctx: t.Context(), turns: turns}, pace{ctx: t.Context(), turns: turns}
		if err := many.visit(freeVisits + 1); err != nil || !many.holding {
			t.Errorf("the first: holding %t, error %v", many.holding, err)
		}
		if err := few.visit(freeVisits); err != nil || few.holding {
			t.Errorf("one that visits few: holding %t, error %v", few.holding, err)
		}
		if err := few.visit(1); !errors.Is(err, ErrCrowded) {
			t.Errorf("one that visits many beside another: error %v", err)
		}
		answered := make(chan error, 1)
		go func() {
			p := pace{ctx: t.Context(), turns: turns, answered: true}
			answered <- p.visit(freeVisits + 1)
			p.rest()
		}()
		synctest.Wait()
		many.rest()
		if err := <-answered; err != nil {
			t.Errorf("one that has begun its answer: error %v", err)
		}
	})
}

// A query whose client is gone ends, unless it visits few sessions.
func TestPaceEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	p := pace{ctx: ctx, turns: calls.NewTurns(1)}
	if err := p.visit(freeVisits); err != nil {
		t.Errorf("a short one: error %v", err)
	}
	if err := p.visit(1); !errors.Is(err, context.Canceled) || p.holding {
		t.Errorf("a long one: error %v, holding %t", err, p.holding)
	}
}
