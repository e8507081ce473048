package record

import (
	"context"
	"time"

	"gatebook/events"
)

// loginPatience is how long a login may take before the attempts to reach a server are
// recorded. A quicker login has them recorded together with its outcome, which spares
// nearly every session an append.
const loginPatience = 250 * time.Millisecond

// opener records the opening of a session at once, while its login is under way, and the
// attempts to reach a server when the login takes long.
type opener struct {
	// opened is closed when the opening was recorded. refused is why it was not.
	opened  chan struct{}
	refused error

	// reached is closed when a server was reached. Until then, or until over is
	// closed, the session's goroutine adds to attempts.
	reached  chan struct{}
	attempts []events.Event

	// over is closed when the login is over.
	over chan struct{}

	// done is closed when the opener's goroutine ends. recorded: it has recorded the
	// attempts. failed is why it could not.
	done     chan struct{}
	recorded bool
	failed   error
}

func newOpener() *opener {
	return &opener{
		opened:  make(chan struct{}),
		reached: make(chan struct{}),
		over:    make(chan struct{}),
		done:    make(chan struct{}),
	}
}

// run records the opening, in a goroutine of its own that ends when the login is over.
func (o *opener) run(ctx context.Context, t *trail, connected time.Time, e events.SessionOpened) {
	defer close(o.done)
	o.refused = t.owner.Guard(func() error { return t.open(ctx, connected, e) })
	_ = t.owner.Guard(func() error { t.owner.AssignID(t.id.Load()); return nil })
	close(o.opened)
	if o.refused != nil {
		if t.all.bestEffort {
			t.all.Missed(1, 0, o.refused)
		}
		return
	}
	if err := t.owner.Guard(func() error { o.recordAttempts(ctx, t); return nil }); err != nil {
		o.recorded, o.failed = true, err
	}
}

// recordAttempts records the attempts to reach a server if the login takes long.
func (o *opener) recordAttempts(ctx context.Context, t *trail) {
	select {
	case <-o.reached:
	case <-o.over:
		return
	}
	timer := time.NewTimer(loginPatience)
	defer timer.Stop()
	select {
	case <-timer.C:
		o.recorded = true
		o.failed = t.record(ctx, o.attempts...)
	case <-o.over:
	}
}

// conclude ends the opener, because the login is over, and waits for its goroutine. It
// returns the attempts that are not recorded.
func (o *opener) conclude() ([]events.Event, error) {
	close(o.over)
	<-o.done
	switch {
	case o.refused != nil:
		return nil, o.refused
	case o.recorded:
		return nil, o.failed
	}
	return o.attempts, nil
}
