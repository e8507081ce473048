package clients

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/rs/zerolog"

	"gatebook"
)

// killFollower closes the connections whose end is requested, in a goroutine that it owns
// from the first start until end. Its methods are safe for concurrent use.
type killFollower struct {
	source Source
	conns  *connSet
	log    zerolog.Logger

	mu        sync.Mutex // guards the fields below
	listeners []string
	ended     bool
	stop      context.CancelFunc // nil before the goroutine has started
	done      chan struct{}      // closed when it has ended
}

// start starts the goroutine unless it runs or end was called. It returns the addresses of
// all listeners, that one included.
func (k *killFollower) start(listener string) (listeners []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.listeners = append(k.listeners, listener)
	if k.stop == nil && !k.ended {
		ctx, stop := context.WithCancel(context.Background())
		k.stop, k.done = stop, make(chan struct{})
		go func() {
			defer close(k.done)
			k.run(ctx)
		}()
	}
	return slices.Clone(k.listeners)
}

// end stops the goroutine and waits for it.
func (k *killFollower) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ended = true
	if k.stop != nil {
		k.stop()
		<-k.done
	}
}

// run follows kills until ctx ends.
func (k *killFollower) run(ctx context.Context) {
	for {
		ids, err := k.source.Kills(ctx)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, gatebook.ErrSourceStopped) {
				k.log.Error().Err(err).Msg("follow the kills of the API's clients")
			}
			return
		}
		for _, id := range ids {
			if c := k.conns.ofSession(id); c != nil {
				c.kill()
			}
		}
	}
}
