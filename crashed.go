package gatebook

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"gatebook/events"
	"gatebook/internal/calls"
	"gatebook/internal/journal"
	"gatebook/internal/query"
	"gatebook/projection"
	"gatebook/storage"
)

// crash ends what the last run of the program left open. It is safe for concurrent use.
type crash struct {
	state   *projection.State
	reader  *query.Reader
	journal *journal.Journal
	now     func() events.Time
	// lastAlive is when the last run was known to be alive, beside its records.
	lastAlive events.Time
	// all is true where the sessions of programs outside are over too: the log was restored, and
	// what they have reported since is gone.
	all bool
	// lost is called with how many sessions are lost by it.
	lost func(sessions int)

	// unsettled is true while the ends wait for space. The call that records them has
	// settling.
	unsettled atomic.Bool
	settling  calls.Turn
}

// settle ends what the last run left open, if that could not be recorded when the registry
// was opened: see [crash.deferEnds].
func (c *crash) settle(ctx context.Context) error {
	if !c.unsettled.Load() {
		return nil
	}
	if err := c.settling.Take(ctx); err != nil {
		return err
	}
	defer c.settling.Leave()
	if !c.unsettled.Load() {
		return nil
	}
	err := c.journal.RecordDeferred(ctx)
	if err == nil {
		err = c.markLost(ctx)
	}
	c.unsettled.Store(err != nil)
	return err
}

// deferEnds keeps in memory that what the last run left open is over, while there is no
// space to record it. The sessions are shown to be over.
func (c *crash) deferEnds() error {
	c.unsettled.Store(true)
	now := c.now()
	sources, _ := c.state.Sources()
	for _, source := range sources {
		if source.Lease != 0 && !c.all {
			continue
		}
		for _, s := range c.state.LiveOf(source.Name) {
			lost, err := c.end(source, s)
			if err != nil {
				return err
			}
			c.journal.Defer(s.ID, now, lost)
			c.lost(1)
		}
	}
	return nil
}

// markLost ends what the last run left open: every session of a source that lived
// in this process's predecessor becomes lost, and then its source. It can be cut off
// anywhere and goes on at the next start; a session is marked once.
func (c *crash) markLost(ctx context.Context) error {
	sources, _ := c.state.Sources()
	for _, source := range sources {
		if source.Lease != 0 && !c.all {
			continue // it may still be alive: its lease decides
		}
		for chunk := range slices.Chunk(c.state.LiveOf(source.Name), journal.MaxBatch) {
			if err := c.lose(ctx, source, chunk); err != nil {
				return fmt.Errorf("mark what the last run left open as lost: source %s: %w", source.Name, err)
			}
			c.lost(len(chunk))
		}
		err := c.journal.Append(ctx, c.journal.OfRunning(source.Name, source.Incarnation, &events.SourceLost{
			Source: source.Name, Incarnation: source.Incarnation,
			Cause: events.ReasonRegistryCrashed, LastSeen: max(source.LastSeen, c.lastAlive),
		}))
		if err != nil {
			return fmt.Errorf("mark what the last run left open as lost: source %s: %w", source.Name, err)
		}
	}
	return nil
}

func (c *crash) lose(ctx context.Context, source *projection.Source, sessions []*projection.Session) error {
	return c.journal.Append(ctx, func() ([]storage.Entry, error) {
		entries := make([]storage.Entry, len(sessions))
		for i, s := range sessions {
			lost, err := c.end(source, s)
			if err != nil {
				return nil, err
			}
			entries[i] = journal.Entry(s.ID, lost)
		}
		return entries, nil
	})
}

// end returns the end of a session that the last run left open.
func (c *crash) end(source *projection.Source, s *projection.Session) (*events.SessionLost, error) {
	last, err := c.reader.Record(s.Version)
	if err != nil {
		return nil, err
	}
	seen := last.Recorded
	if s.Incarnation() == source.Incarnation {
		seen = max(seen, source.LastSeen, c.lastAlive)
	}
	return &events.SessionLost{Cause: events.ReasonRegistryCrashed, LastSeen: seen}, nil
}
