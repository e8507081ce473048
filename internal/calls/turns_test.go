package calls_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"gatebook/internal/calls"
)

// Calls that wait for a turn for too long, or are too many, are refused; a patient one waits
// as long as it takes.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := calls.NewTurns(1)
		if err := turns.Take(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if err := turns.Take(t.Context(), false); !errors.Is(err, calls.ErrCrowded) || time.Since(begun) != 2*time.Second {
			t.Errorf("beside another: error %v after %s", err, time.Since(begun))
		}
		const most = 8
		refused := make(chan error, most+1)
		for range most + 1 {
			go func() { refused <- turns.Take(t.Context(), false) }()
		}
		synctest.Wait()
		if len(refused) != 1 {
			t.Errorf("%d of %d are refused at once", len(refused), most+1)
		}
		patient := make(chan error, 1)
		go func() { patient <- turns.Take(t.Context(), true) }()
		time.Sleep(time.Minute) // of the bubble's clock
		for range most + 1 {
			if err := <-refused; !errors.Is(err, calls.ErrCrowded) {
				t.Errorf("waited for a minute: error %v", err)
			}
		}
		turns.Leave()
		if err := <-patient; err != nil {
			t.Errorf("the patient one: error %v", err)
		}
	})
}

// A turn that is free is had whatever the context, and is not waited for beyond its end.
func TestTurnsOfAClientThatIsGone(t *testing.T) {
	t.Parallel()
	gone, stop := context.WithCancel(t.Context())
	stop()
	turns := calls.NewTurns(1)
	if err := turns.Take(gone, false); err != nil {
		t.Errorf("a free turn: error %v", err)
	}
	if err := turns.Take(gone, true); !errors.Is(err, context.Canceled) {
		t.Errorf("a turn of another: error %v", err)
	}
}
