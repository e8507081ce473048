package gatebook

import (
	"context"
	"fmt"
	"slices"

	"gatebook/events"
	"gatebook/internal/journal"
	"gatebook/projection"
	"gatebook/storage"
)

// settle ends what the last run left open, if that could not be recorded when the registry
// was opened: see [Registry.deferCrashed].
func (r *Registry) settle(ctx context.Context) error {
	if !r.unsettled.Load() {
		return nil
	}
	if err := r.settling.Take(ctx); err != nil {
		return err
	}
	defer r.settling.Leave()
	if !r.unsettled.Load() {
		return nil
	}
	err := r.journal.RecordDeferred(ctx)
	if err == nil {
		err = r.markCrashedLost(ctx)
	}
	r.unsettled.Store(err != nil)
	return err
}

// deferCrashed keeps in memory that what the last run left open is over, while there is no
// space to record it. The sessions are shown to be over.
func (r *Registry) deferCrashed() error {
	r.unsettled.Store(true)
	now := events.TimeOf(r.options.Now())
	sources, _ := r.state.Sources()
	for _, source := range sources {
		if source.Lease != 0 {
			continue
		}
		for _, s := range r.state.LiveOf(source.Name) {
			lost, err := r.crashed(source, s)
			if err != nil {
				return err
			}
			r.journal.Defer(s.ID, now, lost)
			r.opening.Lost++
		}
	}
	return nil
}

// markCrashedLost ends what the last run left open: every session of a source that lived
// in this process's predecessor becomes lost, and then its source. It can be cut off
// anywhere and goes on at the next start; a session is marked once.
func (r *Registry) markCrashedLost(ctx context.Context) error {
	sources, _ := r.state.Sources()
	for _, source := range sources {
		if source.Lease != 0 {
			continue // it may still be alive: its lease decides
		}
		for chunk := range slices.Chunk(r.state.LiveOf(source.Name), journal.MaxBatch) {
			if err := r.loseCrashed(ctx, source, chunk); err != nil {
				return fmt.Errorf("mark what the last run left open as lost: source %s: %w", source.Name, err)
			}
			r.opening.Lost += len(chunk)
		}
		err := r.append(ctx, r.journal.OfRunning(source.Name, source.Incarnation, &events.SourceLost{
			Source: source.Name, Incarnation: source.Incarnation,
			Cause: events.ReasonRegistryCrashed, LastSeen: max(source.LastSeen, r.lastAlive),
		}))
		if err != nil {
			return fmt.Errorf("mark what the last run left open as lost: source %s: %w", source.Name, err)
		}
	}
	return nil
}

func (r *Registry) loseCrashed(ctx context.Context, source *projection.Source, sessions []*projection.Session) error {
	return r.append(ctx, func() ([]storage.Entry, error) {
		entries := make([]storage.Entry, len(sessions))
		for i, s := range sessions {
			lost, err := r.crashed(source, s)
			if err != nil {
				return nil, err
			}
			entries[i] = journal.Entry(s.ID, lost)
		}
		return entries, nil
	})
}

// crashed returns the end of a session that the last run left open.
func (r *Registry) crashed(source *projection.Source, s *projection.Session) (*events.SessionLost, error) {
	last, err := r.reader.Record(s.Version)
	if err != nil {
		return nil, err
	}
	seen := last.Recorded
	if s.Incarnation() == source.Incarnation {
		seen = max(seen, source.LastSeen, r.lastAlive)
	}
	return &events.SessionLost{Cause: events.ReasonRegistryCrashed, LastSeen: seen}, nil
}
