package accounts

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// slowPause is how long the slow lane is closed after a login: it bounds how many passwords
// of an account can be tried from everywhere together.
const slowPause = 250 * time.Millisecond

// lane lets logins through one at a time, with a pause after each. At most one login of a
// network waits for it. Its methods are safe for concurrent use.
type lane struct {
	turn chan time.Time // holds the time at which the next login may begin; empty while one has the lane

	mu      sync.Mutex // guards waiting
	waiting map[netip.Prefix]bool
}

func newLane() *lane {
	l := &lane{turn: make(chan time.Time, 1), waiting: make(map[netip.Prefix]bool)}
	l.turn <- time.Time{}
	return l
}

// enter blocks until the lane is the caller's, which leaves it. It returns [ErrCrowded] when
// another login of the network waits, or ctx ends first.
func (l *lane) enter(ctx context.Context, client netip.Addr) (leave func(), err error) {
	network := networkOf(client)
	if !l.begin(network) {
		return nil, ErrCrowded
	}
	defer l.end(network)
	select {
	case open := <-l.turn:
		timer := time.NewTimer(time.Until(open))
		defer timer.Stop()
		select {
		case <-timer.C:
			return func() { l.turn <- time.Now().Add(slowPause) }, nil
		case <-ctx.Done():
			l.turn <- open
		}
	case <-ctx.Done():
	}
	return nil, ErrCrowded
}

// begin notes that a login of a network waits, and reports false when another one does.
func (l *lane) begin(network netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting[network] {
		return false
	}
	l.waiting[network] = true
	return true
}

func (l *lane) end(network netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, network)
}
