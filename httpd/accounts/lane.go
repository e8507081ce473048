package accounts

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

const (
	// slowPause is how long the slow lane is closed after a login: it bounds how many passwords
	// of an account can be tried from everywhere together.
	slowPause = 250 * time.Millisecond
	// pairPause is how long a network waits after a login to an account before its next one to
	// that account gets the lane.
	pairPause = time.Second
	// mostOfPair bounds how many logins of a network to an account wait, and mostOfNetwork how
	// many of a network.
	mostOfPair    = 4
	mostOfNetwork = 8
)

// lane lets logins through one at a time, with a pause after each. Networks take turns, and
// within a network an account with fewer failures is next, so that a login does not wait for an
// attacker's from elsewhere, or to other accounts. Of one network and account any login may be
// next: an attacker that shares both with the owner cannot fill the queue ahead of the owner.
// Its methods are safe for concurrent use.
type lane struct {
	mu      sync.Mutex // guards the fields below
	busy    bool       // a login has the lane
	open    time.Time  // when the next one may have it
	waiting []*waiter
	paced   map[string]time.Time // when the next login of a pair may have it
	served  map[string]time.Time // when a network had it last
	wake    *time.Timer          // calls next; nil where nothing waits for a time
}

// waiter is a login that waits for the lane.
type waiter struct {
	keys     keys
	failures int       // of the pair
	turn     chan bool // true: it is its turn; false: it has to give way
}

func newLane() *lane {
	return &lane{paced: make(map[string]time.Time), served: make(map[string]time.Time)}
}

// enter blocks until the lane is the caller's, which leaves it. It returns an error when ctx ends
// first or too many wait: a [*BackOffError] where the network has failed too often with the
// account, and [ErrCrowded] otherwise.
func (l *lane) enter(ctx context.Context, k keys, failures int) (leave func(), err error) {
	w := &waiter{keys: k, failures: failures, turn: make(chan bool, 1)}
	if !l.add(w) {
		return nil, w.refused()
	}
	select {
	case mine := <-w.turn:
		if !mine {
			return nil, w.refused()
		}
		return func() { l.leave(k) }, nil
	case <-ctx.Done():
		if l.remove(w); len(w.turn) > 0 && <-w.turn {
			l.leave(k) // it had just become its turn
		}
		return nil, w.refused()
	}
}

// refused returns the error of a login that does not get the lane.
func (w *waiter) refused() error {
	if w.failures > ofPair.free {
		return &BackOffError{Wait: pairPause}
	}
	return ErrCrowded
}

// add adds a login to those that wait. Where too many of its pair do, one of them gives way.
// Where too many of its network do, one gives way of the pair that has the most there, or else
// has failed the most; add returns false if that is the login's own.
func (l *lane) add(w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	var ofNetwork []*waiter
	ofPair := make(map[string]int)
	for _, other := range l.waiting {
		if other.keys.network == w.keys.network {
			ofNetwork = append(ofNetwork, other)
			ofPair[other.keys.pair]++
		}
	}
	full := ofPair[w.keys.pair] >= mostOfPair
	if full || len(ofNetwork) >= mostOfNetwork {
		away := w
		for _, i := range rand.Perm(len(ofNetwork)) {
			other := ofNetwork[i]
			switch own := other.keys.pair == w.keys.pair; {
			case full && own:
				away = other
			case !full && !own && cmp.Or(cmp.Compare(ofPair[other.keys.pair], max(ofPair[away.keys.pair], 1)), cmp.Compare(other.failures, away.failures)) > 0:
				away = other
			}
		}
		if away == w {
			return false
		}
		l.drop(away)
		away.turn <- false
	}
	l.waiting = append(l.waiting, w)
	l.next()
	return true
}

func (l *lane) remove(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop(w)
}

// drop takes a login off those that wait. The caller holds mu.
func (l *lane) drop(w *waiter) {
	l.waiting = slices.DeleteFunc(l.waiting, func(other *waiter) bool { return other == w })
}

// leave gives the lane back after a login.
func (l *lane) leave(k keys) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for other, until := range l.paced {
		if !until.After(now) {
			delete(l.paced, other)
		}
	}
	for other, at := range l.served {
		if now.Sub(at) > slotWait {
			delete(l.served, other)
		}
	}
	l.busy, l.open = false, now.Add(slowPause)
	l.paced[k.pair], l.served[k.network] = now.Add(pairPause), now
	l.next()
}

// before reports whether a login is next before one of another pair that has come earlier.
func (l *lane) before(w, other *waiter) bool {
	if c := l.served[w.keys.network].Compare(l.served[other.keys.network]); c != 0 {
		return c < 0
	}
	return w.failures < other.failures
}

// next gives the lane to a login, or arranges to be called when one may have it. The caller
// holds mu.
func (l *lane) next() {
	if l.wake != nil {
		l.wake.Stop()
		l.wake = nil
	}
	if l.busy || len(l.waiting) == 0 {
		return
	}
	now := time.Now()
	var earliest time.Time
	var first []*waiter // of the pair that is next
	for _, w := range l.waiting {
		at := l.open
		if until := l.paced[w.keys.pair]; until.After(at) {
			at = until
		}
		switch {
		case at.After(now):
			if earliest.IsZero() || at.Before(earliest) {
				earliest = at
			}
		case len(first) > 0 && w.keys.pair == first[0].keys.pair:
			first = append(first, w)
		case len(first) == 0 || l.before(w, first[0]):
			first = []*waiter{w}
		}
	}
	if len(first) == 0 {
		l.wake = time.AfterFunc(earliest.Sub(now), func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.next()
		})
		return
	}
	w := first[rand.IntN(len(first))]
	l.drop(w)
	l.busy = true
	w.turn <- true
}
