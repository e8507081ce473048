package query

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Queries that visit few sessions never wait; those that visit many run a few at a time, and
// those that wait for too long, or are too many, are refused.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := &turns{free: make(chan struct{}, 1)}
		few, many := pace{ctx: t.Context(), turns: turns}, pace{ctx: t.Context(), turns: turns}
		if err := many.visit(freeVisits + 1); err != nil || !many.holding {
			t.Errorf("the first: holding %t, error %v", many.holding, err)
		}
		if err := few.visit(freeVisits); err != nil || few.holding {
			t.Errorf("one that visits few: holding %t, error %v", few.holding, err)
		}
		begun := time.Now()
		if err := few.visit(1); !errors.Is(err, ErrCrowded) || time.Since(begun) != turnWait {
			t.Errorf("one that visits many beside another: error %v after %s", err, time.Since(begun))
		}
		refused := make(chan error, mostWaiting+1)
		for range mostWaiting + 1 {
			go func() {
				p := pace{ctx: t.Context(), turns: turns}
				refused <- p.visit(freeVisits + 1)
			}()
		}
		synctest.Wait()
		if len(refused) != 1 {
			t.Errorf("%d of %d are refused at once", len(refused), mostWaiting+1)
		}
		answered := make(chan error, 1)
		go func() {
			p := pace{ctx: t.Context(), turns: turns, answered: true}
			answered <- p.visit(freeVisits + 1)
			p.rest()
		}()
		time.Sleep(time.Minute) // of the bubble's clock
		for range mostWaiting + 1 {
			if err := <-refused; !errors.Is(err, ErrCrowded) {
				t.Errorf("waited for a minute: error %v", err)
			}
		}
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
	p := pace{ctx: ctx, turns: newTurns()}
	if err := p.visit(freeVisits); err != nil {
		t.Errorf("a short one: error %v", err)
	}
	if err := p.visit(1); !errors.Is(err, context.Canceled) || p.holding {
		t.Errorf("a long one: error %v, holding %t", err, p.holding)
	}
}
