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
			last, err := r.reader.Record(s.Version)
			if err != nil {
				return nil, err
			}
			seen := last.Recorded
			if s.Incarnation() == source.Incarnation {
				seen = max(seen, source.LastSeen, r.lastAlive)
			}
			entries[i] = journal.Entry(s.ID, &events.SessionLost{Cause: events.ReasonRegistryCrashed, LastSeen: seen})
		}
		return entries, nil
	})
}
