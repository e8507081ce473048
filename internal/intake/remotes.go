package intake

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"gatebook/internal/calls"
	"gatebook/projection"
)

// remotes are the sources outside this process that report, by the key of their name:
// what is remembered of each from one report to the next.
type remotes struct {
	now func() time.Time

	mu    sync.Mutex // guards the field below, and the times in it
	byKey map[string]*remote
}

// remote is a source outside.
type remote struct {
	// turn is had by the call that deals with a report of the source, or with the end of
	// its lease: one after the other.
	turn calls.Turn
	// until is when the lease runs out, seen when the source was last heard of. They are
	// zero before the first report was taken.
	until, seen time.Time
}

func newRemotes(now func() time.Time) *remotes {
	return &remotes{now: now, byKey: make(map[string]*remote)}
}

// enter takes the turn of a source, which the caller leaves. It returns
// [storage.ErrBusy] when ctx ends first.
func (l *remotes) enter(ctx context.Context, source string) (*remote, error) {
	key := projection.NameKey(source)
	for {
		l.mu.Lock()
		o := l.byKey[key]
		if o == nil {
			o = &remote{turn: calls.NewTurn()}
			l.byKey[key] = o
		}
		l.mu.Unlock()
		if err := o.turn.Take(ctx); err != nil {
			return nil, fmt.Errorf("wait for other reports of source %s: %w", source, err)
		}
		l.mu.Lock()
		current := l.byKey[key] == o
		l.mu.Unlock()
		if current {
			return o, nil
		}
		o.turn.Leave() // it was forgotten meanwhile
	}
}

// forget forgets a source whose turn the caller has.
func (l *remotes) forget(source string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.byKey, projection.NameKey(source))
}

// renew begins a source's lease anew: it was heard of.
func (l *remotes) renew(o *remote, lease time.Duration) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	o.seen, o.until = now, now.Add(lease)
}

// times returns when the lease of a source runs out and when it was last heard of.
func (l *remotes) times(o *remote) (until, seen time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return o.until, o.seen
}

// begin gives a source one lease from now on.
func (l *remotes) begin(source string, lease time.Duration) {
	until := l.now().Add(lease)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byKey[projection.NameKey(source)] = &remote{turn: calls.NewTurn(), until: until}
}

// over returns the keys of the sources whose lease has run out and that do not report
// just now, sorted.
func (l *remotes) over() []string {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	var over []string
	for key, o := range l.byKey {
		if !now.Before(o.until) && !o.turn.Taken() {
			over = append(over, key)
		}
	}
	slices.Sort(over)
	return over
}
