package calls_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"gatebook/internal/calls"
	"gatebook/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A gate that is shut waits for the calls inside, and lets none in.
func TestGateWaitsForTheCallsInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := calls.NewGate()
		for range 2 {
			if !g.Enter() {
				t.Fatal("an open gate let a call wait outside")
			}
		}
		g.Shut()
		g.Shut()
		if g.Enter() {
			t.Error("a shut gate let a call in")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("two calls are inside, and waiting ended with %v", err)
		}
		g.Leave()
		left := make(chan error)
		go func() { left <- g.Wait(context.Background()) }()
		synctest.Wait()
		select {
		case err := <-left:
			t.Fatalf("one call is inside, and waiting ended with %v", err)
		default:
		}
		g.Leave()
		if err := <-left; err != nil {
			t.Error(err)
		}
	})
}

// Nothing is inside once the gate has been waited for, however many calls come meanwhile.
func TestGateUnderLoad(t *testing.T) {
	t.Parallel()
	for range 200 {
		g := calls.NewGate()
		var inside atomic.Int64
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				for g.Enter() {
					inside.Add(1)
					inside.Add(-1)
					g.Leave()
				}
			})
		}
		g.Shut()
		if err := g.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := inside.Load(); n != 0 {
			t.Fatalf("%d calls are inside a gate that was waited for", n)
		}
		callers.Wait()
	}
}

// A gate with nothing inside is empty as soon as it is shut.
func TestEmptyGate(t *testing.T) {
	t.Parallel()
	g := calls.NewGate()
	g.Shut()
	if err := g.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// A turn is had by one call, and waited for no longer than a context lasts.
func TestTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := calls.NewTurn()
		if err := turn.Take(t.Context()); err != nil || !turn.Taken() {
			t.Fatalf("taking a free turn: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := turn.Take(ctx); !errors.Is(err, storage.ErrBusy) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("taking a turn that is had: %v", err)
		}
		turn.Leave()
		if err := turn.Take(t.Context()); err != nil {
			t.Error(err)
		}
		turn.Leave()
	})
}
