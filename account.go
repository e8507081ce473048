package gatebook

import (
	"context"
	"time"

	"gatebook/events"
	"gatebook/storage"
)

// RecordAccountChange records that somebody may use the registry, or may no more,
// which happened at that time. Errors: those of appending.
func (r *Registry) RecordAccountChange(ctx context.Context, at time.Time, e events.AccountChanged) error {
	return r.append(ctx, func() ([]storage.Entry, error) {
		added := entry(0, &e)
		added.Record.Occurred = events.TimeOf(at)
		return []storage.Entry{added}, nil
	})
}
