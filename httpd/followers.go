package httpd

import (
	"context"
	"runtime"
	"sync"
	"time"
)

const (
	// gather is how long a follower that has just been told waits before it looks
	// again, for each hundred that there are and at most gatherMost, so that many of
	// them do not wake for every commit.
	gather     = 20 * time.Millisecond
	gatherMost = 250 * time.Millisecond
)

// followers are the requests that have no end of their own.
type followers struct {
	// turns are of those who read the log and render it, half as many as there are
	// processors: however many follow, who writes finds one that is free.
	turns chan struct{}
	// writeTimeout is how long a follower may take nothing; not changed while there are
	// any.
	writeTimeout time.Duration

	mu      sync.Mutex // guards the fields below
	stops   map[*func()]struct{}
	leaving bool
}

func newFollowers() *followers {
	return &followers{turns: make(chan struct{}, max(runtime.GOMAXPROCS(0)/2, 1)), writeTimeout: followerWriteTimeout}
}

// inTurn does something when it is the caller's turn, if ctx has not ended before. It
// must not wait for a client.
func (f *followers) inTurn(ctx context.Context, do func() error) error {
	select {
	case f.turns <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-f.turns }()
	return do()
}

// pause is how long one waits that has just been told.
func (f *followers) pause() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return min(gather*time.Duration(1+len(f.stops)/100), gatherMost)
}

// enter adds a request, of which stop is called when all have to leave: at once if
// they have already. Once the function that it returns has returned, stop is not
// called any more.
func (f *followers) enter(stop func()) (gone func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.leaving {
		stop()
		return func() {}
	}
	if f.stops == nil {
		f.stops = make(map[*func()]struct{})
	}
	f.stops[&stop] = struct{}{}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.stops, &stop)
	}
}

// number is how many there are.
func (f *followers) number() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.stops)
}

// leave stops those that are there and those that come. stop must not block.
func (f *followers) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leaving = true
	for stop := range f.stops {
		(*stop)()
	}
}

// unlessLeaving does something that leaving is to have the last word on.
func (f *followers) unlessLeaving(do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.leaving {
		return nil
	}
	return do()
}
