package record

import (
	"context"
	"sync"
	"time"

	"gatebook/events"
)

// gap counts what could not be recorded while the traffic went on. It is safe for
// concurrent use. The zero value is empty.
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

// counted returns what was counted and not taken.
func (g *gap) counted() (sessions, lost uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sessions, g.events
}

// empty reports whether nothing is missing. Its caller holds mu.
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

// take empties the gap and returns what it held; nil when that is nothing.
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

// record records the gap, if there is one. Events that cannot be recorded stay in the gap.
func (g *gap) record(ctx context.Context, recorder Recorder) error {
	e := g.take()
	if e == nil {
		return nil
	}
	recorded := false
	defer func() {
		if !recorded { // the recorder failed, or panicked
			g.mu.Lock()
			defer g.mu.Unlock()
			g.add(e.Sessions, e.Events, e.From, e.Until)
		}
	}()
	err := recorder.RecordGap(ctx, *e)
	recorded = err == nil
	return err
}
