package gatebook

import (
	"context"
	"fmt"

	"gatebook/storage"
)

// turn is a mutex that is not waited for longer than a context lasts. It is for what is
// held while something is recorded, which may take as long as the disk does.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take blocks until the turn is free and takes it, or returns [storage.ErrBusy] when ctx
// ends first.
func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", storage.ErrBusy, ctx.Err())
	}
}

// leave gives the turn back.
func (t turn) leave() { <-t }

// taken reports whether somebody has the turn now.
func (t turn) taken() bool { return len(t) > 0 }
