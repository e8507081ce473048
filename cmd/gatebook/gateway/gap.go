package gateway

import (
	"context"
	"sync"
	"time"

	"gatebook/events"
)

// gapRetry is how often the book is told of a gap until it takes note.
const gapRetry = time.Second

// gap counts what could not be recorded while the traffic went on. Counters that
// were not recorded are no part of it: the next ones hold them.
type gap struct {
	// mu guards the rest.
	mu               sync.Mutex
	sessions, events uint64
	from, until      events.Time
}

// note counts what could not be recorded, and reports whether a gap begins.
func (g *gap) note(sessions, lost uint64, now time.Time) (first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	first = g.empty()
	at := events.TimeOf(now)
	g.add(sessions, lost, at, at)
	return first
}

// empty tells whether nothing is missing. Its caller holds mu.
func (g *gap) empty() bool { return g.sessions == 0 && g.events == 0 }

// add counts. Its caller holds mu.
func (g *gap) add(sessions, lost uint64, from, until events.Time) {
	if g.from == 0 || from < g.from {
		g.from = from
	}
	g.until = max(g.until, until)
	g.sessions += sessions
	g.events += lost
}

// take takes what was counted; nil when there is nothing.
func (g *gap) take() *events.RecordingGap {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.empty() {
		return nil
	}
	e := &events.RecordingGap{Sessions: g.sessions, Events: g.events, From: g.from, Until: g.until}
	g.sessions, g.events, g.from, g.until = 0, 0, 0, 0
	return e
}

// record tells the book of the gap, if there is one.
func (g *gap) record(ctx context.Context, book Book) error {
	e := g.take()
	if e == nil {
		return nil
	}
	recorded := false
	defer func() {
		if !recorded { // the book panicked, or says why not
			g.mu.Lock()
			defer g.mu.Unlock()
			g.add(e.Sessions, e.Events, e.From, e.Until)
		}
	}()
	err := book.RecordGap(ctx, *e)
	recorded = err == nil
	return err
}

// watchGap tells the book of gaps until ctx ends.
func (all *sessions) watchGap(ctx context.Context) {
	for pause(ctx, gapRetry) {
		_ = all.gap.record(ctx, all.book) // that the log takes nothing has been said
	}
}
