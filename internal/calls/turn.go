package calls

import (
	"context"
	"fmt"

	"gatebook/storage"
)

// Turn is a mutex that is not waited for longer than a context lasts. It is for what is
// held while something is recorded, which may take as long as the disk does.
type Turn chan struct{}

// NewTurn returns a turn that nobody has.
func NewTurn() Turn { return make(Turn, 1) }

// Take blocks until the turn is free and takes it, or returns [storage.ErrBusy] when ctx
// ends first.
func (t Turn) Take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", storage.ErrBusy, ctx.Err())
	}
}

// Leave gives the turn back.
func (t Turn) Leave() { <-t }

// Taken reports whether somebody has the turn now.
func (t Turn) Taken() bool { return len(t) > 0 }
